// The crates of the workspace are in layers: each uses crates of lower layers only, and nothing that is published uses what
// is not. What is published says what it is. A program brings no more crates along than it is allowed to.
import { execFileSync } from "node:child_process";

const LAYERS = [
  ["engineio-proto"],
  ["socketio-proto"],
  ["engineio-driver", "engineio-wire"],
  ["socketio-admin", "socketio-metrics", "socketio-recorder", "socketio-testkit"],
  ["socketio", "socketio-blocking", "socketio-fuzz-checks", "socketio-smol"],
  ["socketio-cli"],
];
// Programs and tests, which nobody depends on but other programs and tests.
const TOP = [
  "benchmarks", "chat", "conformance", "drivers", "exploration", "program", "proto-tests", "simulation",
];
// The crates that a program is built from at most, itself included.
const MOST = { chat: 130 };

const cargo = (...args) => execFileSync("cargo", args, { encoding: "utf8", maxBuffer: 1 << 28 });
const { packages } = JSON.parse(cargo("metadata", "--locked", "--no-deps", "--format-version", "1"));
const layer = new Map(LAYERS.flatMap((names, number) => names.map((name) => [name, number])));
for (const name of TOP) layer.set(name, LAYERS.length);

const faults = [];
const names = new Set(packages.map(({ name }) => name));
for (const name of layer.keys()) {
  if (!names.has(name)) faults.push(`there is no crate ${name}: take it out of scripts/check-layers.mjs`);
}
for (const { name, publish, dependencies, ...about } of packages) {
  const own = layer.get(name);
  if (own === undefined) {
    faults.push(`${name} has no layer: add it to scripts/check-layers.mjs`);
    continue;
  }
  const published = publish === null;
  if (published) {
    for (const wanted of ["description", "readme", "license", "keywords", "categories"]) {
      if (!about[wanted]?.length) faults.push(`${name} is published without ${wanted}`);
    }
  }
  for (const { name: used, kind } of dependencies) {
    const below = layer.get(used);
    if (below === undefined || kind === "dev") continue;
    if (below >= own && own < LAYERS.length) faults.push(`${name} uses ${used}, which is not below it`);
    if (published && packages.find((found) => found.name === used)?.publish?.length === 0) {
      faults.push(`${name} is published and uses ${used}, which is not`);
    }
  }
}

for (const [name, most] of Object.entries(MOST)) {
  const tree = cargo("tree", "--locked", "-p", name, "-e", "normal,build", "--prefix", "none", "--format", "{p}");
  const crates = new Set(tree.split("\n").filter((line) => line).map((line) => line.split(" ").slice(0, 2).join(" ")));
  console.log(`${name}: ${crates.size} crates`);
  if (crates.size > most) faults.push(`${name} is built from ${crates.size} crates, more than ${most}`);
}

if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
console.log(`${packages.length} crates in ${LAYERS.length} layers and above`);
