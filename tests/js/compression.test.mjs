// Compressed answers and messages of a server on engineio-wire, with the clients that browsers and Node.js programs use.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { after, before, describe, it } from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";
import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { CONFORMANCE, SERVED_BY, startConformance, within } from "./support.mjs";

const skip = SERVED_BY !== "wire" || CONFORMANCE.endsWith(".mjs");
const LONG = "hello ".repeat(500);

async function poll(port, encoding) {
  const send = async (method, path, body) => {
    const message = request({ port, method, path, headers: { "accept-encoding": encoding } });
    message.end(body);
    const [response] = await within(5000, "an answer", once(message, "response"));
    return { headers: response.headers, body: Buffer.concat(await response.toArray()) };
  };
  const path = "/engine.io/?EIO=4&transport=polling";
  const opened = await send("GET", path);
  const { sid } = JSON.parse(opened.body.toString().slice(1));
  await send("POST", `${path}&sid=${sid}`, `4${LONG}`);
  return send("GET", `${path}&sid=${sid}`);
}

describe("compression", { skip }, () => {
  let engine;
  let socket;
  before(async () => {
    engine = await startConformance("--engineio", { "wire-compression": true });
    socket = await startConformance("--socketio", { "wire-compression": true });
  });
  after(() => Promise.all([engine?.end(), socket?.end()]));

  it("of answers is that which the client asks for", async () => {
    const gzip = await poll(engine.port, "gzip, deflate");
    assert.equal(gzip.headers["content-encoding"], "gzip");
    assert.equal(gunzipSync(gzip.body).toString(), `4${LONG}`);
    const deflate = await poll(engine.port, "deflate");
    assert.equal(deflate.headers["content-encoding"], "deflate");
    assert.equal(inflateSync(deflate.body).toString(), `4${LONG}`);
    const plain = await poll(engine.port, "br");
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(plain.body.toString(), `4${LONG}`);
  });

  it("of messages is agreed on with ws, in both directions", async () => {
    const ws = new WebSocket(`${engine.ws}/engine.io/?EIO=4&transport=websocket`, {
      perMessageDeflate: { threshold: 0 },
    });
    const messages = [];
    ws.on("message", (data, isBinary) => messages.push(isBinary ? data : data.toString()));
    await within(5000, "the WebSocket to open", once(ws, "open"));
    assert.match(ws.extensions, /permessage-deflate/);
    const random = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * index * 31) % 251));
    ws.send(`4${LONG}`);
    ws.send("4short");
    ws.send(random);
    while (messages.length < 4) await within(5000, "the echoes", once(ws, "message"));
    assert.deepEqual(messages.slice(1), [`4${LONG}`, "4short", random]);
    assert.ok(ws._socket.bytesRead < 5000 + 1500, `${ws._socket.bytesRead} bytes came`);
    ws.close();
    await within(5000, "the WebSocket to close", once(ws, "close"));
  });

  it("of messages serves the official client, which offers it", async () => {
    const client = io(socket.url, { transports: ["websocket"], perMessageDeflate: { threshold: 100 } });
    await within(5000, "the client to connect", once(client, "connect"));
    const back = once(client, "message-back");
    client.emit("message", LONG, Buffer.alloc(3000, 7), 5);
    const [text, bytes, number] = await within(5000, "the echo", back);
    assert.deepEqual([text, bytes.length, number], [LONG, 3000, 5]);
    client.disconnect();
  });
});
