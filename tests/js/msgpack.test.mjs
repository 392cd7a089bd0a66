// The official client with the official parser for MessagePack.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import parser from "socket.io-msgpack-parser";
import { MODES, ask, client, closeAll, collected, connect, connected, received, settle } from "./clients.mjs";
import { RawSocket, differs, sleep, startConformance, within } from "./support.mjs";

let server;
before(async () => {
  server = await startConformance("--socketio", {
    parser: "msgpack",
    "ping-interval": 5000,
    "ping-timeout": 5000,
    recovery: 3000,
  });
});
after(() => server.end());
afterEach(closeAll);

/** What recovery adds to the arguments of an event that came. */
const withoutOffset = (args) => args.slice(0, -1);

const bytes = (...values) => Buffer.from(values);

function plain(value) {
  return value instanceof ArrayBuffer ? Buffer.from(value) : value;
}

for (const mode of Object.keys(MODES)) {
  const options = { mode, parser };

  describe(`${mode}: data`, () => {
    it("values of every kind come back as they were", async () => {
      const socket = await connect(server, options);
      const args = [
        [0, 1, -1, 127, 128, 255, 256, 65535, 65536, 2 ** 32, 2 ** 53, -32, -33, -128, -129, -32768, -32769, -(2 ** 53)],
        [0.1, -1.5, 1e-300, 5e-324, Math.PI],
        ["", "a", "é€😀", "\u2028\u0000\u001f\"\\/", "x".repeat(31), "x".repeat(32), "x".repeat(256), "x".repeat(65536)],
        [true, false, null],
        [[], {}, [[1], { a: { b: [null] } }], Array.from({ length: 16 }, (_, i) => i)],
        Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key ${i}`, i])),
        [bytes(), bytes(1, 2, 3), { deep: [{ er: Buffer.alloc(300, 7) }] }, Buffer.alloc(70_000, 1)],
      ];
      assert.deepEqual(await ask(socket, "message-with-ack", ...args), args);
      const back = received(socket, "message-back");
      socket.emit("message", ...args);
      assert.deepEqual(withoutOffset(await back), args);
    });

    it("an ArrayBuffer is binary", async () => {
      const socket = await connect(server, options);
      const [back] = await ask(socket, "message-with-ack", new Uint8Array([4, 5]).buffer);
      assert.deepEqual(plain(back), bytes(4, 5));
    });

    it("what JSON lacks comes back as JSON has it", async () => {
      const socket = await connect(server, options);
      const date = new Date(1_000_196_386_792);
      const args = [undefined, NaN, Infinity, date, { a: undefined, b: date }];
      assert.deepEqual(
        await ask(socket, "message-with-ack", ...args),
        differs({ official: args, ours: JSON.parse(JSON.stringify(args)) }),
      );
    });

    it("more binary values than the default parser allows", async () => {
      const socket = await connect(server, options);
      const args = Array.from({ length: 100 }, (_, i) => bytes(i));
      assert.deepEqual(await ask(socket, "message-with-ack", ...args), args);
    });

    it("what looks like a placeholder is data", async () => {
      const socket = await connect(server, options);
      const lookalike = { _placeholder: true, num: 7 };
      assert.deepEqual(await ask(socket, "message-with-ack", lookalike), [lookalike]);
      // Beside binary a payload could not tell it apart, and so it is changed.
      const changed = differs({ official: lookalike, ours: { _placeholder: 1, num: 7 } });
      assert.deepEqual(await ask(socket, "message-with-ack", lookalike, bytes(1)), [changed, bytes(1)]);
    });

    it("text and binary keep their order", async () => {
      const socket = await connect(server, options);
      const all = collected(socket, "message-back", 100);
      for (let i = 0; i < 100; i += 1) {
        socket.emit("message", i % 3 === 0 ? { i: bytes(i) } : { i });
      }
      const numbers = (await all).map(({ i }) => (typeof i === "number" ? i : i[0]));
      assert.deepEqual(numbers, Array.from({ length: 100 }, (_, i) => i));
    });

    it("large messages make the round trip", async () => {
      const socket = await connect(server, options);
      const list = Array.from({ length: 20_000 }, (_, i) => `item ${i}`);
      const data = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 7) & 0xff));
      assert.deepEqual(await ask(socket, "message-with-ack", list, data), [list, data]);
    });
  });

  describe(`${mode}: acknowledgements`, () => {
    it("from the server, each to its own question", async () => {
      const socket = await connect(server, options);
      assert.deepEqual(await ask(socket, "message-with-ack"), []);
      const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => socket.emitWithAck("message-with-ack", i)));
      assert.deepEqual(replies, Array.from({ length: 50 }, (_, i) => i));
    });

    it("from the client, in time and too late", async () => {
      const socket = await connect(server, options);
      socket.on("question", (text, data, reply) => {
        if (text === "who?") {
          reply({ text }, data);
        }
      });
      assert.deepEqual(await ask(socket, "ask-me", 3000, "who?", bytes(1, 2)), [null, { text: "who?" }, bytes(1, 2)]);
      assert.deepEqual(await ask(socket, "ask-me", 100, "silence", null), ["operation has timed out"]);
    });
  });

  describe(`${mode}: namespaces`, () => {
    it("authentication", async () => {
      const auth = { token: "123", nested: { a: [1, null] } };
      const socket = client(server, { ...options, auth });
      assert.deepEqual(withoutOffset(await received(socket, "auth")), [auth]);
    });

    it("several share a connection, and one may be left and joined again", async () => {
      const main = await connect(server, options);
      const custom = main.io.socket("/custom");
      await connected(custom);
      assert.deepEqual(await ask(custom, "message-with-ack", bytes(1)), [bytes(1)]);
      custom.disconnect();
      assert.deepEqual(await ask(main, "message-with-ack", 1), [1]);
      custom.connect();
      await connected(custom);
      assert.deepEqual(await ask(custom, "message-with-ack", 2), [2]);
    });

    it("an unknown one is refused", async () => {
      const socket = client(server, { ...options, namespace: "/unknown" });
      const [error] = await received(socket, "connect_error");
      assert.equal(error.message, "Invalid namespace");
    });

    it("a refusal carries data, and another attempt with better auth succeeds", async () => {
      const socket = client(server, { ...options, namespace: "/refuse", auth: { token: "guess" } });
      const [error] = await received(socket, "connect_error");
      assert.equal(error.message, "not authorized");
      assert.deepEqual(error.data, { code: 401 });
      socket.auth = { token: "let me in" };
      socket.connect();
      await connected(socket);
      assert.deepEqual(await ask(socket, "message-with-ack", "in"), ["in"]);
    });

    it("the server disconnects one", async () => {
      const socket = await connect(server, options);
      const gone = received(socket, "disconnect");
      socket.emit("disconnect-me", false);
      assert.equal((await gone)[0], "io server disconnect");
    });
  });

  describe(`${mode}: what the server sends by itself`, () => {
    it("broadcasts, to rooms and to all", async () => {
      const sockets = await Promise.all(Array.from({ length: 3 }, () => connect(server, options)));
      const seen = sockets.map(() => []);
      sockets.forEach((socket, i) => socket.on("news", (...args) => seen[i].push(withoutOffset(args))));
      await ask(sockets[1], "join", mode);
      await ask(sockets[0], "to", [mode], "news", 1, bytes(2));
      await ask(sockets[0], "broadcast", "news", { all: bytes(3) });
      await settle(...sockets);
      assert.deepEqual(seen, [[], [[1, bytes(2)], [{ all: bytes(3) }]], [[{ all: bytes(3) }]]]);
    });

    it("volatile events", async () => {
      const socket = await connect(server, options);
      const seen = [];
      socket.on("maybe", (i) => seen.push(i));
      await ask(socket, "volatile", 3, "maybe");
      if (mode === "polling") {
        assert.ok(seen.length <= 1 && seen.every((i) => i === 0), String(seen));
      } else {
        assert.deepEqual(seen, [0]);
      }
    });

    it("what a client that was away has missed", async () => {
      const socket = await connect(server, {
        ...options,
        reconnection: true,
        reconnectionDelay: 100,
        reconnectionDelayMax: 100,
      });
      const { id } = socket;
      const back = received(socket, "message-back");
      socket.emit("message", 1);
      await back;
      const got = [];
      socket.on("news", (...args) => got.push(withoutOffset(args)));
      const lost = received(socket, "disconnect");
      socket.io.engine.close();
      await lost;
      await sleep(20);
      const other = await connect(server, { parser });
      await ask(other, "io-to", [id], [], "news", "to it", bytes(1, 2));
      await connected(socket);
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
      assert.deepEqual(got, [["to it", bytes(1, 2)]]);
    });
  });
}

describe("violations", () => {
  /** A connection that speaks bytes, in the main namespace. */
  async function raw() {
    const socket = new RawSocket(`${server.ws}/socket.io/?EIO=4&transport=websocket`);
    await socket.next();
    socket.send(Buffer.from("83a47479706500a464617461d40000a36e7370a12f", "hex"));
    assert.ok(Buffer.isBuffer(await socket.next()));
    assert.ok(Buffer.isBuffer(await socket.next()));
    return socket;
  }

  for (const [what, message] of [
    ["text", '42["message"]'],
    ["an empty message", Buffer.alloc(0)],
    ["a byte that means nothing", bytes(0xc1)],
    ["a packet that breaks off", Buffer.from("83a47479706502", "hex")],
    ["bytes behind a packet", Buffer.from("82a47479706501a36e7370a12f00", "hex")],
    ["no packet type", Buffer.from("81a36e7370a12f", "hex")],
    ["a packet type of text", Buffer.from("83a47479706505a36e7370a12fa464617461910a", "hex")],
    ["no namespace", Buffer.from("82a47479706502a46461746191a165", "hex")],
    ["an event without data", Buffer.from("82a47479706502a36e7370a12f", "hex")],
    ["an id of text", Buffer.from("84a47479706502a36e7370a12fa46461746191a165a26964a131", "hex")],
  ]) {
    it(`${what} closes the connection`, async () => {
      const socket = await raw();
      socket.send(message);
      await within(5000, "the close", socket.closed);
      const next = await connect(server, { parser });
      assert.deepEqual(await ask(next, "message-with-ack", 1), [1]);
    });
  }

  it("a client with the default parser gets nowhere", async () => {
    const socket = client(server);
    const gone = new Promise((done) => {
      socket.once("connect", () => done("connect"));
      socket.io.once("close", () => done("close"));
    });
    assert.equal(await within(5000, "the close", gone), "close");
  });
});
