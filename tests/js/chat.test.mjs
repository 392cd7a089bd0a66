// The chat server as an HTTP server: its numbers, the bundles of the client, compression, CORS, and how it stops.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";
import { closeAll, connect, connected, received } from "./clients.mjs";
import { CHAT, RawSocket, differs, http, sleep, start, startConformance, within } from "./support.mjs";

const official = CHAT.endsWith(".mjs");
const { version } = JSON.parse(readFileSync(new URL("node_modules/socket.io-client/package.json", import.meta.url)));
const KEY = "0123456789abcdef";
const POLLING = "/socket.io/?EIO=4&transport=polling";

let server;
afterEach(closeAll);

function person(name, options) {
  return connect(server, { auth: { name, key: KEY }, ...options });
}

/** A user on polling who speaks HTTP by hand: the path of its session. */
async function pollingPerson(name) {
  const { body } = await http(server, POLLING);
  const path = `${POLLING}&sid=${JSON.parse(body.slice(1)).sid}`;
  const auth = JSON.stringify({ name, key: KEY });
  assert.equal((await http(server, path, { method: "POST", body: `40${auth}` })).body, "ok");
  const poll = async (headers) => http(server, path, { headers });
  const send = async (packet) => http(server, path, { method: "POST", body: packet });
  return { path, poll, send };
}

describe("numbers for Prometheus", { skip: official }, () => {
  before(async () => {
    // What is kept for clients that come back counts as held.
    server = await start(CHAT, ["--port", "0", "--recovery", "0"]);
  });
  after(() => server.end());

  /** All values by name and labels. Fails on a line that is none of the format. */
  async function numbers() {
    const { status, headers, body } = await http(server, "/metrics");
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert.ok(body.endsWith("\n"));
    const values = {};
    const types = {};
    for (const line of body.trimEnd().split("\n")) {
      const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
      if (comment) {
        if (comment[1] === "TYPE") {
          types[comment[2]] = comment[3];
        }
        continue;
      }
      const [, sample, name, value] = /^(([a-z_]+)(?:\{[a-z]+="[a-z ]+"\})?) (\d+)$/.exec(line) ?? assert.fail(line);
      assert.equal(types[name], name.endsWith("_total") ? "counter" : "gauge", line);
      assert.ok(!(sample in values), line);
      values[sample] = Number(value);
    }
    return values;
  }

  /** What changed, without what did not. */
  function changes(before, after) {
    const changed = Object.entries(after).filter(([name, value]) => value !== before[name]);
    return Object.fromEntries(changed.map(([name, value]) => [name, value - before[name]]));
  }

  /** The numbers once they fit. */
  function eventually(what, fits) {
    const look = async () => {
      for (;;) {
        const values = await numbers();
        if (fits(values)) {
          return values;
        }
        await sleep(10);
      }
    };
    return within(5000, what, look());
  }

  it("move with what clients do", async () => {
    const none = await numbers();
    assert.equal(none.socketio_namespaces, 1);
    const nonzero = Object.entries(none).filter(([, value]) => value > 0);
    assert.deepEqual(nonzero, [["socketio_namespaces", 1]]);

    const raw = new RawSocket(`${server.ws}/socket.io/?EIO=4&transport=websocket`);
    await raw.next();
    const auth = `0{"name":"Ann","key":"${KEY}"}`;
    raw.send(`4${auth}`);
    const answer = (await raw.next()).slice(1);
    const rooms = (await raw.next()).slice(1);
    const one = await numbers();
    assert.deepEqual(changes(none, one), {
      'engineio_sessions{transport="websocket"}': 1,
      socketio_sockets: 1,
      engineio_upgrade_requests_total: 1,
      'engineio_opened_sessions_total{transport="websocket"}': 1,
      'engineio_frames_total{direction="in"}': 1,
      'engineio_frames_total{direction="out"}': 3,
      'engineio_packets_total{direction="in"}': 1,
      'engineio_packets_total{direction="out"}': 2,
      'engineio_packet_bytes_total{direction="in"}': auth.length,
      'engineio_packet_bytes_total{direction="out"}': answer.length + rooms.length,
    });

    await raw.close();
    const gone = await eventually("the end", ({ socketio_sockets: sockets }) => sockets === 0);
    assert.deepEqual(changes(one, gone), {
      'engineio_sessions{transport="websocket"}': -1,
      socketio_sockets: -1,
      'engineio_closed_sessions_total{reason="transport close"}': 1,
    });

    const { poll, send, path } = await pollingPerson("Ben");
    const waiting = await numbers();
    assert.equal(waiting['engineio_sessions{transport="polling"}'], 1);
    assert.equal(waiting['engineio_opened_sessions_total{transport="polling"}'], 1);
    assert.ok(waiting.engineio_buffered_bytes > 0, "the answer to CONNECT waits");
    await poll();
    assert.equal((await numbers()).engineio_buffered_bytes, 0);
    await http(server, "/socket.io/?EIO=4&transport=pigeon");
    await http(server, `${POLLING}&sid=unknown`);
    await http(server, path, { method: "PUT" });
    const refused = changes(waiting, await numbers());
    assert.equal(refused['engineio_refused_requests_total{reason="unknown transport"}'], 1);
    assert.equal(refused['engineio_refused_requests_total{reason="unknown sid"}'], 1);
    assert.equal(refused['engineio_refused_requests_total{reason="unknown method"}'], 1);
    await send("1");

    const moved = await connect(server, { mode: "upgrade", auth: { name: "Cleo", key: KEY } });
    const upgraded = await eventually("the upgrade", ({ engineio_upgrades_total: upgrades }) => upgrades === 1);
    assert.equal(upgraded['engineio_sessions{transport="websocket"}'], 1);
    moved.disconnect();
  });

  it("are served to nobody who writes", async () => {
    assert.equal((await http(server, "/metrics", { method: "POST" })).status, 405);
  });
});

