// Official clients of earlier releases: 1.7 and 2.5 speak revision 4 over Engine.IO 3, 3.1 and 4.0 speak revision 5.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import io1 from "socket.io-client-v1";
import io2 from "socket.io-client-v2";
import io3 from "socket.io-client-v3";
import io4 from "socket.io-client-v4-0";
import parser from "socket.io-msgpack-parser";
import parser2 from "socket.io-msgpack-parser-v2";
import { MODES, ask, closeAll as closeNew, collected, connect as connectNew, received, settle, upgraded } from "./clients.mjs";
import { differs, sleep, startConformance, within } from "./support.mjs";

const LIMIT = 10_000;
const REVISION_4 = { "1.7": io1, 2.5: io2 };
const ALL = { ...REVISION_4, 3.1: io3.io, "4.0": io4.io };
/** The parsers for MessagePack; there was none yet for 1.7. */
const PARSERS = { 2.5: parser2, 3.1: parser, "4.0": parser };

let server;
let inMsgpack;
/** One whose heartbeat is quick, with time for a busy computer. */
let quick;
const QUICK = { "ping-interval": 300, "ping-timeout": 900 };
before(async () => {
  const allowed = { "allow-eio3": true };
  const patient = { ...allowed, "ping-interval": 5000, "ping-timeout": 5000 };
  server = await startConformance("--socketio", patient);
  inMsgpack = await startConformance("--socketio", { ...patient, parser: "msgpack" });
  quick = await startConformance("--socketio", { ...allowed, ...QUICK });
});
after(() => Promise.all([server.end(), inMsgpack.end(), quick.end()]));

const open = new Set();
afterEach(() => {
  for (const socket of open) {
    socket.disconnect();
  }
  open.clear();
  closeNew();
});

function client(io, { mode = "websocket", namespace = "/", at = server, ...options } = {}) {
  const socket = io(at.url + namespace, {
    forceNew: true,
    reconnection: false,
    ...MODES[mode],
    ...options,
  });
  open.add(socket);
  return socket;
}

async function connect(io, options = {}) {
  const socket = client(io, options);
  if (!socket.connected) {
    await within(LIMIT, "the client to connect", once(socket, "connect"));
  }
  if (options.mode === "upgrade") {
    await upgraded(socket);
  }
  return socket;
}

const once = (emitter, event) => new Promise((done) => emitter.once(event, (...args) => done(args)));

const bytes = (value) => [...new Uint8Array(value.buffer ? value : new Uint8Array(value))];

