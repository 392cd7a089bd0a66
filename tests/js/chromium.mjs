// The browser of the tests.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const SCREENSHOTS = process.env.SCREENSHOTS;
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a headless Chromium with a new user data folder, which is removed afterwards. Only with `quic` has it WebTransport. */
export function launch({ quic = false } = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium",
    headless: true,
    args: quic ? ARGUMENTS : [...ARGUMENTS, "--disable-quic"],
  });
}

/**
 * Lets official clients wait for WebTransport, in pages that are opened from here on: they open a WebSocket after 200 ms
 * without it, and on a busy computer the handshakes of QUIC and TLS alone may take that.
 */
export function awaitWebTransport(context) {
  return context.addInitScript(() => {
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (callback, delay, ...rest) => setTimeout(callback, delay === 200 ? 10_000 : delay, ...rest);
  });
}

/** Takes a screenshot, if the tests are asked for some. */
export async function shoot(page, name) {
  if (SCREENSHOTS) {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  }
}
