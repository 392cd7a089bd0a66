// The protocol test suite of Engine.IO, revision 3, JSONP polling of both revisions, and the official client.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import engine from "engine.io-client-v3";
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

const POLLING = "/engine.io/?EIO=3&transport=polling";
const WEBSOCKET = "/engine.io/?EIO=3&transport=websocket";
const OPEN = new RegExp(
  `^0\\{"sid":"([\\w-]{20})","upgrades":(\\["websocket"\\]|\\[\\]),"pingInterval":${PING_INTERVAL},` +
    `"pingTimeout":${PING_TIMEOUT},"maxPayload":${MAX_PAYLOAD}\\}$`,
);

let server;
before(async () => {
  server = await startConformance("--engineio", { "allow-eio3": true, "allow-jsonp": true });
});
after(() => server.end());

/** A text payload: lengths count UTF-16 units, as JavaScript's do. */
const payload = (...packets) => packets.map((packet) => `${packet.length}:${packet}`).join("");

/** Opens a session; a query such as `&b64=1` holds for all its requests. */
async function openPolling(query = "") {
  const { status, body } = await http(server, POLLING + query);
  assert.equal(status, 200);
  const [, length, open] = /^(\d+):(.*)$/.exec(body);
  assert.equal(Number(length), open.length);
  return { sid: OPEN.exec(open)[1], query };
}

async function openWebSocket(query = "") {
  const socket = new RawSocket(server.ws + WEBSOCKET + query);
  await socket.opened;
  assert.match(await socket.next(), OPEN);
  return socket;
}

const path = ({ sid, query }) => `${POLLING}${query}&sid=${sid}`;
const poll = (session) => http(server, path(session));
const push = (session, body, headers) => http(server, path(session), { method: "POST", body, headers });
const pushBytes = (session, bytes) =>
  push(session, Buffer.from(bytes), { "Content-Type": "application/octet-stream" });

/** Sends a poll and returns its pending answer once the server must have seen it. */
async function hold(session) {
  const answer = poll(session);
  await sleep(30);
  return { answer };
}

async function assertClosed(session) {
  const { status, body } = await poll(session);
  assert.equal(status, 400);
  assert.equal(body, '{"code":1,"message":"Session ID unknown"}');
}

describe("handshake of revision 3", () => {
  for (const query of ["EIO=3&", "", "EIO=abc&"]) {
    it(`opens a session over HTTP long-polling for ${query || "no EIO"}`, async () => {
      const { status, body, headers } = await http(server, `/engine.io/?${query}transport=polling`);
      assert.equal(status, 200);
      const [, length, open] = /^(\d+):(.*)$/.exec(body);
      assert.equal(Number(length), open.length);
      assert.equal(OPEN.exec(open)[2], '["websocket"]');
      assert.equal(headers["content-type"].toLowerCase(), "text/plain; charset=utf-8");
    });
  }

  for (const query of ["EIO=3", "EIO=3&transport=abc"]) {
    it(`refuses the transport of ${query}`, async () => {
      const { status, body } = await http(server, `/engine.io/?${query}`);
      assert.equal(status, 400);
      assert.equal(body, '{"code":0,"message":"Transport unknown"}');
    });
  }

  for (const method of ["POST", "PUT"]) {
    it(`refuses ${method}`, async () => {
      const { status } = await http(server, POLLING, { method });
      assert.equal(status, 400);
    });
  }

  it("opens a session over WebSocket that offers no upgrade", async () => {
    const socket = new RawSocket(server.ws + WEBSOCKET);
    await socket.opened;
    assert.equal(OPEN.exec(await socket.next())[2], "[]");
    await socket.close();
  });

  for (const query of ["EIO=3", "EIO=3&transport=abc"]) {
    it(`closes the WebSocket for ${query}`, async () => {
      const socket = new RawSocket(`${server.ws}/engine.io/?${query}`);
      await within(3000, "close", socket.closed);
      assert.equal(socket.messages, 0);
    });
  }

  it("leaves revision 4 as it is", async () => {
    const { status, body } = await http(server, "/engine.io/?EIO=4&transport=polling");
    assert.equal(status, 200);
    assert.match(body, OPEN);
  });

  it("refuses requests of the other revision", async () => {
    const session = await openPolling();
    const { status, body } = await http(server, path(session).replace("EIO=3", "EIO=4"));
    assert.deepEqual([status, body], [400, '{"code":3,"message":"Bad request"}']);
  });
});

