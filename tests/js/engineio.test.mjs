// The protocol test suite of Engine.IO, revision 4, with exact frames where the suite leaves room.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  LATE,
  MAX_PAYLOAD,
  PING_INTERVAL,
  PING_TIMEOUT,
  RawSocket,
  assertElapsed,
  differs,
  http,
  sleep,
  startConformance,
  within,
} from "./support.mjs";

const POLLING = "/engine.io/?EIO=4&transport=polling";
const WEBSOCKET = "/engine.io/?EIO=4&transport=websocket";

let server;
before(async () => {
  server = await startConformance("--engineio");
});
after(() => server.end());

async function openPolling() {
  const { status, body } = await http(server, POLLING);
  assert.equal(status, 200);
  assert.equal(body[0], "0");
  return JSON.parse(body.slice(1)).sid;
}

async function openWebSocket() {
  const socket = new RawSocket(server.ws + WEBSOCKET);
  await socket.opened;
  const handshake = await socket.next();
  assert.equal(handshake[0], "0");
  return { socket, handshake: JSON.parse(handshake.slice(1)) };
}

const poll = (sid) => http(server, `${POLLING}&sid=${sid}`);
const push = (sid, body, options) => http(server, `${POLLING}&sid=${sid}`, { method: "POST", body, ...options });

/** Sends a poll and returns its pending answer once the server must have seen it. */
async function hold(sid) {
  const answer = poll(sid);
  await sleep(30);
  return { answer };
}

async function assertClosed(sid) {
  const { status, body } = await poll(sid);
  assert.equal(status, 400);
  assert.equal(body, '{"code":1,"message":"Session ID unknown"}');
}

describe("handshake over HTTP long-polling", () => {
  it("opens a session", async () => {
    const { status, body } = await http(server, POLLING);
    assert.equal(status, 200);
    const found = /^0(\{"sid":"([\w-]{20})".*\})$/.exec(body);
    assert.ok(found, body);
    assert.equal(
      found[1],
      `{"sid":"${found[2]}","upgrades":["websocket"],"pingInterval":${PING_INTERVAL},` +
        `"pingTimeout":${PING_TIMEOUT},"maxPayload":${MAX_PAYLOAD}}`,
    );
  });

  for (const [name, path] of [
    ["missing", "/engine.io/?transport=polling"],
    ["abc", "/engine.io/?EIO=abc&transport=polling"],
    ["3", "/engine.io/?EIO=3&transport=polling"],
  ]) {
    it(`refuses the EIO parameter ${name}`, async () => {
      const { status, body } = await http(server, path);
      assert.equal(status, 400);
      assert.equal(body, '{"code":5,"message":"Unsupported protocol version"}');
    });
  }

  for (const [name, path] of [
    ["missing", "/engine.io/?EIO=4"],
    ["abc", "/engine.io/?EIO=4&transport=abc"],
  ]) {
    it(`refuses the transport parameter ${name}`, async () => {
      const { status, body } = await http(server, path);
      assert.equal(status, 400);
      assert.equal(body, '{"code":0,"message":"Transport unknown"}');
    });
  }

  for (const method of ["POST", "PUT"]) {
    it(`refuses ${method}`, async () => {
      const { status, body } = await http(server, POLLING, { method });
      assert.equal(status, 400);
      assert.equal(body, '{"code":2,"message":"Bad handshake method"}');
    });
  }
});

describe("handshake over WebSocket", () => {
  it("opens a session that offers no upgrade", async () => {
    const { socket, handshake } = await openWebSocket();
    assert.deepEqual(Object.entries(handshake).slice(1), [
      ["upgrades", []],
      ["pingInterval", PING_INTERVAL],
      ["pingTimeout", PING_TIMEOUT],
      ["maxPayload", MAX_PAYLOAD],
    ]);
    await socket.close();
  });

  for (const query of ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"]) {
    it(`closes the connection for ${query}`, async () => {
      const socket = new RawSocket(`${server.ws}/engine.io/?${query}`);
      await within(3000, "close", socket.closed);
      assert.equal(socket.messages, 0);
    });
  }
});

