// WebTransport between the official client in headless Chromium and the example servers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { LIMIT, lastBubble, online, people, say, visit as visitPage } from "./chat-page.mjs";
import { awaitWebTransport, launch } from "./chromium.mjs";
import { CHAT, CONFORMANCE, MAX_PAYLOAD, PING_INTERVAL, start, startConformance } from "./support.mjs";

const BUILDS = new URL("node_modules/socket.io-client/dist/", import.meta.url);
// The reference servers are without WebTransport: the official one needs a package of foreign code for it.
const skip = CONFORMANCE.endsWith(".mjs") && "the reference has no WebTransport";

describe("the official client over WebTransport", { skip, timeout: 120_000 }, () => {
  let server;
  let site;
  let browser;
  let context;

  before(async () => {
    // Large messages may hold up the heartbeat on a busy computer.
    server = await startConformance("--socketio", { webtransport: true, "ping-timeout": 5000 });
    assert.match(server.certificate, /^[\w+/]{43}=$/);
    site = await blankSite();
    browser = await launch({ quic: true });
    context = await browser.newContext();
    context.setDefaultTimeout(LIMIT);
  });
  after(async () => {
    await browser?.close();
    site?.close();
    if (server?.running) {
      assert.equal((await server.end()).code, 0, server.log);
    }
  });

  /** A page with a connected client; `upgraded` waits until it has moved from polling, `patient` lets it wait for that. */
  async function client(options, { upgraded = false, patient = false, at = server, parser = "json" } = {}) {
    const page = await context.newPage();
    if (patient) {
      await awaitWebTransport(page);
    }
    await page.goto(`http://127.0.0.1:${site.address().port}/?${parser}`);
    await page.evaluate(connect, { url: at.url, hash: at.certificate, options, upgraded });
    return page;
  }

  const transport = (page) => page.evaluate(() => window.socket.io.engine.transport.name);
  const count = (page) => page.evaluate(() => window.socket.emitWithAck("count"));

  it("connects directly", async () => {
    const page = await client({ transports: ["webtransport"] });
    assert.equal(await transport(page), "webtransport");
    assert.equal(await page.evaluate(() => window.socket.io.engine.id.length), 20);
    await page.close();
  });

  it("text and binary pass both ways, small, longer than 65,535 bytes and up to the limit", async () => {
    const page = await client({ transports: ["webtransport"] });
    for (const length of [2, 124, 126, 70_000, MAX_PAYLOAD - 50]) {
      assert.ok(await page.evaluate(echoText, length), `text of ${length}`);
      // The official client has no good frame for binary of no length.
      assert.ok(await page.evaluate(echoBinary, length), `binary of ${length}`);
    }
    await page.close();
  });

  it("many messages in both directions keep their order", async () => {
    const page = await client({ transports: ["webtransport"] });
    const numbers = await page.evaluate(echoMany, 2000);
    assert.deepEqual(
      numbers,
      Array.from({ length: 2000 }, (_, number) => number),
    );
    await page.close();
  });

  it("the heartbeat keeps it open", async () => {
    const page = await client({ transports: ["webtransport"] });
    const elapsed = await page.evaluate(pings, 4);
    assert.ok(elapsed >= 3 * PING_INTERVAL, `${elapsed}`);
    assert.ok(await page.evaluate(() => window.socket.connected));
    await page.close();
  });

  it("moves there from polling", async () => {
    const page = await client({ transports: ["polling", "webtransport"] }, { upgraded: true });
    assert.equal(await transport(page), "webtransport");
    assert.ok(await page.evaluate(echoText, 1000));
    assert.ok(await page.evaluate(echoBinary, 100_000));
    await page.evaluate(pings, 2);
    await page.close();
  });

  it("loses nothing on the way there", async () => {
    const page = await client({ transports: ["polling", "webtransport"] });
    const numbers = await page.evaluate(echoMany, 500);
    assert.equal(numbers.length, 500);
    assert.ok(numbers.every((number, index) => number === index));
    await page.close();
  });

  it("carries MessagePack, opened directly and moved to from polling", async () => {
    const settings = { webtransport: true, parser: "msgpack", "ping-timeout": 5000 };
    const msgpack = await startConformance("--socketio", settings);
    for (const transports of [["webtransport"], ["polling", "webtransport"]]) {
      const page = await client({ transports }, { upgraded: transports.length > 1, at: msgpack, parser: "msgpack" });
      assert.equal(await transport(page), "webtransport");
      assert.ok(await page.evaluate(echoText, 70_000));
      assert.ok(await page.evaluate(echoBinary, 70_000));
      assert.deepEqual(await page.evaluate(echoMany, 200), Array.from({ length: 200 }, (_, number) => number));
      await page.close();
    }
    assert.equal((await msgpack.end()).code, 0, msgpack.log);
  });

  it("prefers it to a WebSocket", async () => {
    const page = await client({}, { upgraded: true, patient: true });
    assert.equal(await transport(page), "webtransport");
    await page.close();
  });

  it("stays on polling, then takes the WebSocket, if it does not trust the certificate", async () => {
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    const hash = Buffer.alloc(32).toString("base64");
    await page.evaluate(connect, { url: server.url, hash, options: {}, upgraded: true });
    assert.equal(await transport(page), "websocket");
    await page.close();
  });

  it("the server notices when the client closes", async () => {
    const [watcher, page] = [await client({}), await client({ transports: ["webtransport"] })];
    const before = await count(watcher);
    await page.evaluate(() => window.socket.disconnect());
    await counted(watcher, before - 1);
    const other = await client({ transports: ["webtransport"] });
    await counted(watcher, before);
    await other.close();
    await counted(watcher, before - 1);
    await page.close();
    await watcher.close();
  });

  async function counted(page, expected) {
    const deadline = Date.now() + LIMIT;
    let seen;
    do {
      seen = await count(page);
    } while (seen !== expected && Date.now() < deadline);
    assert.equal(seen, expected);
  }

  it("the client notices when the server closes", async () => {
    const page = await client({ transports: ["webtransport"], reconnection: false });
    const reason = await page.evaluate(
      () =>
        new Promise((done) => {
          window.socket.on("disconnect", done);
          window.socket.emit("disconnect-me", true);
        }),
    );
    assert.equal(reason, "io server disconnect");
    await page.close();
  });

  it("a stream that begins with anything else is closed", async () => {
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    for (const bytes of [[1, 0x34], [0], [0x83, 1, 2, 3], [0xff, 255, 255, 255, 255, 255, 255, 255, 255]]) {
      const ended = await page.evaluate(openRaw, { url: `${server.url}/socket.io/`, hash: server.certificate, bytes });
      assert.equal(ended, "closed", `${bytes}`);
    }
    const invalid = ["0{}", '0{"sid":"__proto__"}', '0{"sid":"AAAAAAAAAAAAAAAAAAAA"}'];
    for (const text of invalid) {
      const bytes = [text.length, ...Buffer.from(text)];
      const ended = await page.evaluate(openRaw, { url: `${server.url}/socket.io/`, hash: server.certificate, bytes });
      assert.equal(ended, "closed", text);
    }
    await page.close();
  });

  it("another path is none of its business", async () => {
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    const url = `${server.url}/elsewhere/`;
    assert.equal(await page.evaluate(openRaw, { url, hash: server.certificate, bytes: [1, 0x30] }), "refused");
    await page.close();
  });

  it("the client notices when the server stops", async () => {
    const slow = await startConformance("--socketio", { webtransport: true, "ping-interval": 25_000 });
    const page = await client({ transports: ["webtransport"], reconnection: false }, { at: slow });
    await page.evaluate(() => {
      window.ended = new Promise((done) => window.socket.on("disconnect", done));
    });
    assert.equal((await slow.end()).code, 0, slow.log);
    const reason = await page.evaluate(() => window.ended);
    // Not "transport close": the crate that the server uses ends a session with its connection, which is an error here.
    assert.equal(reason, "transport error");
    await page.close();
  });
});