describe("messages of revision 3 over HTTP long-polling", () => {
  it("echoes one text", async () => {
    const session = await openPolling();
    const pushed = await push(session, "6:4hello");
    assert.deepEqual([pushed.status, pushed.body], [200, "ok"]);
    assert.equal((await poll(session)).body, "6:4hello");
  });

  it("echoes several texts in one payload", async () => {
    const session = await openPolling();
    const body = payload("4test1", "4test2", "4test3");
    await push(session, body);
    assert.equal((await poll(session)).body, body);
  });

  it("counts lengths in UTF-16 units", async () => {
    const session = await openPolling();
    const body = payload("4€ é", "4😀", "4\u2028\u0000");
    await push(session, body);
    assert.equal((await poll(session)).body, body);
  });

  it("echoes text and binary as base64", async () => {
    const session = await openPolling("&b64=1");
    const body = "6:4hello2:4€3:4😀10:b4AQIDBA==2:b4";
    await push(session, body);
    const { body: echo, headers } = await poll(session);
    assert.equal(echo, body);
    assert.equal(headers["content-type"].toLowerCase(), "text/plain; charset=utf-8");
  });

  it("echoes text and binary as binary", async () => {
    const session = await openPolling();
    const bytes = Buffer.concat([
      Buffer.from([0, 6, 255]),
      Buffer.from("4hello"),
      Buffer.from([0, 4, 255]),
      Buffer.from("4€"),
      Buffer.from([1, 5, 255, 4, 1, 2, 3, 4]),
    ]);
    const pushed = await pushBytes(session, bytes);
    assert.deepEqual([pushed.status, pushed.body], [200, "ok"]);
    const { buffer, headers } = await poll(session);
    assert.deepEqual(buffer, bytes);
    assert.equal(headers["content-type"], "application/octet-stream");
    assert.equal(headers["content-length"], String(bytes.length));
  });

  it("writes lengths of several digits", async () => {
    const session = await openPolling();
    const bytes = Buffer.from([1, 1, 2, 255, 4, ...Array(11).fill(7)]);
    await pushBytes(session, bytes);
    assert.deepEqual((await poll(session)).buffer, bytes);
  });

  it("answers in text what holds no binary", async () => {
    const session = await openPolling();
    await pushBytes(session, [0, 2, 255, 0x34, 0x61]);
    assert.equal((await poll(session)).body, "2:4a");
  });

  it("passes over packets of length zero and an empty octet stream", async () => {
    const session = await openPolling();
    assert.equal((await push(session, "0:2:4a")).body, "ok");
    assert.equal((await pushBytes(session, [])).body, "ok");
    assert.equal((await poll(session)).body, "2:4a");
  });

  for (const body of ["abc", "9:4a", "-1:4a", "1:9", "2:4a5"]) {
    it(`closes the session upon ${body}`, async () => {
      const session = await openPolling();
      const { answer } = await hold(session);
      const pushed = await push(session, body);
      // The protocol text asks for 400; the official server says ok before it closes.
      assert.deepEqual(
        [pushed.status, pushed.body],
        differs({ official: [200, "ok"], ours: [400, ""] }),
      );
      // What came before the fault is answered by the official application before the session is over.
      const before = body === "2:4a5";
      assert.equal((await answer).body, before ? differs({ official: "2:4a", ours: "1:1" }) : "1:1");
      await assertClosed(session);
    });
  }
});

