// The chat page, as the tests look at it.
import { sleep } from "./support.mjs";

export const LIMIT = 15_000;

/** Opens the page of the chat and logs in; what the browser complains about is put into `complaints`. */
export async function visit(context, url, name, { room, complaints = [] } = {}) {
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(`${name}: ${error}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource|WebSocket connection to|ERR_/.test(message.text())) {
      complaints.push(`${name}: ${message.text()}`);
    }
  });
  await page.goto(url);
  await page.fill("#name", name);
  if (room !== undefined) {
    await page.fill("#login-room", room);
  }
  await page.click("#enter");
  return page;
}

/** Polls the page until the function gives the expected value; the page's own policy forbids other means. */
export async function until(page, what, expected, look, argument) {
  const deadline = Date.now() + LIMIT;
  let seen;
  do {
    seen = await page.evaluate(look, argument);
    if (typeof expected === "function" ? expected(seen) : JSON.stringify(seen) === JSON.stringify(expected)) {
      return seen;
    }
    await sleep(25);
  } while (Date.now() < deadline);
  throw new Error(`${what}: saw ${JSON.stringify(seen)}, waited for ${expected.source ?? JSON.stringify(expected)}`);
}

export const text = (page, selector, expected) =>
  until(
    page,
    selector,
    (seen) => (expected instanceof RegExp ? expected.test(seen) : seen === expected),
    (css) => document.querySelector(css).textContent,
    selector,
  );

export const people = (page, expected) =>
  until(page, "people", expected, () =>
    [...document.querySelectorAll("#users li > :last-child")].map((item) => item.textContent),
  );

export const online = (page, transport = "WebSocket") => text(page, "#state-text", `Connected via ${transport}`);

export const bubbles = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("#messages .message")].map((item) => [
      item.classList.contains("mine"),
      item.querySelector(".who").textContent,
      item.querySelector(".bubble").firstChild.textContent,
    ]),
  );

export const lastBubble = (page, expected) =>
  until(
    page,
    "the last message",
    expected,
    () => [...document.querySelectorAll("#messages .message")].at(-1)?.querySelector(".bubble").firstChild.textContent,
  );

export async function say(page, words) {
  await page.fill("#text", words);
  await page.press("#text", "Enter");
  await lastBubble(page, words);
  await until(page, "an empty input", "", () => document.querySelector("#text").value);
}
