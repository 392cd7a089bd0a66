// The browser builds of official clients in Chromium: JSONP of all that have it, with both parsers; binary payloads over XHR,
// and WebSocket, of 2.5.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { launch } from "./chromium.mjs";
import { differs, startConformance } from "./support.mjs";

const LIMIT = 10_000;
const NO_ICON = '<link rel="icon" href="data:,">';
/** Where the builds are, by version and parser. There was no parser for MessagePack yet for 1.7. */
const BUILDS = {
  1.7: { json: ["socket.io-client-v1/dist/socket.io.js"] },
  2.5: {
    json: ["socket.io-client-v2/dist/socket.io.js"],
    msgpack: ["socket.io-client-v2/dist/socket.io.js", "msgpack-parser.js"],
  },
  3.1: {
    json: ["socket.io-client-v3/dist/socket.io.min.js"],
    msgpack: ["socket.io-client-v3/dist/socket.io.msgpack.min.js"],
  },
  "4.0": {
    json: ["socket.io-client-v4-0/dist/socket.io.min.js"],
    msgpack: ["socket.io-client-v4-0/dist/socket.io.msgpack.min.js"],
  },
};

let servers;
let site;
let browser;
let page;
const requests = [];

before(async () => {
  const settings = { "allow-eio3": true, "allow-jsonp": true, "ping-interval": 5000, "ping-timeout": 5000 };
  const [json, msgpack] = await Promise.all([
    startConformance("--socketio", settings),
    startConformance("--socketio", { ...settings, parser: "msgpack" }),
  ]);
  servers = { json, msgpack };
  site = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname === "/") {
      const scripts = url.searchParams.getAll("script").map((script) => `<script src="/${script}"></script>`);
      response.writeHead(200, { "Content-Type": "text/html" }).end(`<!doctype html>${NO_ICON}${scripts.join("")}`);
    } else {
      const script = url.pathname === "/msgpack-parser.js" ? msgpackParser() : module(url.pathname.slice(1));
      response.writeHead(200, { "Content-Type": "text/javascript" }).end(script);
    }
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  browser = await launch();
  page = await browser.newPage();
  page.on("request", (request) => requests.push(request));
});
after(async () => {
  await browser?.close();
  site?.close();
  await Promise.all(Object.values(servers ?? {}).map((server) => server.end()));
});

function module(path) {
  return readFileSync(new URL(`./node_modules/${path}`, import.meta.url), "utf8");
}

/** The parser of version 2 for a page: there is no build of it. */
function msgpackParser() {
  const modules = {
    "notepack.io": `${module("notepack.io/dist/notepack.js")};module.exports = window.notepack;`,
    "component-emitter": module("component-emitter/index.js"),
    parser: module("socket.io-msgpack-parser-v2/index.js"),
  };
  const functions = Object.entries(modules).map(
    ([name, source]) => `${JSON.stringify(name)}(require, module, exports) {${source}\n}`,
  );
  return `const modules = {${functions.join(",")}};
    const load = (name) => {
      const module = { exports: {} };
      modules[name].call(window, load, module, module.exports);
      return module.exports;
    };
    window.msgpackParser = load("parser");`;
}

/** Opens a page with a build of the client. */
function visit(version, parser) {
  const scripts = BUILDS[version][parser].map((script) => `script=${script}`);
  return page.goto(`http://127.0.0.1:${site.address().port}/?${scripts.join("&")}`);
}

/** Runs a whole conversation in the page, and tells what came back. */
function converse(version, parser, options, texts) {
  const run = async ({ url, views, options, texts, limit }) => {
    const bytes = (value) => [...new Uint8Array(value)];
    const parser = window.msgpackParser && { parser: window.msgpackParser };
    const common = { forceNew: true, reconnection: false, withCredentials: false };
    const socket = window.io(url, { ...common, ...parser, ...options });
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
    const view = new Uint8Array([7, 8]);
    const [blob, nested] = await ask("message-with-ack", data, { a: [views ? view : view.buffer], b: "é😀" });
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
  // In a page, 1.7 and the parser for MessagePack take a view for an object.
  const views = version !== "1.7" && parser === "json";
  return page.evaluate(run, { url: servers[parser].url, views, options, texts, limit: LIMIT });
}

const TEXTS = ["", "a\nb", "a\\nb", "a\\\\nb\r\n", '"quoted" \\ </script>', "\u2028\u2029", "é€😀", "+ & = % ?", "\u0000\u001e\u007f"];

const TRANSPORTS = [
  ["JSONP", { transports: ["polling"], forceJSONP: true }, "polling"],
  ["XHR", { transports: ["polling"] }, "polling"],
  ["XHR with base64", { transports: ["polling"], forceBase64: true }, "polling"],
  ["WebSocket", { transports: ["websocket"] }, "websocket"],
  ["an upgrade from XHR", { transports: ["polling", "websocket"] }, "websocket"],
  ["an upgrade from JSONP", { transports: ["polling", "websocket"], forceJSONP: true }, "websocket"],
];
const JSONP = TRANSPORTS.filter(([, options]) => options.forceJSONP);

/** Whether ids of sockets are those of sessions: in revision 4 they are. */
const isRevision4 = (version) => ["1.7", "2.5"].includes(version);

for (const [version, parser, [name, options, transport]] of [
  ...TRANSPORTS.map((transport) => ["2.5", "json", transport]),
  ...Object.entries(BUILDS).flatMap(([version, builds]) =>
    Object.keys(builds)
      .filter((parser) => version !== "2.5" || parser !== "json")
      .flatMap((parser) => JSONP.map((transport) => [version, parser, transport])),
  ),
]) {
  // The official server has one parser for all, and that of version 3 does not read what version 2 writes.
  const skip =
    isRevision4(version) && parser === "msgpack" && differs({ official: "the official server cannot", ours: false });

  describe(`the official client ${version} in Chromium with ${name}, in ${parser}`, { skip }, () => {
    it("exchanges text and binary", async () => {
      await visit(version, parser);
      const result = await converse(version, parser, options, TEXTS);
      assert.equal(result.transport, transport);
      assert.equal(result.id === result.engine, isRevision4(version));
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
