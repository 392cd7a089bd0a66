// The same scripts of a client, played to the program under test and to the official server.
//
// SESSION_CASES=5000 SESSION_SEED=7 node --test tests/js/sessions.test.mjs
import assert from "node:assert/strict";
import { dirname, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { play, random, script } from "./sessions.mjs";
import { start, startConformance } from "./support.mjs";

const CASES = Number(process.env.SESSION_CASES ?? 20);
const SEED = Number(process.env.SESSION_SEED ?? 1);
const OFFICIAL = resolve(dirname(fileURLToPath(import.meta.url)), "reference/conformance.mjs");
// Longer than any script takes.
const INTERVAL = 20_000;

const WAYS = [
  { revision: 4, parser: "json" },
  { revision: 3, parser: "json" },
  { revision: 4, parser: "msgpack" },
].flatMap((way) => ["websocket", "polling", "upgrade"].map((transport) => ({ ...way, transport })));

const servers = {};
before(async () => {
  for (const parser of ["json", "msgpack"]) {
    const options = ["--allow-eio3", "--parser", parser, "--ping-interval", String(INTERVAL)];
    servers[parser] = await Promise.all([
      startConformance("--socketio", { "allow-eio3": true, parser, "ping-interval": INTERVAL }),
      start(OFFICIAL, ["--socketio", "--port", "0", ...options]),
    ]);
  }
});
after(() => Promise.all(Object.values(servers).flat().map((server) => server.end())));

describe("one script for both servers", () => {
  for (const way of WAYS) {
    const { transport, revision, parser } = way;
    it(`${transport}, revision ${revision}, ${parser}: ${CASES} scripts from seed ${SEED}`, { timeout: 600_000 }, async () => {
      const counts = { steps: 0, closed: 0 };
      for (let number = 0; number < CASES; number += 1) {
        const steps = script(random(SEED * 1_000_003 + number), way);
        const [said, theirs] = await Promise.all(servers[parser].map((server) => play(server, steps, way)));
        assert.deepEqual(said, theirs, `script ${number} of seed ${SEED}: ${JSON.stringify(steps)}`);
        counts.steps += said.length;
        counts.closed += said.at(-1) === "closed" ? 1 : 0;
      }
      // Both ends are reached, or this would compare nothing.
      assert.ok(counts.closed > CASES / 20 && counts.closed < CASES, JSON.stringify(counts));
    });
  }
});
