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

/** Takes a screenshot, if the tests are asked for some. */
export async function shoot(page, name) {
  if (SCREENSHOTS) {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  }
}
