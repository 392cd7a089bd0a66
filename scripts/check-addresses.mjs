// Lock files and manifests must name packages and not where to download them: crates.io and npm are the only
// registries, by their defaults. A tool set up for a mirror writes its address into them.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index";

// For each kind of file, the faults in one line of it.
const rules = {
  "Cargo.lock": (line) => /^source = /.test(line) && line !== `source = "${CRATES_IO}"`,
  "Cargo.toml": (line) => /\b(git|registry|registry-index|index)\s*=\s*"/.test(line),
  "package-lock.json": (line) => /"resolved": "(?!\.)/.test(line),
  "package.json": (line) => /"[^"]*": "(https?|git|file|github)[:+]/.test(line),
  "config.toml": (line) => /^\s*\[?(source|registr)/.test(line),
  ".npmrc": (line) => /registry\s*=|_auth/i.test(line),
};

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((path) => rules[basename(path)]);
const faults = files.flatMap((path) =>
  readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line, index) => (rules[basename(path)](line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
);
if (faults.length > 0) {
  console.error(`download addresses:\n${faults.join("\n")}`);
  process.exit(1);
}
console.log(`${files.length} lock files and manifests carry no download address`);
