// Checks a server of the measured application with the official client.
// Usage: node check.mjs ADDRESS, as in the line that the server prints.
import assert from "node:assert/strict";
import { once } from "node:events";
import { io } from "socket.io-client";

const url = `http://${process.argv[2]}`;

async function check(name, options) {
  const socket = io(url, { ...options, forceNew: true, reconnection: false });
  socket.on("connect_error", (error) => {
    throw error;
  });
  await once(socket, "connect");
  if (options.transports === undefined && socket.io.engine.transport.name !== "websocket") {
    await once(socket.io.engine, "upgrade");
  }
  for (let count = 0; count < 3; count += 1) {
    assert.equal(await socket.timeout(5000).emitWithAck("echo", `text ${count}`), `text ${count}`);
  }
  const other = io(url, { transports: ["polling"], forceNew: true });
  await once(other, "connect");
  const received = [socket, other].map((each) => once(each, "broadcast"));
  socket.emit("broadcast", 7, "news");
  assert.deepEqual(await Promise.all(received), [[7, "news"], [7, "news"]]);
  other.disconnect();
  const transport = socket.io.engine.transport.name;
  socket.disconnect();
  console.log(`${name}: by ${transport}`);
}

// Without it the process would end quietly if an event never came.
const deadline = setTimeout(() => assert.fail("the server does not answer"), 60_000);
await check("polling", { transports: ["polling"] });
await check("WebSocket", { transports: ["websocket"] });
await check("upgrade", {});
clearTimeout(deadline);