describe("the bundles of the client", () => {
  before(async () => {
    server = await start(CHAT, ["--port", "0"]);
  });
  after(() => server.end());

  for (const file of ["socket.io.js", "socket.io.min.js", "socket.io.msgpack.min.js", "socket.io.esm.min.js"]) {
    it(`${file} and its map, whatever the query`, async () => {
      for (const query of ["", "?buster=1"]) {
        const script = await http(server, `/socket.io/${file}${query}`);
        assert.equal(script.status, 200);
        assert.equal(script.headers["content-type"], "application/javascript; charset=utf-8");
        assert.equal(script.headers["cache-control"], "public, max-age=0");
        assert.equal(script.headers.etag, `"${version}"`);
        assert.equal(script.headers["x-sourcemap"], undefined);
        const expected = readFileSync(new URL(`node_modules/socket.io-client/dist/${file}`, import.meta.url));
        assert.deepEqual(script.buffer, expected);
      }
      const map = await http(server, `/socket.io/${file}.map`);
      assert.equal(map.status, 200);
      assert.equal(map.headers["content-type"], "application/json; charset=utf-8");
      assert.equal(map.headers.etag, `"${version}"`);
      JSON.parse(map.body);
    });
  }

  it("one who has it is not sent it again", async () => {
    for (const tag of [`"${version}"`, `W/"${version}"`]) {
      const { status, buffer } = await http(server, "/socket.io/socket.io.js", { headers: { "if-none-match": tag } });
      assert.deepEqual([status, buffer.length], [304, 0]);
    }
    const { status } = await http(server, "/socket.io/socket.io.js", { headers: { "if-none-match": '"1.0.0"' } });
    assert.equal(status, 200);
  });

  it("compressed as the client likes it", async () => {
    const plain = await http(server, "/socket.io/socket.io.js");
    const get = (accept) => http(server, "/socket.io/socket.io.js", { headers: { "accept-encoding": accept } });
    const first = await get("gzip, deflate");
    assert.equal(first.headers["content-encoding"], "gzip");
    assert.deepEqual(gunzipSync(first.buffer), plain.buffer);
    const second = await get("deflate");
    assert.equal(second.headers["content-encoding"], "deflate");
    assert.deepEqual(inflateSync(second.buffer), plain.buffer);
    // Brotli takes a large library, and every browser takes gzip too.
    const third = await get("br");
    assert.equal(third.headers["content-encoding"], differs({ official: "br", ours: undefined }));
  });

  it("others below the path are none of the engine's, and those beside it nobody's", async () => {
    assert.equal((await http(server, "/socket.io/foo.js")).status, 400);
    assert.equal((await http(server, "/foo.js")).status, 404);
    assert.equal((await http(server, "/socket.io.js")).status, 404);
  });
});

