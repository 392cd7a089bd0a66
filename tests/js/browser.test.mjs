// The chat page in headless Chromium: people in two tabs, one server that comes and goes.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { LIMIT, bubbles, lastBubble, online, people, say, text, until, visit as visitPage } from "./chat-page.mjs";
import { launch, shoot } from "./chromium.mjs";
import { CHAT, sleep, start } from "./support.mjs";

let server;
let browser;
let context;
let ann;
let ben;
const complaints = [];

before(async () => {
  server = await start(CHAT, ["--port", "0"]);
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1100, height: 720 }, colorScheme: "light" });
  context.setDefaultTimeout(LIMIT);
});
after(async () => {
  await browser?.close();
  if (server?.running) {
    await server.end();
  }
});

async function restart() {
  server = await start(CHAT, ["--port", String(server.port)]);
}

const visit = (name, room) => visitPage(context, server.url, name, { room, complaints });

/** Size of the last picture once it is displayed. */
const displayed = (page) =>
  until(
    page,
    "a picture",
    (size) => size !== null && size[0] > 0,
    () => {
      const image = [...document.querySelectorAll("#messages .picture img")].at(-1);
      return image?.complete ? [image.naturalWidth, image.naturalHeight] : null;
    },
  );

/** A PNG file; `colour` gives the three bytes of a pixel. */
function png(width, height, colour) {
  const rows = Buffer.alloc(height * (width * 3 + 1));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      rows.set(colour(x / width, y / height), y * (width * 3 + 1) + 1 + x * 3);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  let crc = 0xffffffff;
  for (const byte of body) {
    crc ^= byte;
    for (let i = 0; i < 8; i += 1) {
      crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    }
  }
  const check = Buffer.alloc(4);
  check.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return Buffer.concat([length, body, check]);
}

function evening(x, y) {
  if (y > 0.72 + 0.06 * Math.sin(x * 9)) {
    return [30, 40 + 30 * x, 70];
  }
  const sun = Math.hypot((x - 0.68) * 1.6, y - 0.5) < 0.13;
  return sun ? [255, 214, 120] : [70 + 170 * y, 60 + 90 * y, 140 - 40 * y];
}

