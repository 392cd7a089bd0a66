// Each input of the machines is declared where it belongs: by the machines, by the interface for drivers, and by what
// stands around a machine and implements that interface by hand. Everything else uses the interface. The servers in `bench/`
// have no machine.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const INTERFACE = ["engineio-proto/src/driver/client.rs", "engineio-proto/src/driver/server.rs"];
const OWNERS = [
  ...INTERFACE,
  // The machines.
  "engineio-proto/src/client/heartbeat.rs",
  "engineio-proto/src/client/machine/input.rs",
  "engineio-proto/src/client/upgrade.rs",
  "engineio-proto/src/server/connections.rs",
  "engineio-proto/src/server/heartbeat.rs",
  "engineio-proto/src/server/machine.rs",
  "engineio-proto/src/server/polling.rs",
  "engineio-proto/src/server/session/input.rs",
  "engineio-proto/src/server/upgrade.rs",
  "engineio-proto/src/server/webtransport.rs",
  "socketio-proto/src/client/links.rs",
  "socketio-proto/src/client/machine.rs",
  "socketio-proto/src/server/machine.rs",
  // Bytes around machines: time is an input of theirs too.
  "engineio-wire/src/client/hosted.rs",
  "engineio-wire/src/client/input.rs",
  "engineio-wire/src/server/hosted.rs",
  "engineio-wire/src/server/input.rs",
  // Machines in a coat.
  "engineio-proto/tests/support/driver.rs",
  "engineio-proto/tests/support/skewed.rs",
  "engineio-wire/src/client/tests.rs",
  "sio/src/wire.rs",
  "tests/conformance/tests/client_support/punctual.rs",
  "tests/tests/wire_responses/readers.rs",
];

const traits = INTERFACE.map((path) => /pub trait Machine \{\n(.*?)\n\}\n/s.exec(readFileSync(path, "utf8"))?.[1] ?? "");
const inputs = new Set(traits.flatMap((text) => [...text.matchAll(/^ {4}fn (handle_\w+)\(/gm)].map(([, name]) => name)));
if (inputs.size < 15) throw new Error("the interface for drivers has lost its inputs");
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.rs", ":!bench"], { encoding: "utf8" });
const faults = [];
const owning = new Set();
for (const path of files.split("\n").filter((path) => path)) {
  readFileSync(path, "utf8").split("\n").forEach((line, index) => {
    const name = /\bfn (handle_\w+)\s*[(<]/.exec(line)?.[1];
    if (!inputs.has(name)) return;
    owning.add(path);
    if (!OWNERS.includes(path)) faults.push(`${path}:${index + 1} declares ${name}: use engineio_proto::driver`);
  });
}
for (const path of OWNERS) if (!owning.has(path)) faults.push(`${path} declares no input; take it out of scripts/check-inputs.mjs`);
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
console.log(`${inputs.size} inputs are declared in ${owning.size} files`);