describe("a server that has no bundles", () => {
  it("takes their paths for its own", async () => {
    server = await startConformance("--socketio");
    for (const file of ["socket.io.js", "socket.io.min.js.map"]) {
      const { status, body } = await http(server, `/socket.io/${file}`);
      assert.deepEqual([status, JSON.parse(body).code], [400, 0]);
    }
    await server.end();
  });
});

describe("compression of answers", { skip: official }, () => {
  before(async () => {
    server = await start(CHAT, ["--port", "0"]);
  });
  after(() => server.end());

  it("from 1,024 bytes on, as the client likes it, and not else", async () => {
    const { poll, send } = await pollingPerson("Ann");
    await send('42["join","lobby"]');
    await poll();
    for (const [accept, length, encoding] of [
      ["gzip, deflate", 2000, "gzip"],
      ["deflate", 2000, "deflate"],
      ["gzip;q=0.1, deflate", 2000, "deflate"],
      ["identity", 2000, undefined],
      [undefined, 2000, undefined],
      ["gzip", 20, undefined],
    ]) {
      const text = "x".repeat(length);
      await send(`42["say","${text}"]`);
      const { headers, buffer } = await poll(accept === undefined ? {} : { "accept-encoding": accept });
      assert.equal(headers["content-encoding"], encoding, accept);
      const decoded = { gzip: gunzipSync, deflate: inflateSync }[encoding]?.(buffer) ?? buffer;
      assert.ok(decoded.toString().includes(`"text":"${text}"`));
    }
  });
});

describe("pages of other origins", { skip: official }, () => {
  const PAGE = "http://page.example";

  const upgrade = (origin) => new RawSocket(`${server.ws}/socket.io/?EIO=4&transport=websocket`, { origin });

  it("get nothing unless they are allowed to", async () => {
    server = await start(CHAT, ["--port", "0"]);
    for (const method of ["GET", "OPTIONS"]) {
      const { status, headers, body } = await http(server, POLLING, { method, headers: { origin: PAGE } });
      assert.equal(headers["access-control-allow-origin"], undefined);
      assert.deepEqual([status, body], [403, '{"code":4,"message":"Forbidden"}']);
    }
    await assert.rejects(upgrade(PAGE).opened);
    const script = await http(server, `${POLLING}&j=0`);
    assert.deepEqual([script.status, JSON.parse(script.body).code], [400, 3]);
    await server.end();
  });

  it("are none if they are of the host that the request is for", async () => {
    server = await start(CHAT, ["--port", "0"]);
    const { status, headers } = await http(server, POLLING, { headers: { origin: server.url } });
    assert.equal(status, 200);
    assert.equal(headers["access-control-allow-origin"], undefined);
    assert.equal(headers.vary, undefined);
    const socket = upgrade(server.url);
    await socket.opened;
    await socket.close();
    await server.end();
  });

  it("are answered with credentials if they are, and others not", async () => {
    server = await start(CHAT, ["--port", "0", "--cors-origin", PAGE, "--cors-origin", "http://other.example"]);
    for (const path of [POLLING, "/socket.io/socket.io.js", "/socket.io/?EIO=4&transport=pigeon"]) {
      const { headers } = await http(server, path, { headers: { origin: PAGE } });
      assert.equal(headers["access-control-allow-origin"], PAGE);
      assert.equal(headers["access-control-allow-credentials"], "true");
    }
    const stranger = await http(server, POLLING, { headers: { origin: "http://stranger.example" } });
    assert.equal(stranger.status, 403);
    assert.equal(stranger.headers["access-control-allow-origin"], undefined);
    await assert.rejects(upgrade("http://stranger.example").opened);
    const socket = upgrade(PAGE);
    await socket.opened;
    await socket.close();
    const asked = { origin: PAGE, "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
    const preflight = await http(server, POLLING, { method: "OPTIONS", headers: asked });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers["access-control-allow-origin"], PAGE);
    assert.equal(preflight.headers["access-control-allow-methods"], "GET,POST");
    assert.equal(preflight.headers["access-control-allow-headers"], "content-type");
    assert.equal(preflight.headers["access-control-allow-credentials"], "true");
    await server.end();
  });
});