describe("the chat page over WebTransport", { skip, timeout: 60_000 }, () => {
  it("says so, and people talk", async () => {
    const server = await start(CHAT, ["--port", "0", "--webtransport"]);
    const browser = await launch({ quic: true });
    const complaints = [];
    try {
      const context = await browser.newContext();
      await awaitWebTransport(context);
      context.setDefaultTimeout(LIMIT);
      const ann = await visitPage(context, server.url, "Ann", { complaints });
      await online(ann, "WebTransport");
      const ben = await visitPage(context, server.url, "ben", { complaints });
      await online(ben, "WebTransport");
      await people(ann, ["Ann (you)", "ben"]);
      await say(ann, "Hi Ben, faster now?");
      await lastBubble(ben, "Hi Ben, faster now?");
      await ben.close();
      await people(ann, ["Ann (you)"]);
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
      assert.equal((await server.end()).code, 0, server.log);
    }
  });

  it("comes back over it when the certificate is another one", async () => {
    let server = await start(CHAT, ["--port", "0", "--webtransport"]);
    const browser = await launch({ quic: true });
    try {
      const context = await browser.newContext();
      await awaitWebTransport(context);
      context.setDefaultTimeout(LIMIT);
      const ann = await visitPage(context, server.url, "Ann", { complaints: [] });
      await online(ann, "WebTransport");
      const { certificate, port } = server;
      const id = await ann.locator("#state").getAttribute("data-socket");
      // The page may ask for the certificate just before the server is back, and connect just after.
      let away = true;
      let refused = 0;
      await context.route("**/certificate", (route) => {
        const refuse = away || refused === 0;
        refused += away ? 0 : 1;
        return refuse ? route.abort() : route.continue();
      });
      await server.end();
      server = await start(CHAT, ["--port", String(port), "--webtransport"]);
      away = false;
      assert.notEqual(server.certificate, certificate);
      await ann.locator(`#state[data-socket]:not([data-socket="${id}"])`).waitFor();
      await online(ann, "WebTransport");
    } finally {
      await browser.close();
      assert.equal((await server.end()).code, 0, server.log);
    }
  });
});