describe("messages of revision 3 over WebSocket", () => {
  it("echoes a text", async () => {
    const socket = await openWebSocket();
    socket.send("4hello");
    assert.equal(await socket.next(), "4hello");
    await socket.close();
  });

  it("echoes binary behind its type", async () => {
    const socket = await openWebSocket();
    socket.send(Buffer.from([4, 1, 2, 3, 4]), Buffer.from([4]));
    assert.deepEqual(await socket.next(), Buffer.from([4, 1, 2, 3, 4]));
    assert.deepEqual(await socket.next(), Buffer.from([4]));
    await socket.close();
  });

  it("accepts base64, and answers in it when the connection asked for that", async () => {
    const socket = await openWebSocket("&b64=1");
    socket.send("b4AQIDBA==");
    assert.equal(await socket.next(), "b4AQIDBA==");
    await socket.close();
  });

  it("closes the session upon a malformed packet", async () => {
    const socket = await openWebSocket();
    socket.send("abc");
    assert.deepEqual(await socket.rest(), { messages: [], code: 1005, reason: "" });
  });
});

describe("heartbeat of revision 3", () => {
  it("is answered over HTTP long-polling", async () => {
    const session = await openPolling();
    for (let i = 0; i < 3; i += 1) {
      const { answer } = await hold(session);
      assert.equal((await push(session, "1:2")).body, "ok");
      assert.equal((await answer).body, "1:3");
      await sleep(PING_INTERVAL);
    }
    await push(session, "2:4a");
    assert.equal((await poll(session)).body, "2:4a");
  });

  it("is answered over WebSocket, without data", async () => {
    const socket = await openWebSocket();
    for (const ping of ["2", "2hello", "2"]) {
      socket.send(ping);
      assert.equal(await socket.next({ pings: true }), "3");
      await sleep(PING_INTERVAL);
    }
    await socket.close();
  });

  it("ends the session over HTTP long-polling if no ping comes", async () => {
    const since = performance.now();
    const session = await openPolling();
    assert.equal((await poll(session)).body, "1:1");
    assertElapsed(since, PING_INTERVAL + PING_TIMEOUT);
    await assertClosed(session);
  });

  it("ends the session over WebSocket if no ping comes, whatever else does", async () => {
    const since = performance.now();
    const socket = await openWebSocket();
    const timer = setInterval(() => socket.send("4alive"), 80);
    await within(3000, "close", socket.closed);
    clearInterval(timer);
    assertElapsed(since, PING_INTERVAL + PING_TIMEOUT);
  });

  it("ends the session upon a pong from the client", async () => {
    const socket = await openWebSocket();
    socket.send("3");
    assert.deepEqual((await socket.rest()).messages, []);
  });

  it("ends an upgraded session if no ping comes", async () => {
    const { sid } = await openPolling();
    const socket = new RawSocket(`${server.ws}${WEBSOCKET}&sid=${sid}`);
    await socket.opened;
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    const since = performance.now();
    socket.send("5");
    const ended = socket.closed.then(() => "ended");
    // The official server forgets the deadline at the upgrade, and never sees that the client is gone.
    const kept = sleep(PING_INTERVAL + PING_TIMEOUT + LATE).then(() => "kept");
    assert.equal(await Promise.race([ended, kept]), differs({ official: "kept", ours: "ended" }));
    if (differs({ official: false, ours: true })) {
      assertElapsed(since, PING_INTERVAL + PING_TIMEOUT);
    }
    await socket.close();
  });
});

describe("close of revision 3", () => {
  it("ends the session over HTTP long-polling when the client asks", async () => {
    const session = await openPolling();
    const { answer } = await hold(session);
    const pushed = await push(session, "1:1");
    assert.deepEqual([pushed.status, pushed.body], [200, "ok"]);
    assert.equal((await answer).body, "1:6");
    await assertClosed(session);
  });

  it("tells a held poll when the server closes, or the next one", async () => {
    const held = await openPolling();
    const { answer } = await hold(held);
    await push(held, payload("4!close"));
    assert.equal((await answer).body, "1:1");
    const session = await openPolling();
    await push(session, payload("4!bye"));
    assert.equal((await poll(session)).body, "4:4bye");
    assert.equal((await poll(session)).body, "1:61:1");
    await assertClosed(session);
  });

  it("ends the session upon a second poll", async () => {
    const session = await openPolling();
    const { answer } = await hold(session);
    const second = await poll(session);
    assert.deepEqual([second.status, second.body], [400, ""]);
    assert.equal((await answer).body, "1:1");
    await assertClosed(session);
  });
});

