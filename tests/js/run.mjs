// Runs the suites against what serves: `node run.mjs hyper` runs all of them, `node run.mjs wire` those against our
// conformance server, which `engineio-wire` serves then. It says how many tests each ran; fewer than before are a fault.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const COUNTS = join(HERE, "served.json");
/** Suites of other programs, and of a transport that the wire has no part in. */
const NOT_ON_WIRE = ["admin-page", "admin", "browser", "chat", "drivers", "webtransport"];

const served = process.argv[2] ?? "hyper";
const least = JSON.parse(readFileSync(COUNTS, "utf8"))[served];
if (least === undefined) {
  console.error(`nothing serves by the name ${served}`);
  process.exit(2);
}
const suites = readdirSync(HERE)
  .filter((name) => name.endsWith(".test.mjs"))
  .filter((name) => served !== "wire" || !NOT_ON_WIRE.includes(name.replace(".test.mjs", "")));

const folder = mkdtempSync(join(tmpdir(), "suites-"));
const report = join(folder, "report.tap");
const run = spawnSync(
  process.execPath,
  [
    "--test", "--test-timeout=180000", "--test-concurrency=2",
    "--test-reporter=spec", "--test-reporter-destination=stdout",
    "--test-reporter=tap", `--test-reporter-destination=${report}`,
    ...suites,
  ],
  { cwd: HERE, stdio: "inherit", env: { ...process.env, SERVED_BY: served } },
);
const passed = Number(/^# pass (\d+)$/m.exec(readFileSync(report, "utf8"))?.[1] ?? 0);
rmSync(folder, { recursive: true });
console.log(`served by ${served}: ${passed} tests passed, at least ${least} have to`);
process.exit(run.status || (passed < least ? 1 : 0));
