// What applications do with the official client: data, acknowledgements, namespaces, rooms, limits.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { MODES, ask, client, closeAll, collected, connect, connected, received, settle } from "./clients.mjs";
import { MAX_PAYLOAD, sleep, startConformance } from "./support.mjs";

let server;
before(async () => {
  // Long enough that no heartbeat is missed on a busy computer.
  server = await startConformance("--socketio", { "ping-interval": 5000, "ping-timeout": 5000 });
});
after(() => server.end());
afterEach(closeAll);

/** Buffers as plain numbers, whatever class they have. */
function plain(value) {
  if (Buffer.isBuffer(value) || value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
    return { bytes: [...bytes] };
  }
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value;
}

async function reasonOf(id) {
  const observer = await connect(server);
  for (let i = 0; i < 80; i += 1) {
    const [reason] = await ask(observer, "reason-of", id);
    if (reason !== null) {
      return reason;
    }
    await sleep(25);
  }
  return null;
}

for (const mode of Object.keys(MODES)) {
  describe(`${mode}: data`, () => {
    it("JSON values of every kind come back as they were", async () => {
      const socket = await connect(server, { mode });
      const args = [1, -1.5, 1e300, "text", "", true, false, null, [], {}, [[1], { a: { b: [null] } }]];
      const back = received(socket, "message-back");
      socket.emit("message", ...args);
      assert.deepEqual(await back, args);
    });

    it("text of any alphabet comes back", async () => {
      const socket = await connect(server, { mode });
      const args = ["é€😀", "\u2028\u2029\u0000\u001f\"\\/", "日本語 עברית العربية", "👩‍👩‍👧‍👦", "\uffff", "a\u001eb"];
      const back = received(socket, "message-back");
      socket.emit("message", ...args, Object.fromEntries(args.map((text) => [text, text])));
      assert.deepEqual(await back, [...args, Object.fromEntries(args.map((text) => [text, text]))]);
    });

    it("an event without arguments comes back without arguments", async () => {
      const socket = await connect(server, { mode });
      const back = received(socket, "message-back");
      socket.emit("message");
      assert.deepEqual(await back, []);
    });

    it("binary of every kind comes back, nested and empty too", async () => {
      const socket = await connect(server, { mode });
      const words = new Uint16Array([1, 2, 3, 4]);
      const args = [
        Buffer.from([1, 2, 3]),
        new Uint8Array([4, 5]).buffer,
        words.subarray(1, 3),
        new DataView(new ArrayBuffer(2)),
        Buffer.alloc(0),
        { a: [null, { b: Buffer.from("deep") }], c: new Float64Array([1.5]) },
      ];
      const back = received(socket, "message-back");
      socket.emit("message", ...args);
      assert.deepEqual(plain(await back), plain(args));
    });

    it("binary of all byte values in every length modulo three", async () => {
      const socket = await connect(server, { mode });
      for (const length of [255, 256, 257]) {
        const bytes = Buffer.from(Array.from({ length }, (_, i) => i & 0xff));
        assert.deepEqual(plain(await ask(socket, "message-with-ack", bytes)), [plain(bytes)]);
      }
    });

    it("text and binary keep their order", async () => {
      const socket = await connect(server, { mode });
      const all = collected(socket, "message-back", 100);
      for (let i = 0; i < 100; i += 1) {
        socket.emit("message", i % 3 === 0 ? { i: Buffer.from([i]) } : { i });
      }
      assert.deepEqual(
        (await all).map(({ i }) => (typeof i === "number" ? i : new Uint8Array(i)[0])),
        Array.from({ length: 100 }, (_, i) => i),
      );
    });

    it("large JSON and large binary make three round trips", async () => {
      const socket = await connect(server, { mode });
      let text = { list: Array.from({ length: 20_000 }, (_, i) => `item ${i}`) };
      let bytes = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 7) & 0xff));
      const before = [text, Buffer.from(bytes)];
      for (let i = 0; i < 3; i += 1) {
        [text] = await ask(socket, "message-with-ack", text);
        [bytes] = await ask(socket, "message-with-ack", bytes);
      }
      assert.deepEqual(text, before[0]);
      assert.ok(before[1].equals(Buffer.from(bytes)));
    });
  });

  describe(`${mode}: acknowledgements`, () => {
    it("from the server, with text, binary and nothing", async () => {
      const socket = await connect(server, { mode });
      assert.deepEqual(await ask(socket, "message-with-ack", 1, "2", { 3: [true] }), [1, "2", { 3: [true] }]);
      assert.deepEqual(plain(await ask(socket, "message-with-ack", Buffer.from([9]), { a: Buffer.alloc(0) })), [
        { bytes: [9] },
        { a: { bytes: [] } },
      ]);
      assert.deepEqual(await ask(socket, "message-with-ack"), []);
    });

    it("from the server, many at once and each to its own question", async () => {
      const socket = await connect(server, { mode });
      const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => socket.emitWithAck("message-with-ack", i)));
      assert.deepEqual(replies, Array.from({ length: 50 }, (_, i) => i));
    });

    it("from the client, with text and binary", async () => {
      const socket = await connect(server, { mode });
      socket.on("question", (text, bytes, reply) => reply({ text }, bytes, [Buffer.from([7])]));
      const reply = await ask(socket, "ask-me", 3000, "who?", Buffer.from([1, 2]));
      assert.deepEqual(plain(reply), [null, { text: "who?" }, { bytes: [1, 2] }, [{ bytes: [7] }]]);
    });

    it("from the client too late", async () => {
      const socket = await connect(server, { mode });
      let reply;
      socket.on("question", (answer) => {
        reply = answer;
      });
      const since = performance.now();
      assert.deepEqual(await ask(socket, "ask-me", 150), ["operation has timed out"]);
      assert.ok(performance.now() - since >= 135);
      // The late answer has no effect.
      reply("late");
      assert.deepEqual(await ask(socket, "message-with-ack", 1), [1]);
    });

    it("that never come time out at the client", async () => {
      const socket = await connect(server, { mode });
      await assert.rejects(socket.timeout(50).emitWithAck("nobody listens"), /operation has timed out/);
      assert.equal(await socket.timeout(5000).emitWithAck("message-with-ack", "still fine"), "still fine");
    });
  });

  describe(`${mode}: namespaces`, () => {
    it("auth is an object of the client's", async () => {
      const socket = client(server, { mode, auth: { token: "123", nested: { a: [1] } } });
      assert.deepEqual(await received(socket, "auth"), [{ token: "123", nested: { a: [1] } }]);
    });

    it("auth is empty if there is none", async () => {
      const socket = client(server, { mode });
      assert.deepEqual(await received(socket, "auth"), [{}]);
    });

    it("several share a connection and keep apart", async () => {
      const main = await connect(server, { mode });
      const custom = main.io.socket("/custom", { auth: { who: "custom" } });
      assert.deepEqual(await received(custom, "auth"), [{ who: "custom" }]);
      assert.notEqual(main.id, custom.id);
      main.on("message-back", () => assert.fail("belongs to the other namespace"));
      const back = received(custom, "message-back");
      custom.emit("message", Buffer.from([1]));
      assert.deepEqual(plain(await back), [{ bytes: [1] }]);
      main.disconnect();
      assert.deepEqual(await ask(custom, "message-with-ack", "alone"), ["alone"]);
      custom.disconnect();
    });

    it("an unknown one is refused", async () => {
      const socket = client(server, { mode, namespace: "/unknown" });
      const [error] = await received(socket, "connect_error");
      assert.equal(error.message, "Invalid namespace");
      assert.equal(error.data, undefined);
      assert.equal(socket.active, false);
    });

    it("a refusal carries data, and another attempt with better auth succeeds", async () => {
      const socket = client(server, { mode, namespace: "/refuse", auth: { token: "guess" } });
      const [error] = await received(socket, "connect_error");
      assert.equal(error.message, "not authorized");
      assert.deepEqual(error.data, { code: 401 });
      assert.equal(socket.active, false);
      socket.auth = { token: "let me in" };
      socket.connect();
      await connected(socket);
      assert.deepEqual(await ask(socket, "message-with-ack", "in"), ["in"]);
    });

    it("one may be left and joined again", async () => {
      const main = await connect(server, { mode });
      const custom = main.io.socket("/custom");
      await connected(custom);
      const first = custom.id;
      custom.disconnect();
      assert.deepEqual(await ask(main, "message-with-ack", 1), [1]);
      custom.connect();
      await connected(custom);
      assert.notEqual(custom.id, first);
    });

    it("the handshake tells about the first request", async () => {
      const socket = await connect(server, {
        mode,
        auth: { a: 1 },
        query: { "x y": "ä&=", empty: "" },
        extraHeaders: { "X-Custom": "yes", Origin: "http://elsewhere.example" },
      });
      const [handshake] = await ask(socket, "handshake");
      assert.deepEqual(handshake.auth, { a: 1 });
      assert.equal(handshake.query["x y"], "ä&=");
      assert.equal(handshake.query.empty, "");
      assert.equal(handshake.query.EIO, "4");
      assert.equal(handshake.query.transport, mode === "websocket" ? "websocket" : "polling");
      assert.equal(handshake.headers["x-custom"], "yes");
      assert.match(handshake.address, /^(::ffff:)?127\.0\.0\.1$/);
      assert.equal(handshake.secure, false);
      assert.equal(handshake.xdomain, true);
      assert.ok(handshake.url.startsWith("/socket.io/?"), handshake.url);
    });
  });

  describe(`${mode}: payload limit`, () => {
    const overhead = '42["message-with-ack",""]'.length + 1;

    it("a message of exactly the limit makes the round trip", async () => {
      const socket = await connect(server, { mode });
      // The first acknowledgement has the id 0, one digit.
      const text = "a".repeat(MAX_PAYLOAD - overhead);
      assert.deepEqual(await ask(socket, "message-with-ack", text), [text]);
    });

    it("one byte more ends the connection, and the server goes on", async () => {
      const socket = await connect(server, { mode });
      const bystander = await connect(server, { mode });
      const { id } = socket;
      const gone = received(socket, "disconnect");
      socket.emit("message-with-ack", "a".repeat(MAX_PAYLOAD - overhead + 1), () => assert.fail("acknowledged"));
      assert.equal((await gone)[0], mode === "polling" ? "transport error" : "transport close");
      assert.equal(await reasonOf(id), mode === "polling" ? "transport close" : "transport error");
      assert.deepEqual(await ask(bystander, "message-with-ack", 1), [1]);
    });

    it("so does binary over the limit", async () => {
      const socket = await connect(server, { mode });
      const gone = received(socket, "disconnect");
      socket.emit("message", Buffer.alloc(MAX_PAYLOAD + 1));
      assert.equal((await gone)[0], mode === "polling" ? "transport error" : "transport close");
      const next = await connect(server, { mode });
      assert.deepEqual(await ask(next, "message-with-ack", 1), [1]);
    });
  });

  describe(`${mode}: volatile`, () => {
    it("only the first of several in one step can arrive", async () => {
      const socket = await connect(server, { mode });
      const seen = [];
      socket.on("maybe", (i) => seen.push(i));
      await ask(socket, "volatile", 3, "maybe");
      if (mode === "polling") {
        // Without an open poll at that moment even the first is dropped.
        assert.ok(seen.length === 0 || (seen.length === 1 && seen[0] === 0), String(seen));
      } else {
        assert.deepEqual(seen, [0]);
      }
    });
  });
}