describe("upgrade of revision 3", () => {
  async function probe({ sid }) {
    const socket = new RawSocket(`${server.ws}${WEBSOCKET}&sid=${sid}`);
    await socket.opened;
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    return socket;
  }

  it("moves the session from HTTP long-polling to WebSocket", async () => {
    const session = await openPolling("&b64=1");
    const socket = await probe(session);
    assert.equal((await poll(session)).body, "1:6");
    socket.send("5", "4hello", Buffer.from([4, 1, 2, 3]));
    assert.equal(await socket.next(), "4hello");
    assert.deepEqual(await socket.next(), Buffer.from([4, 1, 2, 3]));
    const { status, body } = await poll(session);
    assert.deepEqual([status, body], [400, '{"code":3,"message":"Bad request"}']);
    await socket.close();
  });

  it("delivers what waited for a poll over the WebSocket", async () => {
    const session = await openPolling();
    await pushBytes(session, [0, 2, 255, 0x34, 0x61, 1, 2, 255, 4, 9]);
    const socket = await probe(session);
    socket.send("5");
    assert.equal(await socket.next(), "4a");
    assert.deepEqual(await socket.next(), Buffer.from([4, 9]));
    await socket.close();
  });

  it("closes a second WebSocket of the session", async () => {
    const session = await openPolling();
    const socket = await probe(session);
    socket.send("5", "4moved");
    assert.equal(await socket.next(), "4moved");
    const second = new RawSocket(`${server.ws}${WEBSOCKET}&sid=${session.sid}`);
    assert.deepEqual((await second.rest()).messages, []);
    await socket.close();
  });
});

for (const revision of [3, 4]) {
  describe(`JSONP of revision ${revision}`, () => {
    const BASE = `/engine.io/?EIO=${revision}&transport=polling`;
    const wrap = revision === 3 ? payload : (...packets) => packets.join("\x1e");
    const form = (text, headers = { "Content-Type": "application/x-www-form-urlencoded" }) => ({
      method: "POST",
      headers,
      body: text,
    });

    /** What the page's function is called with. */
    function called(body, index) {
      const [, digits, literal] = /^___eio\[(\d*)\]\((".*")\);$/s.exec(body);
      assert.equal(digits, index);
      // It must be a literal of JavaScript before ES2019 too.
      assert.doesNotMatch(literal, /[\u2028\u2029\n\r]/);
      return JSON.parse(literal);
    }

    async function open(j = "0", index = "0") {
      const { status, body, headers } = await http(server, `${BASE}&j=${j}`);
      assert.equal(status, 200);
      assert.equal(headers["content-type"].toLowerCase(), "text/plain; charset=utf-8");
      const text = called(body, index);
      const sid = OPEN.exec(revision === 3 ? text.slice(text.indexOf(":") + 1) : text)[1];
      return `${BASE}&j=${j}&sid=${sid}`;
    }

    for (const [j, index] of [
      ["0", "0"],
      ["12", "12"],
      ["1;alert(2)//", "12"],
      ["", ""],
    ]) {
      it(`calls the function of j=${j}`, async () => {
        const url = await open(j, index);
        const pushed = await http(server, url, form(`d=${encodeURIComponent(wrap("4hello"))}`));
        assert.deepEqual([pushed.status, pushed.body], [200, "ok"]);
        assert.equal(pushed.headers["content-type"], "text/html");
        assert.equal(called((await http(server, url)).body, index), wrap("4hello"));
      });
    }

    it("escapes what ends a line, quotes and separators", async () => {
      const url = await open();
      const text = '4he"l\\lo\u2028\u2029é😀</script>';
      await http(server, url, form(`d=${encodeURIComponent(wrap(text))}`));
      assert.equal(called((await http(server, url)).body, "0"), wrap(text));
    });

    it("unescapes newlines as the client escapes them", async () => {
      for (const text of ["a\nb", "a\\nb", "a\\\\nb", "\n\n", "\\n\n\\"]) {
        const url = await open();
        // As lib/transports/polling-jsonp.js of the client does.
        const escaped = wrap(`4${text}`).replace(/\\n/g, "\\\n").replace(/\n/g, "\\n");
        await http(server, url, form(`d=${encodeURIComponent(escaped)}`));
        assert.equal(called((await http(server, url)).body, "0"), wrap(`4${text}`));
      }
    });

    it("carries binary as base64", async () => {
      const url = await open("0&b64=1");
      const binary = revision === 3 ? "b4AQIDBA==" : "bAQIDBA==";
      await http(server, url, form(`d=${encodeURIComponent(wrap(binary, "4x"))}`));
      assert.equal(called((await http(server, url)).body, "0"), wrap(binary, "4x"));
    });

    it("ignores forms without exactly one payload", async () => {
      const url = await open();
      const twice = `d=${wrap("4a")}&d=${wrap("4b")}`;
      for (const body of ["", "x=1", wrap("4a"), twice]) {
        const pushed = await http(server, url, form(body));
        assert.deepEqual([pushed.status, pushed.body], [200, "ok"]);
      }
      await http(server, url, form(`x&d=${encodeURIComponent(wrap("4last"))}`));
      assert.equal(called((await http(server, url)).body, "0"), wrap("4last"));
    });

    it("closes in the same form", async () => {
      const url = await open("12", "12");
      const held = http(server, url);
      await sleep(30);
      await http(server, url, form(`d=${encodeURIComponent(wrap("4!close"))}`));
      assert.equal(called((await held).body, "12"), wrap("1"));
    });
  });
}

