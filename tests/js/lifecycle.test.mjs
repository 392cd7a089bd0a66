// The official client through upgrades, heartbeats, disconnections, restarts and crowds.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { NodeWebSocket, NodeXHR } from "engine.io-client";
import { MODES, ask, client, closeAll, collected, connect, connected, received, upgraded } from "./clients.mjs";
import { PING_INTERVAL, sleep, startConformance, within } from "./support.mjs";

const PATIENT = { "ping-interval": 5000, "ping-timeout": 5000 };
const MESSAGES = 50;
const EVERY = 2;

/** Opens late enough that both sides are sending when the upgrade begins. */
class LateWebSocket extends NodeWebSocket {
  doOpen() {
    setTimeout(() => super.doOpen(), 40);
  }
}
const DURING = { mode: "upgrade", transports: [NodeXHR, LateWebSocket] };

describe("upgrade", () => {
  let server;
  before(async () => {
    server = await startConformance("--socketio", PATIENT);
  });
  after(() => server.end());
  afterEach(closeAll);

  const numbers = Array.from({ length: MESSAGES }, (_, i) => i);

  it("loses and reorders nothing while both sides keep sending", async () => {
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        const socket = client(server, DURING);
        const ticks = collected(socket, "tick", MESSAGES);
        const echoes = collected(socket, "message-back", MESSAGES);
        await connected(socket);
        assert.equal(socket.io.engine.transport.name, "polling");
        socket.emit("ticks", MESSAGES, EVERY);
        for (const i of numbers) {
          socket.emit("message", i);
          await sleep(EVERY);
        }
        assert.deepEqual(await ticks, numbers);
        assert.deepEqual(await echoes, numbers);
        // It has happened meanwhile, not after the traffic.
        assert.equal(socket.io.engine.transport.name, "websocket");
        assert.deepEqual(await ask(socket, "message-with-ack", "after"), ["after"]);
      }),
    );
  });

  it("loses and reorders no binary either", async () => {
    const socket = client(server, DURING);
    const echoes = collected(socket, "message-back", MESSAGES);
    await connected(socket);
    for (const i of numbers) {
      socket.emit("message", { i, bytes: [Buffer.from([i]), Buffer.alloc(0)] });
      await sleep(EVERY);
    }
    const seen = await echoes;
    assert.deepEqual(seen.map(({ i }) => i), numbers);
    assert.deepEqual(seen.map(({ bytes }) => [...new Uint8Array(bytes[0])]), numbers.map((i) => [i]));
    await upgraded(socket);
  });

  it("is offered on polling only", async () => {
    const polling = client(server, { mode: "upgrade" });
    const [first] = await Promise.all([
      new Promise((done) => polling.io.engine.once("handshake", done)),
      connected(polling),
    ]);
    assert.deepEqual(first.upgrades, ["websocket"]);
    const websocket = client(server, { mode: "websocket" });
    const [second] = await Promise.all([
      new Promise((done) => websocket.io.engine.once("handshake", done)),
      connected(websocket),
    ]);
    assert.deepEqual(second.upgrades, []);
  });
});

