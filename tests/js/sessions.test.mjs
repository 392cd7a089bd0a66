// The same scripts of a client, played to the program under test and to the official server.
//
// SESSION_CASES=5000 SESSION_SEED=7 node --test tests/js/sessions.test.mjs
import assert from "node:assert/strict";
import { dirname, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { play, random, script } from "./sessions.mjs";
import { start, startConformance } from "./support.mjs";

const CASES = Number(process.env.SESSION_CASES ?? 150);
const SEED = Number(process.env.SESSION_SEED ?? 1);
const OFFICIAL = resolve(dirname(fileURLToPath(import.meta.url)), "reference/conformance.mjs");

let ours;
let official;
before(async () => {
  [ours, official] = await Promise.all([
    startConformance("--socketio"),
    start(OFFICIAL, ["--socketio", "--port", "0"]),
  ]);
});
after(() => Promise.all([ours.end(), official.end()]));

describe("one script for both servers", () => {
  it(`${CASES} scripts from seed ${SEED} have the same frames`, { timeout: 600_000 }, async () => {
    const counts = { steps: 0, closed: 0 };
    for (let number = 0; number < CASES; number += 1) {
      const steps = script(random(SEED * 1_000_003 + number));
      const [said, theirs] = await Promise.all([play(ours, steps), play(official, steps)]);
      assert.deepEqual(said, theirs, `script ${number} of seed ${SEED}: ${JSON.stringify(steps)}`);
      counts.steps += said.length;
      counts.closed += said.at(-1) === "closed" ? 1 : 0;
    }
    // Both ends are reached, or this would compare nothing.
    assert.ok(counts.closed > CASES / 20 && counts.closed < CASES, JSON.stringify(counts));
  });
});
