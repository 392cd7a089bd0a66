// The browser build of the official client 2.5 in Chromium: JSONP, binary payloads over XHR, and WebSocket.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { launch } from "./chromium.mjs";
import { startConformance } from "./support.mjs";

const SCRIPT = new URL("./node_modules/socket.io-client-v2/dist/socket.io.js", import.meta.url);
const LIMIT = 10_000;

let server;
let site;
let browser;
let page;
const requests = [];

before(async () => {
  server = await startConformance("--socketio", { "allow-eio3": true, "ping-interval": 5000, "ping-timeout": 5000 });
  site = createServer((request, response) => {
    if (request.url === "/socket.io.js") {
      response.writeHead(200, { "Content-Type": "text/javascript" }).end(readFileSync(SCRIPT));
    } else {
      response.writeHead(200, { "Content-Type": "text/html" }).end('<!doctype html><script src="/socket.io.js"></script>');
    }
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  browser = await launch();
  page = await browser.newPage();
  page.on("request", (request) => requests.push(request));
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
});
after(async () => {
  await browser?.close();
  site?.close();
  await server?.end();
});

/** Runs a whole conversation in the page, and tells what came back. */
function converse(options, texts) {
  const run = async ({ url, options, texts, limit }) => {
    const bytes = (value) => [...new Uint8Array(value)];
    const socket = window.io(url, { forceNew: true, reconnection: false, withCredentials: false, ...options });
    const settled = (register) =>
      new Promise((done, fail) => {
        setTimeout(() => fail(new Error("too late")), limit);
        socket.on("connect_error", fail);
        register(done);
      });
    const ask = (...args) => settled((done) => socket.emit(...args, (...reply) => done(reply)));
    await settled((done) => socket.on("connect", done));
    if (options.transports.length > 1 && socket.io.engine.transport.name === "polling") {
      await settled((done) => socket.io.engine.once("upgrade", done));
    }
    const echoed = await ask("message-with-ack", ...texts);
    const data = new Uint8Array([0, 1, 127, 128, 255]).buffer;
    const [blob, nested] = await ask("message-with-ack", data, { a: [new Uint8Array([7, 8])], b: "é😀" });
    const [rooms] = await ask("rooms");
    const result = {
      id: socket.id,
      engine: socket.io.engine.id,
      transport: socket.io.engine.transport.name,
      rooms,
      echoed,
      blob: bytes(blob),
      nested: [bytes(nested.a[0]), nested.b],
    };
    const gone = settled((done) => socket.on("disconnect", done));
    socket.emit("disconnect-me", false);
    result.reason = await gone;
    socket.io.engine.close();
    return result;
  };
  requests.length = 0;
  return page.evaluate(run, { url: server.url, options, texts, limit: LIMIT });
}

const TEXTS = ["", "a\nb", "a\\nb", "a\\\\nb\r\n", '"quoted" \\ </script>', "\u2028\u2029", "é€😀", "+ & = % ?", "\u0000\u001e\u007f"];

for (const [name, options, transport] of [
  ["JSONP", { transports: ["polling"], forceJSONP: true }, "polling"],
  ["XHR", { transports: ["polling"] }, "polling"],
  ["XHR with base64", { transports: ["polling"], forceBase64: true }, "polling"],
  ["WebSocket", { transports: ["websocket"] }, "websocket"],
  ["an upgrade from XHR", { transports: ["polling", "websocket"] }, "websocket"],
  ["an upgrade from JSONP", { transports: ["polling", "websocket"], forceJSONP: true }, "websocket"],
]) {
  describe(`the official client 2.5 in Chromium with ${name}`, () => {
    it("exchanges text and binary", async () => {
      const result = await converse(options, TEXTS);
      assert.equal(result.transport, transport);
      assert.equal(result.id, result.engine);
      assert.deepEqual(result.rooms, [result.id]);
      assert.deepEqual(result.echoed, TEXTS);
      assert.deepEqual(result.blob, [0, 1, 127, 128, 255]);
      assert.deepEqual(result.nested, [[7, 8], "é😀"]);
      assert.equal(result.reason, "io server disconnect");

      const polls = requests.filter((request) => request.url().includes("transport=polling")).filter((request) =>
        request.url().includes(`sid=${result.engine}`),
      );
      const jsonp = options.forceJSONP === true;
      assert.equal(polls.length > 0, options.transports[0] === "polling");
      assert.ok(polls.every((request) => request.url().includes("&j=") === jsonp));
      if (jsonp) {
        assert.ok(polls.some((request) => request.resourceType() === "script"));
      } else if (name === "XHR") {
        const types = await Promise.all(polls.map(async (poll) => (await poll.response())?.headers()["content-type"]));
        assert.ok(types.includes("application/octet-stream"), "binary is answered as binary");
      }
    });
  });
}