for (const mode of Object.keys(MODES)) {
  describe(`${mode}: end of a connection`, () => {
    let server;
    let observer;
    before(async () => {
      server = await startConformance("--socketio", PATIENT);
    });
    after(() => server.end());
    afterEach(closeAll);

    async function reasonOf(id) {
      observer = await connect(server);
      for (let i = 0; i < 80; i += 1) {
        const [reason] = await ask(observer, "reason-of", id);
        if (reason !== null) {
          return reason;
        }
        await sleep(25);
      }
      return null;
    }

    for (const close of [false, true]) {
      it(`by the server, close = ${close}`, async () => {
        const socket = await connect(server, { mode });
        const { id } = socket;
        const gone = received(socket, "disconnect");
        socket.emit("disconnect-me", close);
        assert.equal((await gone)[0], "io server disconnect");
        assert.equal(socket.active, false);
        assert.equal(await reasonOf(id), "server namespace disconnect");
        socket.connect();
        await connected(socket);
        assert.notEqual(socket.id, id);
      });
    }

    it("by the server without a DISCONNECT: the client reconnects", async () => {
      const socket = await connect(server, { mode, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 50 });
      const { id } = socket;
      const custom = socket.io.socket("/custom");
      await connected(custom);
      const gone = [received(socket, "disconnect"), received(custom, "disconnect")];
      const back = received(socket, "connect");
      socket.emit("close-my-connection");
      for (const end of gone) {
        assert.equal((await end)[0], "transport close");
      }
      assert.equal(socket.active, true);
      assert.equal(await reasonOf(id), "forced close");
      await back;
      assert.notEqual(socket.id, id);
      assert.deepEqual(await ask(socket, "message-with-ack", 1), [1]);
      // They would go on connecting once the server is gone.
      custom.disconnect();
      socket.disconnect();
    });

    it("by the client from one of two namespaces", async () => {
      const socket = await connect(server, { mode });
      const { id } = socket;
      const custom = socket.io.socket("/custom");
      await connected(custom);
      const gone = received(socket, "disconnect");
      socket.disconnect();
      assert.equal((await gone)[0], "io client disconnect");
      assert.equal(await reasonOf(id), "client namespace disconnect");
      assert.deepEqual(await ask(custom, "message-with-ack", 1), [1]);
    });

    it("by the client's engine", async () => {
      const socket = await connect(server, { mode });
      const { id } = socket;
      const gone = received(socket, "disconnect");
      socket.io.engine.close();
      assert.equal((await gone)[0], "forced close");
      assert.equal(await reasonOf(id), "transport close");
    });
  });

  describe(`${mode}: end of the server`, () => {
    afterEach(closeAll);
    const RECONNECTING = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 };

    async function restartAfter(signal, reasons) {
      const first = await startConformance("--socketio", PATIENT);
      const socket = await connect(first, { mode, ...RECONNECTING });
      const before = socket.id;
      const gone = received(socket, "disconnect");
      // Something is on its way when it happens.
      socket.emit("ticks", 1000, 1);
      await received(socket, "tick");
      const outcome = await first.end(signal);
      const [reason] = await gone;
      assert.ok(reasons.includes(reason), reason);
      assert.equal(socket.active, true);
      const attempts = received(socket.io, "reconnect_error");
      await attempts;
      const second = await startConformance("--socketio", { ...PATIENT, port: first.port });
      try {
        await connected(socket);
        assert.notEqual(socket.id, before);
        assert.deepEqual(await ask(socket, "message-with-ack", "again"), ["again"]);
      } finally {
        socket.disconnect();
        await second.end();
      }
      return outcome;
    }

    it("killed: the client reconnects to its successor by itself", async () => {
      await restartAfter("SIGKILL", mode === "polling" ? ["transport error"] : ["transport close", "transport error"]);
    });

    for (const signal of ["SIGTERM", "SIGINT"]) {
      it(`${signal}: the client is told, the exit code is 0, the successor takes over`, async () => {
        // A polling client without an open poll at that moment cannot be told.
        const reasons = mode === "polling" ? ["transport close", "transport error"] : ["transport close"];
        assert.deepEqual(await restartAfter(signal, reasons), { code: 0, signal: null });
      });
    }

    it("SIGTERM with idle clients: all are told at once", async () => {
      const server = await startConformance("--socketio", PATIENT);
      const sockets = await Promise.all(Array.from({ length: 5 }, () => connect(server, { mode })));
      // Polling clients can be told once their next poll is held.
      await Promise.all(sockets.map((socket) => ask(socket, "rooms")));
      await sleep(100);
      const reasons = Promise.all(sockets.map((socket) => received(socket, "disconnect")));
      const since = performance.now();
      assert.deepEqual(await server.end("SIGTERM"), { code: 0, signal: null });
      assert.deepEqual((await reasons).map(([reason]) => reason), sockets.map(() => "transport close"));
      assert.ok(performance.now() - since < 3000);
    });
  });

  describe(`${mode}: heartbeat`, () => {
    const TIMEOUT = 700;
    let server;
    before(async () => {
      server = await startConformance("--socketio", { "ping-timeout": TIMEOUT });
    });
    after(() => server.end());
    afterEach(closeAll);

    it("keeps the connection over several intervals", async () => {
      const socket = await connect(server, { mode });
      socket.on("disconnect", (reason) => assert.fail(reason));
      let last = performance.now();
      for (let i = 0; i < 4; i += 1) {
        await received(socket.io, "ping");
        const now = performance.now();
        assert.ok(now - last < PING_INTERVAL + TIMEOUT, `${now - last}`);
        last = now;
      }
      assert.deepEqual(await ask(socket, "message-with-ack", 1), [1]);
      socket.off("disconnect");
    });

    it("a server that stands still is noticed, and found again", async () => {
      const socket = await connect(server, {
        mode,
        reconnection: true,
        reconnectionDelay: 50,
        reconnectionDelayMax: 100,
      });
      const gone = received(socket, "disconnect");
      server.signal("SIGSTOP");
      try {
        assert.equal((await gone)[0], "ping timeout");
      } finally {
        server.signal("SIGCONT");
      }
      await connected(socket);
      assert.deepEqual(await ask(socket, "message-with-ack", 1), [1]);
    });
  });
}

describe("a crowd", () => {
  let server;
  before(async () => {
    server = await startConformance("--socketio", { ...PATIENT, "connect-timeout": 10_000 });
  });
  after(() => server.end());
  afterEach(closeAll);

  it("200 clients of mixed transports are served and leave nothing behind", async () => {
    const modes = Object.keys(MODES);
    const observer = await connect(server);
    const sockets = await Promise.all(
      Array.from({ length: 200 }, (_, i) => connect(server, { mode: modes[i % modes.length] })),
    );
    assert.deepEqual(await ask(observer, "count"), [201]);
    const replies = await Promise.all(
      sockets.map((socket, i) => socket.timeout(10_000).emitWithAck("message-with-ack", { i, b: Buffer.from([i]) })),
    );
    replies.forEach((reply, i) => {
      assert.equal(reply.i, i);
      assert.equal(new Uint8Array(reply.b)[0], i);
    });
    const all = Promise.all(sockets.map((socket) => received(socket, "news")));
    await ask(observer, "broadcast", "news", "everyone");
    assert.deepEqual(await all, sockets.map(() => ["everyone"]));
    sockets.forEach((socket, i) => {
      // Half say good-bye, half just vanish.
      if (i % 2 === 0) {
        socket.disconnect();
      } else {
        socket.io.engine.close();
      }
    });
    await within(
      10_000,
      "the count to fall back to the observer",
      (async () => {
        while ((await ask(observer, "count"))[0] !== 1) {
          await sleep(25);
        }
      })(),
    );
  });

  it("a malicious client does not disturb the others", async () => {
    const bystander = await connect(server);
    bystander.on("disconnect", (reason) => assert.fail(reason));
    for (let i = 0; i < 20; i += 1) {
      const socket = await connect(server);
      const gone = received(socket, "disconnect");
      socket.io.engine.write(i % 2 === 0 ? "2[" : Buffer.from([i]));
      assert.equal((await gone)[0], "transport close");
    }
    assert.deepEqual(await ask(bystander, "message-with-ack", 1), [1]);
    bystander.off("disconnect");
  });
});