describe("stopping", { skip: official }, () => {
  afterEach(async () => {
    if (server.running) {
      await server.end("SIGKILL");
    }
  });

  it("sends what waits, and ends", async () => {
    server = await start(CHAT, ["--port", "0", "--drain", "10"]);
    const { poll, send } = await pollingPerson("Ann");
    await send('421["join","lobby"]');
    server.signal("SIGTERM");
    // It has seen the signal once it does not even look at what is wrong with a request.
    const refused = async () => {
      while ((await http(server, "/socket.io/?EIO=4&transport=pigeon")).status !== 503) {
        await sleep(10);
      }
    };
    await within(5000, "a refusal", refused());
    const { body } = await poll();
    assert.match(body, /^40\{.*\x1e42\["rooms".*\x1e431\[.*\x1e42\["users"/);
    assert.equal((await poll()).body, "6\x1e1");
    assert.deepEqual(await within(5000, "the end", server.exited), { code: 0, signal: null });
  });

  it("may be asked for as soon as the server says that it listens", async () => {
    for (let times = 0; times < 5; times += 1) {
      server = await start(CHAT, ["--port", "0"]);
      assert.deepEqual(await server.end(), { code: 0, signal: null });
    }
  });

  it("waits for one who does not take it no longer than it may", async () => {
    server = await start(CHAT, ["--port", "0", "--drain", "0.5"]);
    await pollingPerson("Ann");
    const from = Date.now();
    assert.deepEqual(await server.end(), { code: 0, signal: null });
    assert.ok(Date.now() - from >= 500);
  });

  /** A client that reconnects, and why it was disconnected when the server stopped. */
  async function stopped(...options) {
    server = await start(CHAT, ["--port", "0", ...options]);
    const socket = await person("Ann", { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 50 });
    const gone = received(socket, "disconnect");
    await server.end();
    return [socket, (await gone)[0]];
  }

  it("lets clients reconnect to its successor", async () => {
    const [socket, reason] = await stopped();
    assert.equal(reason, "transport close");
    server = await start(CHAT, ["--port", String(server.port)]);
    await connected(socket);
  });

  it("tells clients to stay away if it is asked to", async () => {
    const [socket, reason] = await stopped("--tell-clients");
    assert.equal(reason, "io server disconnect");
    assert.equal(socket.active, false);
  });
});

describe("the command line", { skip: official }, () => {
  it("is explained", () => {
    const { status, stdout } = spawnSync(CHAT, ["--help"], { encoding: "utf8" });
    assert.equal(status, 0);
    assert.match(stdout, /^chat - .*\n\nUsage: chat /);
  });

  it("with settings that make no sense says so in words", () => {
    for (const [options, said] of [
      [["--cors-origin", "*"], 'chat: "*" is no origin, such as https://example.com: an origin begins with a scheme, as in https://chat.example\nchat --help tells of the options\n'],
      [["--admin-no-auth", "--admin-namespace", "a,b"], 'chat: "a,b" cannot be the name of the admin namespace\n'],
    ]) {
      const { status, stderr } = spawnSync(CHAT, ["--port", "0", ...options], { encoding: "utf8" });
      assert.equal(status, 1);
      assert.equal(stderr, said);
    }
  });

  it("with something unknown ends at once", () => {
    const { status, stderr } = spawnSync(CHAT, ["--nonsense"], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.equal(stderr, "chat: invalid option '--nonsense'\nchat --help tells of the options\n");
  });
});

describe("recovery that is switched off", { skip: official }, () => {
  it("gives no pid", async () => {
    server = await start(CHAT, ["--port", "0", "--recovery", "0"]);
    const raw = new RawSocket(`${server.ws}/socket.io/?EIO=4&transport=websocket`);
    await raw.next();
    raw.send(`40{"name":"Ann","key":"${KEY}"}`);
    assert.deepEqual(Object.keys(JSON.parse((await raw.next()).slice(2))), ["sid"]);
    await raw.close();
    await server.end();
  });
});