for (const [version, io] of Object.entries(ALL)) {
  for (const mode of Object.keys(MODES)) {
    describe(`client ${version} with ${mode}`, () => {
      it("gets back JSON of every kind and text of any alphabet", async () => {
        const socket = await connect(io, { mode });
        const args = [1, -1.5, "text", "", true, null, [], {}, { a: [{ b: null }] }, "é€😀\u2028\u0000", "a\u001eb"];
        // The separator of revision 4 of Engine.IO cannot be carried by its polling.
        const sent = !(version in REVISION_4) && mode === "polling" ? args.slice(0, -1) : args;
        const back = received(socket, "message-back");
        socket.emit("message", ...sent);
        assert.deepEqual(await back, sent);
      });

      it("gets back binary at any depth, in order with text", async () => {
        const socket = await connect(io, { mode });
        const reply = await ask(socket, "message-with-ack", Buffer.from([1, 2]), { a: [Buffer.from([255])] });
        assert.deepEqual(bytes(reply[0]), [1, 2]);
        assert.deepEqual(bytes(reply[1].a[0]), [255]);
        const all = collected(socket, "message-back", 40);
        for (let i = 0; i < 40; i += 1) {
          socket.emit("message", i % 3 === 0 ? { i: Buffer.from([i]) } : { i });
        }
        assert.deepEqual(
          (await all).map(({ i }) => (typeof i === "number" ? i : bytes(i)[0])),
          Array.from({ length: 40 }, (_, i) => i),
        );
      });

      it("acknowledges, and is acknowledged", async () => {
        const socket = await connect(io, { mode });
        assert.deepEqual(await ask(socket, "message-with-ack", 1, "2", { 3: [true] }), [1, "2", { 3: [true] }]);
        assert.deepEqual(await ask(socket, "ask-me", 20), ["operation has timed out"]);
        socket.on("question", (text, reply) => reply({ text }, 7));
        assert.deepEqual(await ask(socket, "ask-me", 3000, "who?"), [null, { text: "who?" }, 7]);
      });

      it("knows the same id as the server", async () => {
        const socket = await connect(io, { mode });
        assert.deepEqual(await ask(socket, "rooms"), [[socket.id]]);
      });

      it("makes large payloads go round", async () => {
        const socket = await connect(io, { mode });
        const list = Array.from({ length: 20_000 }, (_, i) => `item ${i} €`);
        const blob = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7) & 0xff));
        const [text, data] = await ask(socket, "message-with-ack", list, blob);
        assert.deepEqual(text, list);
        assert.ok(blob.equals(Buffer.from(data)));
      });

      it("is taken out of its namespace, or altogether", async () => {
        for (const close of [false, true]) {
          const socket = await connect(io, { mode });
          const { id } = socket;
          const gone = once(socket, "disconnect");
          socket.emit("disconnect-me", close);
          assert.deepEqual(await within(LIMIT, "the end", gone), ["io server disconnect"]);
          const observer = await connectNew(server);
          assert.deepEqual(await ask(observer, "reason-of", id), ["server namespace disconnect"]);
        }
      });

      it("says that it goes", async () => {
        const socket = await connect(io, { mode });
        const { id } = socket;
        socket.disconnect();
        const observer = await connectNew(server);
        let reason = null;
        for (let i = 0; i < 100 && reason === null; i += 1) {
          await sleep(20);
          [reason] = await ask(observer, "reason-of", id);
        }
        // Clients of revision 5 send a DISCONNECT before they close; older ones close at once, and it may be lost.
        assert.match(reason, /^(client namespace disconnect|transport close)$/);
      });
    });
  }

  describe(`client ${version} beside clients of release 4`, () => {
    it("shares rooms and broadcasts with them", async () => {
      const old = await connect(io, { mode: "polling" });
      const fresh = await connectNew(server);
      const other = await connectNew(server, { mode: "polling" });
      await ask(old, "join", "room");
      await ask(fresh, "join", "room");

      const inRoom = received(fresh, "in-room");
      await ask(old, "to", ["room"], "in-room", "from old", Buffer.from([1]));
      const [text, data] = await inRoom;
      assert.deepEqual([text, bytes(data)], ["from old", [1]]);

      const back = received(old, "in-room");
      await ask(fresh, "to", ["room"], "in-room", "from new", Buffer.from([2, 3]));
      const [answer, more] = await back;
      assert.deepEqual([answer, bytes(more)], ["from new", [2, 3]]);

      const everyone = [old, fresh].map((socket) => received(socket, "to-all"));
      await ask(other, "broadcast", "to-all", 7);
      assert.deepEqual(await Promise.all(everyone), [[7], [7]]);
    });

    it("is reached and left out by its id", async () => {
      const [one, two] = [await connect(io), await connect(io, { mode: "polling" })];
      const fresh = await connectNew(server);
      const got = { one: [], two: [], fresh: [] };
      for (const [name, socket] of Object.entries({ one, two, fresh })) {
        socket.on("event", (value) => got[name].push(value));
      }
      await ask(fresh, "io-to", [one.id], [], "event", "by id");
      await ask(one, "io-to", [], [two.id], "event", "but two");
      await ask(two, "to", [fresh.id, one.id], "event", "both");
      await settle(one, two, fresh);
      assert.deepEqual(got, { one: ["by id", "but two", "both"], two: [], fresh: ["but two", "both"] });
    });
  });
}

describe("clients of all versions, on every transport", () => {
  it("stay for several heartbeats", async () => {
    const all = Object.entries(ALL).flatMap(([version, io]) => Object.keys(MODES).map((mode) => [version, mode, io]));
    const gone = [];
    const sockets = await Promise.all(
      all.map(async ([version, mode, io]) => {
        const socket = await connect(io, { mode, at: quick });
        socket.on("disconnect", (reason) => gone.push([version, mode, reason]));
        return socket;
      }),
    );
    await sleep(2 * (QUICK["ping-interval"] + QUICK["ping-timeout"]));
    assert.deepEqual(gone, []);
    for (const socket of sockets) {
      assert.deepEqual(await ask(socket, "message-with-ack", 1), [1]);
    }
  });
});

for (const [version, io] of Object.entries(REVISION_4)) {
  for (const mode of Object.keys(MODES)) {
    describe(`client ${version} with ${mode}: namespaces`, () => {
      // 1.7 takes the bare id of the session, and loses what comes together with the CONNECT.
      if (version !== "1.7") {
        it("joins one with a query, which is its authentication", async () => {
          const query = "token=a%20b%26c&k=%C3%A9";
          const socket = client(io, { mode, namespace: `/custom?${query}` });
          const auth = received(socket, "auth");
          assert.deepEqual(await auth, [{ token: "a b&c", k: "é" }]);
          assert.equal(socket.id, `/custom#${socket.io.engine.id}`);
          const [data] = await ask(socket, "message-with-ack", Buffer.from([1]));
          assert.deepEqual(bytes(data), [1]);
        });
      }

      it("has several on one connection", async () => {
        const main = await connect(io, { mode });
        const custom = main.io.socket("/custom");
        await within(LIMIT, "the namespace", once(custom, "connect"));
        assert.deepEqual(await ask(custom, "message-with-ack", 1), [1]);
        assert.equal(main.id, main.io.engine.id);
        main.emit("disconnect-me", false);
        await within(LIMIT, "the end", once(main, "disconnect"));
        assert.deepEqual(await ask(custom, "message-with-ack", 2), [2]);
      });

      it("is refused by the application with its data, and let in with the right token", async () => {
        const refused = client(io, { mode, namespace: "/refuse" });
        assert.deepEqual(await within(LIMIT, "the refusal", once(refused, "error")), [{ code: 401 }]);
        const taken = client(io, { mode, namespace: "/refuse?token=let%20me%20in" });
        await within(LIMIT, "the connection", once(taken, "connect"));
      });

      it("is refused one that there is not", async () => {
        const refused = client(io, { mode, namespace: "/nope" });
        const [error] = await within(LIMIT, "the refusal", once(refused, "error"));
        assert.deepEqual(error, { message: "Invalid namespace" });
      });
    });
  }

  describe(`client ${version} where older revisions are not allowed`, () => {
    it("is refused", async () => {
      const strict = await startConformance("--socketio");
      try {
        for (const mode of ["polling", "websocket"]) {
          const socket = io(strict.url, { forceNew: true, reconnection: false, ...MODES[mode] });
          open.add(socket);
          await within(LIMIT, "the refusal", once(socket, "connect_error"));
        }
      } finally {
        await strict.end();
      }
    });
  });
}