describe("messages over HTTP long-polling", () => {
  it("echoes a text", async () => {
    const sid = await openPolling();
    const pushed = await push(sid, "4hello");
    assert.deepEqual([pushed.status, pushed.body], [200, "ok"]);
    assert.equal((await poll(sid)).body, "4hello");
  });

  it("echoes several texts in one payload", async () => {
    const sid = await openPolling();
    assert.equal((await push(sid, "4test1\x1e4test2\x1e4test3")).status, 200);
    assert.equal((await poll(sid)).body, "4test1\x1e4test2\x1e4test3");
  });

  it("echoes texts and binaries", async () => {
    const sid = await openPolling();
    assert.equal((await push(sid, "4hello\x1ebAQIDBA==")).status, 200);
    assert.equal((await poll(sid)).body, "4hello\x1ebAQIDBA==");
  });

  it("echoes an empty text and an empty binary", async () => {
    const sid = await openPolling();
    assert.equal((await push(sid, "4\x1eb")).status, 200);
    assert.equal((await poll(sid)).body, "4\x1eb");
  });

  it("counts text in characters of any plane", async () => {
    const sid = await openPolling();
    const text = "4€ é 😀 \u2028";
    assert.equal((await push(sid, text)).status, 200);
    const { body, headers } = await poll(sid);
    assert.equal(body, text);
    assert.equal(headers["content-length"], String(Buffer.byteLength(text)));
  });

  it("answers a held poll as soon as there is a message", async () => {
    const sid = await openPolling();
    const { answer } = await hold(sid);
    await push(sid, "4now");
    assert.equal((await answer).body, "4now");
  });

  it("closes the session upon a malformed packet", async () => {
    const sid = await openPolling();
    const { answer } = await hold(sid);
    const pushed = await push(sid, "abc");
    // The protocol text asks for 400; the official server says ok before it closes.
    assert.deepEqual(
      [pushed.status, pushed.body],
      differs({ official: [200, "ok"], ours: [400, ""] }),
    );
    assert.equal((await answer).body, "1");
    await assertClosed(sid);
  });

  it("delivers the packets before a malformed one", async () => {
    const sid = await openPolling();
    const { answer } = await hold(sid);
    await push(sid, "4first\x1eabc\x1e4never");
    // Here the application sees the message together with the end of the session, and can no longer answer it.
    assert.equal((await answer).body, differs({ official: "4first", ours: "1" }));
    await assertClosed(sid);
  });

  it("closes the session upon a second poll", async () => {
    const sid = await openPolling();
    const { answer } = await hold(sid);
    const second = await poll(sid);
    assert.deepEqual([second.status, second.body], [400, ""]);
    const first = await answer;
    assert.deepEqual([first.status, first.body], [200, "1"]);
    await assertClosed(sid);
  });
});

describe("messages over WebSocket", () => {
  it("echoes a text", async () => {
    const { socket } = await openWebSocket();
    socket.send("4hello");
    assert.equal(await socket.next(), "4hello");
    await socket.close();
  });

  it("echoes binary as raw frames", async () => {
    const { socket } = await openWebSocket();
    socket.send(Buffer.from([1, 2, 3, 4]), Buffer.alloc(0));
    assert.deepEqual(await socket.next(), Buffer.from([1, 2, 3, 4]));
    assert.deepEqual(await socket.next(), Buffer.alloc(0));
    await socket.close();
  });

  it("accepts base64 text as a binary message", async () => {
    const { socket } = await openWebSocket();
    socket.send("bAQIDBA==");
    assert.deepEqual(await socket.next(), Buffer.from([1, 2, 3, 4]));
    await socket.close();
  });

  it("answers in base64 text when the connection asked for it", async () => {
    const socket = new RawSocket(`${server.ws}${WEBSOCKET}&b64=1`);
    await socket.opened;
    await socket.next();
    socket.send(Buffer.from([1, 2, 3]));
    assert.equal(await socket.next(), "bAQID");
    await socket.close();
  });

  it("closes the session upon a malformed packet", async () => {
    const { socket } = await openWebSocket();
    socket.send("abc");
    const { messages, code } = await socket.rest();
    assert.deepEqual(messages, []);
    assert.equal(code, 1005);
  });
});

