// The same requests of pages of other origins, to our server and to the official one with the option `cors`: the answers have
// the same status, body and headers, in the same order.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { dirname, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { CONFORMANCE, differs, http, sleep, start, within } from "./support.mjs";

const OFFICIAL = resolve(dirname(fileURLToPath(import.meta.url)), "reference/conformance.mjs");
const APP = "https://app.example";
const PAGE = "http://page.example:8080";
const EVIL = "https://evil.example";
const QUIET = ["--ping-interval", "20000", "--ping-timeout", "20000"];
const POLLING = "?EIO=4&transport=polling";

/** Status, headers and body, without what names the moment, the session or the connection. */
function comparable({ status, rawHeaders, body }) {
  const headers = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    if (!["date", "connection", "keep-alive", "content-length", "transfer-encoding"].includes(name)) {
      headers.push(`${name}: ${rawHeaders[i + 1]}`);
    }
  }
  return { status, headers, body: body.replace(/"sid":"[^"]+"/, '"sid":"…"') };
}

/** The lines of the answer to a request to become a WebSocket, as far as they are about other origins. */
async function upgraded(server, path, origin) {
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => {});
  socket.write(
    `GET ${path}?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nOrigin: ${origin}\r\n` +
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const [chunk] = await within(5000, "an answer", once(socket, "data"));
  socket.destroy();
  const [status, ...lines] = chunk.toString("latin1").split("\r\n\r\n")[0].split("\r\n");
  const told = lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
  return [status.split(" ")[1], ...told.filter((line) => /^(access-control|vary)/.test(line))];
}

for (const [title, mode, path, options] of [
  ["any origin", "--engineio", "/engine.io/", []],
  ["any origin, Socket.IO", "--socketio", "/socket.io/", []],
  ["a list", "--engineio", "/engine.io/", ["--origin", APP, "--origin", PAGE]],
  ["a list, Socket.IO", "--socketio", "/socket.io/", ["--origin", APP, "--origin", PAGE]],
  ["a list, with credentials", "--engineio", "/engine.io/", ["--origin", APP, "--origin", PAGE, "--credentials"]],
]) {
  describe(`CORS of the official server with ${title}`, () => {
    let servers;
    const isListed = options.length > 0;
    before(async () => {
      const line = [mode, "--port", "0", ...QUIET, ...options];
      servers = await Promise.all([start(CONFORMANCE, line), start(OFFICIAL, line)]);
    });
    after(() => Promise.all(servers.map((server) => server.end())));

    /** Asks both, and gives what both answered. */
    async function same(query, request) {
      const [ours, theirs] = await Promise.all(
        servers.map(async (server) => comparable(await http(server, `${path}${query}`, request))),
      );
      assert.deepEqual(ours, theirs, `${query} ${JSON.stringify(request)}`);
      return ours;
    }

    it("handshakes and refusals", async () => {
      for (const headers of [{}, { Origin: APP }, { Origin: PAGE }]) {
        assert.equal((await same(POLLING, { headers })).status, 200);
        assert.equal((await same(`${POLLING}&sid=zzz`, { headers })).status, 400);
        await same("?EIO=4&transport=pigeon", { headers });
        await same("?EIO=9&transport=polling", { headers });
        await same(POLLING, { method: "POST", headers, body: "4a" });
        await same(POLLING, { method: "PUT", headers });
      }
    });

    it("preflights", async () => {
      for (const origin of [undefined, APP, PAGE, EVIL, "null", `${APP}/`, "http://app.example"]) {
        for (const asked of [undefined, "content-type", "content-type, x-y", ""]) {
          const headers = {
            ...(origin !== undefined && { Origin: origin }),
            ...(asked !== undefined && { "Access-Control-Request-Headers": asked }),
            "Access-Control-Request-Method": "POST",
          };
          for (const query of ["", POLLING, `${POLLING}&sid=zzz`]) {
            assert.equal((await same(query, { method: "OPTIONS", headers })).status, 204);
          }
        }
      }
    });

    it("polls, posts and other methods of a session", async () => {
      const headers = { Origin: APP };
      const answers = servers.map(async (server) => {
        const { body } = await http(server, `${path}${POLLING}`, { headers });
        const url = `${path}${POLLING}&sid=${JSON.parse(body.slice(1)).sid}`;
        const ask = async (request) => comparable(await http(server, url, { headers, ...request }));
        const poll = ask({});
        await sleep(50);
        const posted = await ask({ method: "POST", body: mode === "--engineio" ? "4hello" : "40" });
        return [await poll, posted, await ask({ method: "DELETE" }), await ask({ method: "POST", body: "1" })];
      });
      const [ours, theirs] = await Promise.all(answers);
      assert.equal(ours[0].status, 200);
      const withoutSid = (text) => JSON.parse(JSON.stringify(text).replace(/sid\\":\\"[^"]+"/g, ""));
      assert.deepEqual(withoutSid(ours), withoutSid(theirs));
    });

    it("WebSockets", async () => {
      for (const origin of [APP, PAGE]) {
        const [ours, theirs] = await Promise.all(servers.map((server) => upgraded(server, path, origin)));
        assert.deepEqual(ours, theirs);
        assert.equal(ours[0], "101");
      }
    });

    it("a page that is not served gets no session, though officially it does", { skip: !isListed }, async () => {
      const [server] = servers;
      const refused = differs({ official: 200, ours: 403 });
      for (const headers of [{ Origin: EVIL }, { Origin: "null" }, { Origin: `${APP}:444` }]) {
        const answer = await http(server, `${path}${POLLING}`, { headers });
        assert.equal(answer.status, refused);
        assert.equal(answer.headers["access-control-allow-origin"], undefined);
      }
      assert.equal((await upgraded(server, path, EVIL))[0], differs({ official: "101", ours: "400" }));
    });
  });
}