describe("the official client of Engine.IO 3", () => {
  /** One whose heartbeat is quick, with time for a busy computer. */
  let quick;
  before(async () => {
    quick = await startConformance("--engineio", { "allow-eio3": true, "ping-interval": 300, "ping-timeout": 900 });
  });
  after(() => quick.end());

  function open(options, at = server) {
    const client = engine(at.url, { path: "/engine.io", ...options });
    client.binaryType = "arraybuffer";
    return client;
  }

  const opened = (client) =>
    within(5000, "open", new Promise((done, fail) => client.once("open", done).once("error", fail)));

  const WAYS = {
    polling: { transports: ["polling"] },
    websocket: { transports: ["websocket"] },
    "websocket with base64": { transports: ["websocket"], forceBase64: true },
    upgrade: { transports: ["polling", "websocket"] },
  };

  for (const [name, options] of Object.entries(WAYS)) {
    it(`exchanges text and binary with ${name}`, async () => {
      const client = open(options);
      await opened(client);
      if (name === "upgrade") {
        await within(5000, "the upgrade", new Promise((done) => client.once("upgrade", done)));
      }
      const echoes = [];
      const all = new Promise((done) => {
        client.on("message", (data) => {
          echoes.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
          if (echoes.length === 4) {
            done();
          }
        });
      });
      for (const data of ["hello", "€😀\u2028", new Uint8Array([1, 2, 255]).buffer, ""]) {
        client.send(data);
      }
      await within(5000, "the echoes", all);
      assert.deepEqual(echoes.slice(0, 3), ["hello", "€😀\u2028", [1, 2, 255]]);
      client.close();
    });
  }

  it("stays for several heartbeats on every transport", async () => {
    const closed = [];
    const clients = await Promise.all(
      Object.entries(WAYS).map(async ([name, options]) => {
        const client = open(options, quick);
        client.on("close", () => closed.push(name));
        await opened(client);
        return client;
      }),
    );
    await sleep(2 * (300 + 900));
    assert.deepEqual(closed, []);
    for (const client of clients) {
      client.close();
    }
  });

  it("is told when the server closes", async () => {
    for (const transport of ["polling", "websocket"]) {
      const client = open({ transports: [transport] });
      await opened(client);
      const closed = new Promise((done) => client.once("close", done));
      client.send("!close");
      assert.equal(await within(5000, "close", closed), "transport close");
    }
  });
});
