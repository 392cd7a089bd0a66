// A page of another origin in Chromium, which obeys CORS: what the Engine.IO protocol test suite does there, which fetches and
// opens WebSockets from a page that another server serves.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { launch } from "./chromium.mjs";
import { differs, startConformance } from "./support.mjs";

const POLLING = "/engine.io/?EIO=4&transport=polling";
const WEBSOCKET = "/engine.io/?EIO=4&transport=websocket";
const SETTINGS = { "ping-interval": 20_000, "ping-timeout": 20_000 };

let site;
let origin;
let browser;
let page;

before(async () => {
  site = createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html>"));
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  origin = `http://127.0.0.1:${site.address().port}`;
  browser = await launch();
  page = await browser.newPage();
  await page.goto(origin);
});
after(async () => {
  await browser?.close();
  site?.close();
});

/** Status and body of what the page fetches; an error where the browser does not let it read the answer. */
const ask = (server, path, options) =>
  page.evaluate(
    async ([url, init]) => {
      const response = await fetch(url, init);
      return { status: response.status, body: await response.text() };
    },
    [`${server.url}${path}`, options],
  );

/** The first message of a WebSocket, or `refused`. */
const first = (server) =>
  page.evaluate(
    (url) =>
      new Promise((done) => {
        const socket = new WebSocket(url);
        socket.onmessage = ({ data }) => {
          socket.close();
          done(data);
        };
        socket.onerror = () => done("refused");
      }),
    `${server.ws}${WEBSOCKET}`,
  );

for (const credentials of ["omit", "include"]) {
  describe(`a page of another origin that is served, credentials: ${credentials}`, () => {
    let server;
    before(async () => {
      const settings = credentials === "include" ? { ...SETTINGS, origin, credentials: true } : SETTINGS;
      server = await startConformance("--engineio", settings);
    });
    after(() => server.end());

    it("opens a session over polling, and reads and writes there", async () => {
      const { status, body } = await ask(server, POLLING, { credentials });
      assert.equal(status, 200);
      const url = `${POLLING}&sid=${JSON.parse(body.slice(1)).sid}`;
      const pushed = await ask(server, url, { method: "POST", body: "4hello", credentials });
      assert.deepEqual(pushed, { status: 200, body: "ok" });
      assert.deepEqual(await ask(server, url, { credentials }), { status: 200, body: "4hello" });
    });

    it("reads why it is refused", async () => {
      for (const [path, code] of [
        [`${POLLING}&sid=zzz`, 1],
        ["/engine.io/?EIO=4&transport=abc", 0],
        ["/engine.io/?EIO=abc&transport=polling", 5],
      ]) {
        const { status, body } = await ask(server, path, { credentials });
        assert.deepEqual([status, JSON.parse(body).code], [400, code]);
      }
    });

    it("sends what needs a preflight", async () => {
      for (const [method, code] of [["PUT", 2], ["DELETE", 2]]) {
        const headers = { "X-Custom": "1", "Content-Type": "application/octet-stream" };
        const { status, body } = await ask(server, POLLING, { method, headers, credentials });
        assert.deepEqual([status, JSON.parse(body).code], [400, code]);
      }
    });

    it("opens a WebSocket", async () => {
      assert.match(await first(server), /^0\{/);
    });
  });
}

describe("a page of another origin that is not served", () => {
  let server;
  before(async () => {
    server = await startConformance("--engineio", { ...SETTINGS, origin: "http://other.example" });
  });
  after(() => server.end());

  it("reads nothing and opens no WebSocket", async () => {
    await assert.rejects(ask(server, POLLING), /Failed to fetch/);
    // Officially the WebSocket of any page is taken.
    assert.match(await first(server), differs({ official: /^0\{/, ours: /^refused$/ }));
  });
});
