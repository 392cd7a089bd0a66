// The page of the official Admin UI in headless Chromium, connected to the chat server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { HASH } from "./admin.mjs";
import { launch, shoot } from "./chromium.mjs";
import { ask, closeAll, connect, received } from "./clients.mjs";
import { CHAT, start } from "./support.mjs";

const skip = CHAT.endsWith(".mjs");
const PAGE = join(dirname(createRequire(import.meta.url).resolve("@socket.io/admin-ui/package.json")), "ui/dist");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png" };

let pages;
let origin;
let server;
let browser;
const complaints = [];

before(async () => {
  if (skip) {
    return;
  }
  // The page comes from another origin, as it does from where it is hosted.
  pages = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname);
    try {
      const content = await readFile(join(PAGE, path === "/" ? "index.html" : path));
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/html" }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  origin = `http://127.0.0.1:${pages.address().port}`;
  browser = await launch();
});
after(async () => {
  closeAll();
  await browser?.close();
  await server?.end();
  pages?.closeAllConnections();
  pages?.close();
});

async function serve(...options) {
  await server?.end();
  const login = ["--admin-user", "ann", "--admin-password-hash", HASH];
  server = await start(CHAT, ["--port", "0", "--cors-origin", origin, ...login, ...options]);
}

/** A fresh page, whose form is filled in. */
async function visit() {
  const context = await browser.newContext({ viewport: { width: 1300, height: 800 } });
  // Fonts come from the network, which there is none of.
  await context.route((url) => !["127.0.0.1"].includes(url.hostname), (route) => route.abort());
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(origin);
  await page.getByLabel("Server URL").fill(server.url);
  return page;
}

async function logIn(page, password) {
  await page.getByLabel("Username").fill("ann");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Connect" }).click();
}

const open = (page, view) => page.goto(`${origin}/#/${view}`);

function person(name) {
  return connect(server, { auth: { name, key: "0123456789abcdef" } });
}

describe("the Admin UI", { skip }, () => {
  let page;
  let user;

  it("refuses a wrong password and takes the right one", async () => {
    await serve("--admin-server-id", "chat-one");
    user = await person("Ben");
    await ask(user, "join", "lobby");
    page = await visit();
    await logIn(page, "wrong");
    await page.getByText("Invalid credentials").waitFor();
    await logIn(page, "secret");
    await page.locator(".v-dialog--active").waitFor({ state: "detached" });
    await page.getByText("Status: connected", { exact: false }).first().waitFor();
  });

  it("shows the server and its numbers", async () => {
    await open(page, "servers/");
    await page.getByText("chat-one").waitFor();
    await open(page, "");
    await page.getByText("Clients", { exact: false }).first().waitFor();
    await page.waitForFunction(() => /Clients[\s\S]*\d/.test(document.body.innerText));
    await shoot(page, "admin-dashboard");
  });

  it("a reloaded page is still logged in", async () => {
    await page.reload();
    await open(page, "servers/");
    await page.getByText("chat-one").waitFor();
    assert.equal(await page.getByLabel("Password").isVisible(), false);
  });

  it("shows sockets that are there and that come", async () => {
    await open(page, "sockets/");
    await page.getByRole("cell", { name: user.id }).waitFor();
    const other = await person("Cleo");
    await page.getByRole("cell", { name: other.id }).waitFor();
    await shoot(page, "admin-sockets");
    const { id } = other;
    other.disconnect();
    await page.getByRole("cell", { name: id }).waitFor({ state: "detached" });
  });

  it("makes a socket join a room and leave it", async () => {
    await open(page, `n/%2F/sockets/${user.id}`);
    await page.getByRole("cell", { name: "room:lobby" }).waitFor();
    await page.getByLabel("Join a room").fill("vip");
    await page.locator("form button[type=submit]").last().click();
    const row = page.getByRole("row", { name: "vip" });
    await row.waitFor();
    await shoot(page, "admin-socket");
    await open(page, "rooms/");
    await page.getByRole("cell", { name: "vip" }).waitFor();
    await page.getByRole("cell", { name: "room:lobby" }).waitFor();
    await shoot(page, "admin-rooms");
    await open(page, `n/%2F/sockets/${user.id}`);
    await page.getByRole("row", { name: "vip" }).getByRole("button").click();
    // The click opens the page of the room too.
    await page.waitForURL(/rooms/);
    await open(page, `n/%2F/sockets/${user.id}`);
    await page.getByRole("cell", { name: "vip" }).waitFor({ state: "detached" });
  });

  it("shows events as they happen", async () => {
    await open(page, "events/");
    await ask(user, "say", "hello admin");
    await page.getByRole("row", { name: "say" }).first().waitFor();
    await page.getByRole("row", { name: "message" }).first().waitFor();
    await shoot(page, "admin-events");
  });

  it("kicks a socket", async () => {
    await open(page, "sockets/");
    const gone = received(user, "disconnect");
    await page.getByRole("row", { name: user.id }).getByRole("button").click();
    assert.equal((await gone)[0], "io server disconnect");
  });

  it("in read-only mode has nothing to do it with", async () => {
    await page.context().close();
    await serve("--admin-readonly");
    user = await person("Ben");
    page = await visit();
    await logIn(page, "secret");
    await page.locator(".v-dialog--active").waitFor({ state: "detached" });
    await open(page, "sockets/");
    const row = page.getByRole("row", { name: user.id });
    await row.waitFor();
    assert.equal(await row.getByRole("button").count(), 0);
    await shoot(page, "admin-readonly");
  });

  it("caused no complaint of the page", () => {
    assert.deepEqual(complaints, []);
  });
});