/** An empty page with the client script, the build with MessagePack at `/?msgpack`; its policy forbids nothing. */
async function blankSite() {
  const builds = {
    "/json.js": await readFile(new URL("socket.io.min.js", BUILDS)),
    "/msgpack.js": await readFile(new URL("socket.io.msgpack.min.js", BUILDS)),
  };
  const site = createServer((request, response) => {
    const script = builds[request.url];
    const build = request.url === "/?msgpack" ? "/msgpack.js" : "/json.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ?? `<!DOCTYPE html><script src="${build}"></script>`);
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  return site;
}

// What runs in the page.

function connect({ url, hash, options, upgraded }) {
  const value = Uint8Array.from(atob(hash), (character) => character.charCodeAt(0));
  const transportOptions = { webtransport: { serverCertificateHashes: [{ algorithm: "sha-256", value }] } };
  const socket = globalThis.io(url, { ...options, forceNew: true, transportOptions });
  window.socket = socket;
  return new Promise((done, fail) => {
    socket.io.on("error", fail);
    socket.on("connect", () => {
      const { engine } = socket.io;
      if (upgraded && engine.transport.name === "polling") {
        engine.on("upgrade", () => done());
      } else {
        done();
      }
    });
  });
}

async function echoText(length) {
  // Two bytes a character, so that characters and bytes differ.
  const sent = "é".repeat(length / 2);
  const back = await window.socket.emitWithAck("message-with-ack", sent);
  return back === sent;
}

async function echoBinary(length) {
  const sent = Uint8Array.from({ length }, (_, index) => (index * 31) % 256);
  const back = new Uint8Array(
    await new Promise((done) => {
      window.socket.once("message-back", done);
      // The parser for MessagePack takes a view for an object, in a page.
      window.socket.emit("message", sent.buffer);
    }),
  );
  return back.length === length && back.every((byte, index) => byte === sent[index]);
}

function echoMany(count) {
  return new Promise((done) => {
    const numbers = [];
    window.socket.on("message-back", (number) => {
      numbers.push(number);
      if (numbers.length === count) {
        done(numbers);
      }
    });
    for (let number = 0; number < count; number += 1) {
      window.socket.emit("message", number);
    }
  });
}

/** Waits for so many pings, and says how long that took. */
function pings(count) {
  const started = performance.now();
  return new Promise((done) => {
    let left = count;
    window.socket.io.on("ping", () => {
      left -= 1;
      if (left === 0) {
        done(performance.now() - started);
      }
    });
  });
}

/** Opens a stream by hand and writes bytes to it; tells whether the session was refused, or closed afterwards. */
async function openRaw({ url, hash, bytes }) {
  const value = Uint8Array.from(atob(hash), (character) => character.charCodeAt(0));
  const session = new WebTransport(url.replace("http:", "https:"), {
    serverCertificateHashes: [{ algorithm: "sha-256", value }],
  });
  const closed = session.closed.then(
    () => "closed",
    () => "closed",
  );
  try {
    await session.ready;
  } catch {
    return "refused";
  }
  const stream = await session.createBidirectionalStream();
  // It may be closed while this is being written.
  await stream.writable.getWriter().write(new Uint8Array(bytes)).catch(() => {});
  return closed;
}
