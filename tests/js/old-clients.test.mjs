// Official clients of earlier releases: 1.7 and 2.5 speak revision 4 over Engine.IO 3, 3.1 speaks revision 5.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import io1 from "socket.io-client-v1";
import io2 from "socket.io-client-v2";
import io3 from "socket.io-client-v3";
import { MODES, ask, closeAll as closeNew, collected, connect as connectNew, received, settle, upgraded } from "./clients.mjs";
import { sleep, startConformance, within } from "./support.mjs";

const LIMIT = 10_000;
const REVISION_4 = { "1.7": io1, 2.5: io2 };
const ALL = { ...REVISION_4, 3.1: io3.io };

let server;
/** One whose heartbeat is quick, with time for a busy machine. */
let quick;
const QUICK = { "ping-interval": 300, "ping-timeout": 900 };
before(async () => {
  const allowed = { "allow-eio3": true };
  server = await startConformance("--socketio", { ...allowed, "ping-interval": 5000, "ping-timeout": 5000 });
  quick = await startConformance("--socketio", { ...allowed, ...QUICK });
});
after(() => Promise.all([server.end(), quick.end()]));

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
        const sent = version === "3.1" && mode === "polling" ? args.slice(0, -1) : args;
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

      it("stays for several heartbeats", async () => {
        const socket = await connect(io, { mode, at: quick });
        let reason;
        socket.on("disconnect", (why) => {
          reason = why;
        });
        await sleep(2 * (QUICK["ping-interval"] + QUICK["ping-timeout"]));
        assert.equal(reason, undefined);
        assert.deepEqual(await ask(socket, "message-with-ack", 1), [1]);
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