for (const [version, parser] of Object.entries(PARSERS)) {
  const io = ALL[version];
  for (const mode of Object.keys(MODES)) {
    const options = () => ({ mode, at: inMsgpack, parser });

    // The official server has one parser for all, and that of version 3 does not read what version 2 writes.
    const skip = version in REVISION_4 && differs({ official: "the official server cannot", ours: false });

    describe(`client ${version} with ${mode}, in MessagePack`, { skip }, () => {
      it("gets back JSON and binary, acknowledges, and is acknowledged", async () => {
        const socket = await connect(io, options());
        const args = [1, -1.5, "", "é€😀\u2028\u0000", true, null, [], { a: [{ b: null }] }];
        const back = received(socket, "message-back");
        socket.emit("message", ...args, Buffer.from([1]), { a: [Buffer.from([2, 3])] });
        const echo = await back;
        assert.deepEqual(echo.slice(0, -2), args);
        assert.deepEqual([bytes(echo.at(-2)), bytes(echo.at(-1).a[0])], [[1], [2, 3]]);
        assert.deepEqual(await ask(socket, "message-with-ack"), []);
        const [text, data] = await ask(socket, "message-with-ack", "x", Buffer.alloc(100_000, 7));
        assert.equal(text, "x");
        assert.ok(Buffer.alloc(100_000, 7).equals(Buffer.from(data)));
        socket.on("question", (asked, reply) => reply(asked, Buffer.from([9])));
        const [none, asked, reply] = await ask(socket, "ask-me", 3000, "who?");
        assert.deepEqual([none, asked, bytes(reply)], [null, "who?", [9]]);
      });

      it("shares rooms with clients of release 4", async () => {
        const old = await connect(io, options());
        const fresh = await connectNew(inMsgpack, { parser: PARSERS["4.0"] });
        await ask(old, "join", mode);
        const inRoom = received(old, "in-room");
        await ask(fresh, "to", [mode], "in-room", "hello", Buffer.from([1]));
        const [text, data] = await inRoom;
        assert.deepEqual([text, bytes(data)], ["hello", [1]]);
        const all = received(fresh, "to-all");
        await ask(old, "broadcast", "to-all", { a: Buffer.from([2]) });
        assert.deepEqual(bytes((await all)[0].a), [2]);
      });

      it("joins, leaves and is refused namespaces", async () => {
        const main = await connect(io, options());
        const custom = main.io.socket("/custom");
        await within(LIMIT, "the namespace", once(custom, "connect"));
        assert.deepEqual(await ask(custom, "message-with-ack", 1), [1]);
        const { id } = main;
        const gone = once(main, "disconnect");
        main.emit("disconnect-me", false);
        assert.deepEqual(await within(LIMIT, "the end", gone), ["io server disconnect"]);
        assert.deepEqual(await ask(custom, "message-with-ack", 2), [2]);
        const observer = await connect(io, { ...options(), mode: "websocket" });
        assert.deepEqual(await ask(observer, "reason-of", id), ["server namespace disconnect"]);

        // What clients of revision 4 take in MessagePack is a string.
        for (const [namespace, message] of [
          ["/nope", "Invalid namespace"],
          ["/refuse", "not authorized"],
        ]) {
          const refused = client(io, { ...options(), namespace });
          const event = version in REVISION_4 ? "error" : "connect_error";
          const [error] = await within(LIMIT, "the refusal", once(refused, event));
          assert.equal(version in REVISION_4 ? error : error.message, message);
        }
        const proof =
          version in REVISION_4
            ? { namespace: "/refuse?token=let%20me%20in" }
            : { namespace: "/refuse", auth: { token: "let me in" } };
        const taken = client(io, { ...options(), ...proof });
        await within(LIMIT, "the connection", once(taken, "connect"));
      });
    });
  }
}