describe("the chat page", () => {
  it("two people log in and see each other", async () => {
    ann = await visit("Ann");
    await people(ann, ["Ann (you)"]);
    await shoot(ann, "empty");
    ben = await visit("ben");
    await people(ben, ["Ann", "ben (you)"]);
    await people(ann, ["Ann (you)", "ben"]);
    await text(ann, "#messages .notice", "ben came in");
    await text(ann, "#room-title", "# lobby");
  });

  it("the connection moves to WebSocket and says so", async () => {
    await online(ann);
    await online(ben);
  });

  it("they talk", async () => {
    await say(ann, "Hi Ben, did you see the sky?");
    await lastBubble(ben, "Hi Ben, did you see the sky?");
    await say(ben, "Not yet 😀 — is it worth it?");
    await lastBubble(ann, "Not yet 😀 — is it worth it?");
    const expected = [
      [true, "Ann", "Hi Ben, did you see the sky?"],
      [false, "ben", "Not yet 😀 — is it worth it?"],
    ];
    assert.deepEqual(await bubbles(ann), expected);
    assert.deepEqual(
      await bubbles(ben),
      expected.map(([mine, ...rest]) => [!mine, ...rest]),
    );
  });

  it("typing is shown to the other and ends with the message", async () => {
    await ann.locator("#text").pressSequentially("Wait");
    await text(ben, "#typing", "Ann is typing…");
    await shoot(ben, "typing");
    assert.equal(await ann.textContent("#typing"), "");
    await ann.press("#text", "Enter");
    await text(ben, "#typing", "");
    await lastBubble(ben, "Wait");
  });

  it("typing ends when nothing more comes", async () => {
    await ann.fill("#text", "never mind");
    await text(ben, "#typing", "Ann is typing…");
    await text(ben, "#typing", "");
    await ann.fill("#text", "");
  });

  it("one sends a picture, the other sees it", async () => {
    const file = { name: "sky.png", mimeType: "image/png", buffer: png(360, 220, evening) };
    await ann.setInputFiles("#file", file);
    await text(ann, "#preview-text", /^Picture, \d+ KiB/);
    await ann.fill("#text", "Look at that");
    await shoot(ann, "preview");
    await ann.click("#send");
    assert.deepEqual(await displayed(ben), [360, 220]);
    assert.deepEqual(await displayed(ann), [360, 220]);
    assert.match(await ben.textContent("#messages .message:last-child .bubble"), /^Look at that/);
    await until(ann, "no preview", true, () => document.querySelector("#preview").hidden);
    const bytes = await ben.evaluate(async () => {
      const image = [...document.querySelectorAll("#messages .picture img")].at(-1);
      const answer = await new Promise((done, fail) => {
        const canvas = document.createElement("canvas");
        canvas.width = image.naturalWidth;
        canvas.height = image.naturalHeight;
        const drawing = canvas.getContext("2d");
        drawing.drawImage(image, 0, 0);
        try {
          done([...drawing.getImageData(245, 110, 1, 1).data]);
        } catch (error) {
          fail(error);
        }
      });
      return answer;
    });
    assert.deepEqual(bytes, [255, 214, 120, 255]);
    await say(ben, "Beautiful.");
    await lastBubble(ann, "Beautiful.");
    await shoot(ann, "picture");
  });

  it("a picture opens large and closes again", async () => {
    await ben.click("#messages .picture");
    await until(ben, "the viewer", true, () => document.querySelector("#viewer").open);
    await ben.press("body", "Escape");
    await until(ben, "the viewer", false, () => document.querySelector("#viewer").open);
  });

  it("a picture over the limit is made smaller before it is sent", async () => {
    let seed = 1;
    const noise = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed >> 16;
    };
    const buffer = png(1000, 700, () => [noise() & 255, noise() & 255, noise() & 255]);
    assert.ok(buffer.length > 1_000_000);
    await ben.setInputFiles("#file", { name: "noise.png", mimeType: "image/png", buffer });
    await text(ben, "#preview-text", /^Picture, \d+ KiB/);
    await ben.click("#send");
    await until(ann, "two pictures", 2, () => document.querySelectorAll("#messages .picture img").length);
    const [width, height] = await displayed(ann);
    assert.ok(width <= 1000 && Math.abs(width / height - 10 / 7) < 0.02, `${width}x${height}`);
  });

  it("a file that is no picture is refused with a reason", async () => {
    await ann.setInputFiles("#file", { name: "a.svg", mimeType: "image/svg+xml", buffer: Buffer.from("<svg/>") });
    await text(ann, "#problem", "The picture cannot be sent: only PNG, JPEG, GIF and WebP pictures can be sent.");
  });

  it("text that looks like markup stays text", async () => {
    const words = '<img src=x onerror="window.broken = true"><b>bold</b> & more';
    await say(ann, words);
    await lastBubble(ben, words);
    assert.equal(await ben.evaluate(() => window.broken), undefined);
    assert.equal(await ben.evaluate(() => document.querySelector("#messages b")), null);
  });

  it("rooms are switched and keep their own talk", async () => {
    await ben.click('[data-room="random"]');
    await text(ben, "#room-title", "# random");
    await people(ben, ["ben (you)"]);
    await people(ann, ["Ann (you)"]);
    await text(ann, '[data-room="random"] .count', "1");
    await say(ann, "Is anybody still here?");
    await say(ben, "Quiet in here");
    assert.deepEqual(await bubbles(ben), [[true, "ben", "Quiet in here"]]);
    await ben.click('[data-room="lobby"]');
    await lastBubble(ben, "Is anybody still here?");
    await people(ben, ["Ann", "ben (you)"]);
    // The pictures of the history are fetched again.
    await until(ben, "two pictures", 2, () => document.querySelectorAll("#messages .picture img").length);
    await displayed(ben);
  });

  it("a new room is opened, and is gone with the last person", async () => {
    await ben.fill("#new-room-name", "tea-time");
    await ben.press("#new-room-name", "Enter");
    await text(ben, "#room-title", "# tea-time");
    await text(ann, '[data-room="tea-time"] .count', "1");
    await ben.click('[data-room="lobby"]');
    await people(ann, ["Ann (you)", "ben"]);
    await until(ann, "rooms", ["lobby", "random", "pictures"], () =>
      [...document.querySelectorAll("#rooms button")].map((button) => button.dataset.room),
    );
  });

  it("each room keeps its draft", async () => {
    await ann.fill("#text", "unfinished");
    await ann.click('[data-room="random"]');
    await text(ann, "#room-title", "# random");
    assert.equal(await ann.inputValue("#text"), "");
    await ann.click('[data-room="lobby"]');
    await until(ann, "the draft", "unfinished", () => document.querySelector("#text").value);
  });

  it("a name in use is refused, whatever its case, and another one accepted", async () => {
    const third = await visit("ANN");
    await text(third, "#login-problem", "This name is in use. Pick another one.");
    await shoot(third, "refused");
    await third.fill("#name", "Cleo");
    await third.click("#enter");
    await people(ann, ["Ann (you)", "ben", "Cleo"]);
    // Closed in the middle of the upgrade, only the heartbeat would notice.
    await online(third);
    await third.close();
    await people(ann, ["Ann (you)", "ben"]);
  });

  it("a reloaded tab comes back with its name and room", async () => {
    await ben.reload();
    await online(ben);
    await people(ben, ["Ann", "ben (you)"]);
    await people(ann, ["Ann (you)", "ben"]);
    await displayed(ben);
  });

  for (const signal of ["SIGKILL", "SIGTERM"]) {
    it(`both come back by themselves after ${signal} and a restart`, async () => {
      await ann.fill("#text", "half a sentence");
      const outcome = await server.end(signal);
      if (signal === "SIGTERM") {
        assert.deepEqual(outcome, { code: 0, signal: null });
      }
      for (const page of [ann, ben]) {
        await text(page, "#state-text", /^Reconnecting( in \d+ s)?$/);
        await until(page, "the retry button", false, () => document.querySelector("#retry").hidden);
      }
      await shoot(ann, `reconnecting-${signal.toLowerCase()}`);
      await ann.press("#text", "Enter");
      await text(ann, "#problem", "Not connected. Your text is kept until you can send it.");
      await restart();
      await online(ann);
      await online(ben);
      await people(ann, ["Ann (you)", "ben"]);
      await people(ben, ["Ann", "ben (you)"]);
      assert.equal(await ann.inputValue("#text"), "half a sentence");
      await ann.press("#text", "Enter");
      await lastBubble(ben, "half a sentence");
      await say(ben, `back after ${signal}`);
      await lastBubble(ann, `back after ${signal}`);
    });
  }

  it("a page opened while the server is away keeps trying", async () => {
    const page = await context.newPage();
    await page.goto(server.url);
    await server.end();
    await page.fill("#name", "Dora");
    await page.click("#enter");
    await text(page, "#login-problem", "The server cannot be reached. Trying again.");
    await restart();
    await online(page);
    await people(page, (names) => names.includes("Dora (you)"));
    await page.close();
  });

  it("looks right in the dark and on a small screen", async () => {
    await online(ann);
    await online(ben);
    await ann.setInputFiles("#file", { name: "sky.png", mimeType: "image/png", buffer: png(360, 220, evening) });
    await ann.click("#send");
    await displayed(ben);
    await say(ben, "I will never get tired of this view, and I would not mind if you sent one of these every evening.");
    await lastBubble(ann, "I will never get tired of this view, and I would not mind if you sent one of these every evening.");
    await say(ann, "Deal.");
    await ben.emulateMedia({ colorScheme: "dark" });
    await lastBubble(ben, "Deal.");
    await shoot(ben, "dark");
    await ann.setViewportSize({ width: 390, height: 780 });
    const wide = await ann.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(wide, false);
    await shoot(ann, "small");
    await ann.click("#menu");
    await until(ann, "the menu", "true", () => document.querySelector("#menu").getAttribute("aria-expanded"));
    await ann.locator("#side").waitFor({ state: "visible" });
    await sleep(200);
    await shoot(ann, "small-menu");
    await ann.press("body", "Escape");
  });

  it("one who leaves is gone for the others", async () => {
    await ben.click("#leave");
    await people(ann, ["Ann (you)"]);
    await ben.locator("#login").waitFor({ state: "visible" });
  });

  it("caused no complaint of the browser", () => {
    assert.deepEqual(complaints, []);
  });
});