describe("heartbeat over HTTP long-polling", () => {
  it("keeps the session while pongs arrive", async () => {
    let since = performance.now();
    const sid = await openPolling();
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await poll(sid)).body, "2");
      assertElapsed(since, PING_INTERVAL);
      since = performance.now();
      assert.equal((await push(sid, "3")).body, "ok");
    }
  });

  it("closes the session upon a missing pong", async () => {
    const since = performance.now();
    const sid = await openPolling();
    assert.equal((await poll(sid)).body, "2");
    assert.equal((await poll(sid)).body, "1");
    assertElapsed(since, PING_INTERVAL + PING_TIMEOUT);
    await assertClosed(sid);
  });

  it("closes the session when nobody polls", async () => {
    const sid = await openPolling();
    await sleep(PING_INTERVAL + PING_TIMEOUT + LATE);
    await assertClosed(sid);
  });
});

describe("heartbeat over WebSocket", () => {
  it("keeps the session while pongs arrive", async () => {
    let since = performance.now();
    const { socket } = await openWebSocket();
    for (let i = 0; i < 3; i += 1) {
      assert.equal(await socket.next({ pings: true }), "2");
      assertElapsed(since, PING_INTERVAL);
      since = performance.now();
      socket.send("3");
    }
    await socket.close();
  });

  it("closes the session upon a missing pong", async () => {
    const since = performance.now();
    const { socket } = await openWebSocket();
    assert.equal(await socket.next({ pings: true }), "2");
    assert.equal((await socket.rest()).code, 1005);
    assertElapsed(since, PING_INTERVAL + PING_TIMEOUT);
  });

  it("grants other packets one extension of the pong's deadline", async () => {
    const { socket } = await openWebSocket();
    assert.equal(await socket.next({ pings: true }), "2");
    const since = performance.now();
    const timer = setInterval(() => socket.send("4alive"), 80);
    await within(3000, "close", socket.closed);
    clearInterval(timer);
    assertElapsed(since, 80 + PING_TIMEOUT);
  });

  it("closes the session upon a ping from the client", async () => {
    const { socket } = await openWebSocket();
    socket.send("2");
    assert.deepEqual((await socket.rest()).messages, []);
  });
});

describe("close over HTTP long-polling", () => {
  it("ends the session when the client asks", async () => {
    const sid = await openPolling();
    const { answer } = await hold(sid);
    const pushed = await push(sid, "1");
    assert.deepEqual([pushed.status, pushed.body], [200, "ok"]);
    assert.equal((await answer).body, "6");
    await assertClosed(sid);
  });

  it("ignores the packets after the close packet", async () => {
    const sid = await openPolling();
    const { answer } = await hold(sid);
    await push(sid, "1\x1e4late");
    assert.equal((await answer).body, "6");
  });

  it("tells a held poll when the server closes", async () => {
    const sid = await openPolling();
    const { answer } = await hold(sid);
    await push(sid, "4!close");
    assert.equal((await answer).body, "1");
    await assertClosed(sid);
  });

  it("tells the next poll when the server closes", async () => {
    const sid = await openPolling();
    await push(sid, "4!close");
    assert.equal((await poll(sid)).body, "6\x1e1");
    await assertClosed(sid);
  });

  it("delivers what was sent before the close", async () => {
    const sid = await openPolling();
    await push(sid, "4!bye");
    assert.equal((await poll(sid)).body, "4bye");
    assert.equal((await poll(sid)).body, "6\x1e1");
    await assertClosed(sid);
  });

  it("still answers posts while it waits for the closing poll", async () => {
    const sid = await openPolling();
    await push(sid, "4!close");
    const late = await push(sid, "4late");
    assert.deepEqual([late.status, late.body], [200, "ok"]);
    assert.equal((await poll(sid)).body, "6\x1e1");
  });
});

