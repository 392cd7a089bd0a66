// Files that the documentation names in backticks exist: by their whole path, or by the end of it.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" }).split("\n");
// The changelog tells of what was.
const documents = tracked.filter((path) => path.endsWith(".md") && path !== "CHANGELOG.md");
const ends = new Set(tracked.flatMap((path) => {
  const parts = path.split("/");
  return parts.map((_, from) => parts.slice(from).join("/"));
}));
const faults = [];
let named = 0;
for (const document of documents) {
  readFileSync(document, "utf8").split("\n").forEach((line, index) => {
    for (const [, name] of line.matchAll(/`([\w./-]+\.(?:rs|mjs|js|py|md|json|toml|fault))(?:::[^`]*)?`/g)) {
      if (name.startsWith("/") || name.startsWith(".")) continue;
      named += 1;
      if (!ends.has(name)) faults.push(`${document}:${index + 1} names ${name}, which is no file`);
    }
  });
}
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
console.log(`${named} names of files in ${documents.length} documents lead to one`);