describe("rooms", () => {
  /** Clients of mixed transports and what each has seen of the event `news`. */
  async function group(size) {
    const modes = Object.keys(MODES);
    const sockets = await Promise.all(
      Array.from({ length: size }, (_, i) => connect(server, { mode: modes[i % modes.length] })),
    );
    const seen = sockets.map(() => []);
    sockets.forEach((socket, i) => socket.on("news", (...args) => seen[i].push(plain(args))));
    return { sockets, seen };
  }

  it("a socket is in the room of its id and in those it joined, once each", async () => {
    const socket = await connect(server);
    assert.deepEqual(await ask(socket, "rooms"), [[socket.id]]);
    assert.deepEqual(await ask(socket, "join", "b", "a", "b"), []);
    assert.deepEqual(await ask(socket, "join", "a"), []);
    assert.deepEqual(await ask(socket, "rooms"), [[socket.id, "a", "b"].sort()]);
    assert.deepEqual(await ask(socket, "leave", "a", "never joined"), []);
    assert.deepEqual(await ask(socket, "rooms"), [[socket.id, "b"].sort()]);
  });

  it("to: the union without duplicates, without the sender", async () => {
    const { sockets, seen } = await group(4);
    const [a, b, c, d] = sockets;
    await ask(a, "join", "one", "two");
    await ask(b, "join", "one", "two");
    await ask(c, "join", "two");
    await ask(a, "to", ["one", "two"], "news", 1, Buffer.from([2]));
    await settle(a, b, c, d);
    assert.deepEqual(seen, [[], [[1, { bytes: [2] }]], [[1, { bytes: [2] }]], []]);
  });

  it("to: the id of a socket reaches that socket", async () => {
    const { sockets, seen } = await group(3);
    await ask(sockets[0], "to", [sockets[2].id], "news", "hi");
    await settle(...sockets);
    assert.deepEqual(seen, [[], [], [["hi"]]]);
  });

  it("to: an empty room reaches nobody", async () => {
    const { sockets, seen } = await group(2);
    await ask(sockets[0], "to", ["nobody here"], "news");
    await settle(...sockets);
    assert.deepEqual(seen, [[], []]);
  });

  it("to: a room that was left is not reached any more", async () => {
    const { sockets, seen } = await group(2);
    await ask(sockets[1], "join", "left");
    await ask(sockets[1], "leave", "left");
    await ask(sockets[0], "to", ["left"], "news");
    await settle(...sockets);
    assert.deepEqual(seen, [[], []]);
  });

  it("from the server: rooms without the excepted ones, sender included", async () => {
    const { sockets, seen } = await group(4);
    const [a, b, c, d] = sockets;
    for (const socket of [a, b, c]) {
      await ask(socket, "join", "all");
    }
    await ask(b, "join", "quiet");
    await ask(a, "io-to", ["all"], ["quiet"], "news", 1);
    await ask(a, "io-to", [], ["quiet", d.id], "news", 2);
    await settle(a, b, c, d);
    assert.deepEqual(seen, [[[1], [2]], [], [[1], [2]], []]);
  });

  it("from the server: everyone in the namespace", async () => {
    const { sockets, seen } = await group(3);
    const custom = sockets[0].io.socket("/custom");
    await connected(custom);
    custom.on("news", () => assert.fail("belongs to the other namespace"));
    await ask(sockets[0], "io-to", [], [], "news", { all: true });
    await settle(...sockets);
    await ask(custom, "message-with-ack");
    assert.deepEqual(seen, sockets.map(() => [[{ all: true }]]));
  });

  it("broadcast: everyone but the sender, in order, binary too", async () => {
    const { sockets, seen } = await group(3);
    for (let i = 0; i < 20; i += 1) {
      sockets[0].emit("broadcast", "news", i, Buffer.from([i]));
    }
    await settle(sockets[0]);
    await settle(...sockets);
    const expected = Array.from({ length: 20 }, (_, i) => [i, { bytes: [i] }]);
    assert.deepEqual(seen, [[], expected, expected]);
  });

  it("a socket that disconnected has left its rooms", async () => {
    const { sockets, seen } = await group(2);
    await ask(sockets[1], "join", "gone");
    const { id } = sockets[1];
    sockets[1].disconnect();
    assert.equal(await reasonOf(id), "client namespace disconnect");
    sockets[1].connect();
    await connected(sockets[1]);
    await ask(sockets[0], "to", ["gone", id], "news");
    await settle(...sockets);
    assert.deepEqual(seen, [[], []]);
  });
});
