// The chat page in headless Chromium loses its network for some seconds.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { LIMIT, bubbles, lastBubble, online, people, say, text, until, visit } from "./chat-page.mjs";
import { launch, shoot } from "./chromium.mjs";
import { CHAT, start } from "./support.mjs";

/** A way to the server that can be cut: open connections break, and nobody answers. */
class Line {
  #target;
  #open = new Set();
  #port = 0;

  constructor(target) {
    this.#target = target;
  }

  async mend() {
    this.listener = createServer((near) => {
      const far = connect(this.#target, "127.0.0.1");
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ]) {
        this.#open.add(socket);
        socket.pipe(other);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#open.delete(socket);
          other.destroy();
        });
      }
    });
    this.listener.listen(this.#port, "127.0.0.1");
    await once(this.listener, "listening");
    this.#port = this.listener.address().port;
    return `http://127.0.0.1:${this.#port}`;
  }

  async cut() {
    const closed = once(this.listener, "close");
    this.listener.close();
    this.#open.forEach((socket) => socket.destroy());
    await closed;
  }
}

const complaints = [];
let server;
let line;
let browser;
let ann;
let ben;
/** Ann's network, which is not Ben's. */
let network;

before(async () => {
  server = await start(CHAT, ["--port", "0"]);
  line = new Line(server.port);
  browser = await launch();
  network = await browser.newContext({ viewport: { width: 1100, height: 720 }, colorScheme: "light" });
  const other = await browser.newContext();
  network.setDefaultTimeout(LIMIT);
  other.setDefaultTimeout(LIMIT);
  ben = await visit(other, server.url, "ben", { room: "den", complaints });
  ann = await visit(network, await line.mend(), "Ann", { room: "den", complaints });
  await online(ann);
  await online(ben);
});
after(async () => {
  await browser?.close();
  line?.listener.close();
  await server?.end();
});

/** The id of the page's socket, and whether it came back to what it had. */
const identity = (page) =>
  page.evaluate(() => {
    const { socket, recovered } = document.querySelector("#state").dataset;
    return [socket, recovered === "true"];
  });

const words = async (page) => (await bubbles(page)).map(([, , said]) => said);

describe("a page that loses its network", () => {
  for (const [how, lose, regain] of [
    [
      "its connections break",
      () => line.cut(),
      () => line.mend(),
    ],
    [
      "the browser is offline, and its connections break",
      async () => {
        await network.setOffline(true);
        await line.cut();
      },
      async () => {
        await line.mend();
        await network.setOffline(false);
      },
    ],
  ]) {
    it(`comes back as who it was, to its room and what it missed, in order: ${how}`, async () => {
      await say(ann, `before: ${how}`);
      await lastBubble(ben, `before: ${how}`);
      const [id] = await identity(ann);
      const known = await words(ann);
      // What is in the page stays there: it is not made anew from the history of the room.
      await ann.evaluate(() => {
        for (const item of document.querySelectorAll("#messages .message")) {
          item.dataset.kept = "yes";
        }
      });

      await lose();
      await text(ann, "#state-text", /^(Offline|Reconnecting( in \d+ s)?)$/);
      await people(ben, ["ben (you)"]);
      const missed = ["one", "two", "three"].map((word) => `${word}: ${how}`);
      for (const word of missed) {
        await say(ben, word);
      }
      for (let attempts = 0; attempts < 2; attempts += 1) {
        await ann.waitForEvent("requestfailed");
      }
      assert.deepEqual(await words(ann), known);

      await regain();
      await online(ann);
      assert.deepEqual(await identity(ann), [id, true]);
      assert.deepEqual(await words(ann), [...known, ...missed]);
      const kept = await ann.evaluate(() => document.querySelectorAll('[data-kept="yes"]').length);
      assert.equal(kept, known.length);
      await shoot(ann, "recovered");

      await people(ben, ["Ann", "ben (you)"]);
      await people(ann, ["Ann (you)", "ben"]);
      await say(ben, `after: ${how}`);
      await lastBubble(ann, `after: ${how}`);
      await say(ann, `thanks: ${how}`);
      await lastBubble(ben, `thanks: ${how}`);
    });
  }

  it("goes to the room that was asked for meanwhile", async () => {
    const [id] = await identity(ann);
    await line.cut();
    await text(ann, "#state-text", /^Reconnecting( in \d+ s)?$/);
    await ann.click('[data-room="random"]');
    await line.mend();
    await text(ann, "#room-title", "# random");
    assert.deepEqual(await identity(ann), [id, true], "the connection is the one that it had");
    await people(ann, ["Ann (you)"]);
    await say(ben, "nobody here");
    assert.deepEqual(await words(ann), []);
  });

  it("caused no complaint of the browser", () => {
    assert.deepEqual(complaints, []);
  });
});
