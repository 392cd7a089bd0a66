// The official client loses its connection and comes back to what it had.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { MODES, ask, closeAll, connect, connected, received } from "./clients.mjs";
import { sleep, startConformance, within } from "./support.mjs";

const AWAY = 1500;

let server;
before(async () => {
  server = await startConformance("--socketio", {
    "ping-interval": 5000,
    "ping-timeout": 5000,
    recovery: AWAY,
  });
});
after(() => server.end());
afterEach(closeAll);

const RECONNECTING = { reconnection: true, reconnectionDelay: 100, reconnectionDelayMax: 100 };

/** A client in `room` that has got an event with an offset. */
async function prepared(mode, room) {
  const socket = await connect(server, { mode, ...RECONNECTING });
  assert.equal(socket.recovered, false);
  await ask(socket, "join", room);
  const back = received(socket, "message-back");
  socket.emit("message", 1);
  const [number, offset] = await back;
  assert.equal(number, 1);
  assert.equal(typeof offset, "string");
  return socket;
}

/** Loses the connection as a broken network does, and waits until the client knows. */
async function lose(socket) {
  const lost = within(5000, "the loss", new Promise((done) => socket.once("disconnect", done)));
  socket.io.engine.close();
  return lost;
}

for (const mode of Object.keys(MODES)) {
  describe(`${mode}: recovery`, () => {
    it("a client whose connection the server closed comes back by itself to what it had", async () => {
      const socket = await prepared(mode, `closed-${mode}`);
      const { id } = socket;
      const gone = received(socket, "disconnect");
      socket.emit("close-my-connection");
      assert.equal((await gone)[0], "transport close");
      await connected(socket);
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
    });

    it("a client that was away has its id and rooms, and gets what it missed in order", async () => {
      const socket = await prepared(mode, `room-${mode}`);
      const other = await connect(server);
      const { id } = socket;
      const got = [];
      socket.on("news", (...args) => got.push(args.slice(0, -1)));
      assert.equal(await lose(socket), "forced close");
      await sleep(20);
      await ask(other, "io-to", [`room-${mode}`], [], "news", "to the room");
      await ask(other, "io-to", ["elsewhere"], [], "news", "to others");
      await ask(other, "io-to", [id], [], "news", "to it", Buffer.from([1, 2]));
      await ask(other, "broadcast", "news", "to all");
      await connected(socket);
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
      assert.deepEqual(got, [["to the room"], ["to it", Buffer.from([1, 2])], ["to all"]]);
      assert.deepEqual(await ask(socket, "rooms"), [[id, `room-${mode}`].sort()]);
      await ask(other, "io-to", [id], [], "news", "it works on");
      await ask(socket, "count");
      assert.deepEqual(got.at(-1), ["it works on"]);
    });

    it("twice in a row", async () => {
      const socket = await prepared(mode, "twice");
      const { id } = socket;
      for (let i = 0; i < 2; i += 1) {
        await lose(socket);
        await connected(socket);
        assert.equal(socket.recovered, true);
        assert.equal(socket.id, id);
      }
    });
  });
}

describe("recovery", () => {
  it("a client that was away too long begins anew", async () => {
    const socket = await connect(server, {
      ...RECONNECTING,
      reconnectionDelay: AWAY * 2,
      reconnectionDelayMax: AWAY * 2,
      randomizationFactor: 0,
    });
    const back = received(socket, "message-back");
    socket.emit("message", 1);
    await back;
    const { id } = socket;
    await lose(socket);
    await connected(socket);
    assert.equal(socket.recovered, false);
    assert.notEqual(socket.id, id);
  });

  it("a client that leaves and comes again begins anew", async () => {
    const socket = await prepared("websocket", "left");
    const { id } = socket;
    socket.disconnect();
    socket.connect();
    await connected(socket);
    assert.equal(socket.recovered, false);
    assert.notEqual(socket.id, id);
  });
});