describe("close over WebSocket", () => {
  it("ends the session when the client asks", async () => {
    const since = performance.now();
    const { socket } = await openWebSocket();
    socket.send("1");
    assert.deepEqual((await socket.rest()).messages, []);
    // The official server ignores the packet, and its heartbeat ends the session later.
    assertElapsed(since, differs({ official: PING_INTERVAL + PING_TIMEOUT, ours: 0 }));
  });

  it("delivers what was sent before the close", async () => {
    const { socket } = await openWebSocket();
    socket.send("4!bye");
    assert.deepEqual(await socket.rest(), { messages: ["4bye"], code: 1005, reason: "" });
  });
});

describe("upgrade", () => {
  async function probe(sid) {
    const socket = new RawSocket(`${server.ws}${WEBSOCKET}&sid=${sid}`);
    await socket.opened;
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    return socket;
  }

  it("moves the session from HTTP long-polling to WebSocket", async () => {
    const sid = await openPolling();
    const socket = await probe(sid);
    assert.equal((await poll(sid)).body, "6");
    socket.send("5", "4hello");
    assert.equal(await socket.next(), "4hello");
    await socket.close();
  });

  it("releases a poll that was held before the probe", async () => {
    const sid = await openPolling();
    const { answer } = await hold(sid);
    const socket = await probe(sid);
    assert.equal((await answer).body, "6");
    await socket.close();
  });

  it("refuses HTTP requests of the session afterwards", async () => {
    const sid = await openPolling();
    const socket = new RawSocket(`${server.ws}${WEBSOCKET}&sid=${sid}`);
    await socket.opened;
    socket.send("2probe", "5");
    assert.equal(await socket.next(), "3probe");
    // The session has moved once the echo is there.
    socket.send("4moved");
    assert.equal(await socket.next(), "4moved");
    const { status, body } = await poll(sid);
    assert.deepEqual([status, body], [400, '{"code":3,"message":"Bad request"}']);
    socket.send("4hello");
    assert.equal(await socket.next(), "4hello");
    await socket.close();
  });

  it("closes a second WebSocket of the session", async () => {
    const sid = await openPolling();
    const socket = await probe(sid);
    socket.send("5", "4moved");
    assert.equal(await socket.next(), "4moved");
    const second = new RawSocket(`${server.ws}${WEBSOCKET}&sid=${sid}`);
    assert.deepEqual((await second.rest()).messages, []);
    socket.send("4hello");
    assert.equal(await socket.next(), "4hello");
    await socket.close();
  });

  it("delivers what waited for a poll over the WebSocket", async () => {
    const sid = await openPolling();
    await push(sid, "4one\x1ebAQI=");
    const socket = await probe(sid);
    socket.send("5");
    assert.equal(await socket.next(), "4one");
    assert.deepEqual(await socket.next(), Buffer.from([1, 2]));
    await socket.close();
  });

  it("keeps the session on polling when the probe fails, and lets it upgrade again", async () => {
    const sid = await openPolling();
    const failed = new RawSocket(`${server.ws}${WEBSOCKET}&sid=${sid}`);
    await failed.opened;
    failed.send("4not a probe");
    assert.deepEqual((await failed.rest()).messages, []);
    await push(sid, "4still here");
    assert.equal((await poll(sid)).body, "4still here");
    const socket = await probe(sid);
    socket.send("5", "4hello");
    assert.equal(await socket.next(), "4hello");
    await socket.close();
  });

  it("closes the probing WebSocket when the session is closed", async () => {
    const sid = await openPolling();
    const socket = await probe(sid);
    await push(sid, "1");
    assert.deepEqual((await socket.rest()).messages, []);
    await assertClosed(sid);
  });

  it("keeps the heartbeat", async () => {
    const sid = await openPolling();
    const socket = await probe(sid);
    socket.send("5");
    let since;
    for (let i = 0; i < 2; i += 1) {
      assert.equal(await socket.next({ pings: true }), "2");
      since = performance.now();
      socket.send("3");
    }
    assert.equal(await socket.next({ pings: true }), "2");
    await within(3000, "close", socket.closed);
    assertElapsed(since, PING_INTERVAL + PING_TIMEOUT);
  });
});
