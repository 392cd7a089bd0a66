// What is linked into a core, with all its features and on every target, must be exactly the list below: no async
// runtime, no socket, no clock, no source of randomness comes in by a dependency of a dependency. The features for tests,
// `proptest` and `arbitrary`, are left out: each brings the crate of its name.
// Usage: node scripts/check-dependencies.mjs CRATE...
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const EXPECTED = {
  "engineio-proto": [
    "base64", "bytes", "bytestring", "form_urlencoded", "http", "itoa", "memchr", "once_cell", "percent-encoding",
    "ppv-lite86", "rand_chacha", "rand_core", "serde", "serde_core", "serde_json", "thiserror", "zerocopy", "zmij",
  ],
  // On top of those of `engineio-proto`.
  "socketio-proto": ["engineio-proto", "num-traits", "rmp"],
  // On top of those of `engineio-proto`.
  "engineio-wire": ["adler2", "cfg-if", "crc32fast", "engineio-proto", "httparse", "miniz_oxide", "sha1_smol"],
};
EXPECTED["engineio-wire"].push(...EXPECTED["engineio-proto"].filter((name) => name !== "http"));
EXPECTED["socketio-proto"].push(...EXPECTED["engineio-proto"]);

const cargo = (...args) => execFileSync("cargo", args, { encoding: "utf8", maxBuffer: 1 << 28 });

const FOR_TESTS = ["proptest", "arbitrary"];
const workspace = JSON.parse(cargo("metadata", "--locked", "--no-deps", "--format-version", "1"));

const banned = new Set(
  [...readFileSync("deny.toml", "utf8").matchAll(/^\s*\{ crate = "([^"]+)", reason/gm)].map(([, name]) => name),
);
const faults = banned.size === 0 ? ["deny.toml bans nothing"] : [];

const linked = new Set();
for (const crate of process.argv.slice(2)) {
  const features = Object.keys(workspace.packages.find(({ name }) => name === crate).features)
    .filter((name) => !FOR_TESTS.includes(name));
  const tree = cargo("tree", "--locked", "-p", crate, "--no-default-features", "--features", features.join(","), "--target", "all",
    "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}");
  const found = [...new Set(tree.split("\n").map((line) => line.split(" ")[0]))].filter((name) => name && name !== crate);
  found.sort();
  console.log(`${crate}: ${found.join(" ")}`);
  found.forEach((name) => linked.add(name));

  const expected = new Set(EXPECTED[crate]);
  for (const name of found) {
    if (banned.has(name)) faults.push(`${crate} pulls in ${name}, which deny.toml bans`);
    else if (!expected.delete(name)) faults.push(`${crate} pulls in ${name}, which is not on the list`);
  }
  for (const name of expected) faults.push(`${crate} does not pull in ${name}: take it off the list`);
}

// The lock file must not hold a version that needs a newer compiler than the workspace promises.
const { packages } = JSON.parse(cargo("metadata", "--locked", "--format-version", "1"));
const number = (version) => version.split(".").slice(0, 2).reduce((sum, part) => sum * 1000 + Number(part), 0);
const promised = packages.find(({ name }) => name === "engineio-proto").rust_version;
for (const { name, version, rust_version: needs } of packages) {
  if (linked.has(name) && needs && number(needs) > number(promised)) {
    faults.push(`${name} ${version} needs Rust ${needs}, more than ${promised}`);
  }
}

if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
console.log(`exactly the expected crates, none of them banned, none needs more than Rust ${promised}`);
