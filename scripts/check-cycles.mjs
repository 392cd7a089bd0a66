// No modules of a core import from each other in a circle, whether directly or by way of others.
//
// A module is a file. An import counts as one of the file that declares the name, also where a `mod.rs` or `lib.rs` hands it
// on. Imports of names that the parent's file itself declares are allowed, as the repository's way is to have the type that
// a folder is about in its `mod.rs`: those of a parent from its children, and of children from their parents. Tests may
// import what they like.
//
//   node scripts/check-cycles.mjs    checks both cores
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The paths of `use` statements and of paths in the code, without comments, texts and test modules. */
export function imports(source) {
  const code = withoutTests(withoutNoise(source));
  const found = [];
  for (const [, shared, tree] of code.matchAll(/(\bpub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);/g)) {
    for (const path of leaves(tree)) found.push({ ...path, shared: shared !== undefined });
  }
  const rest = code.replace(/\buse\s+[^;]+;/g, ";");
  for (const [path] of rest.matchAll(/\b(?:crate|super|self)(?:::\w+)+/g)) {
    const names = path.split("::");
    found.push({ path: names, name: names.at(-1), shared: false });
  }
  return found;
}

function withoutNoise(source) {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/"(?:\\[\s\S]|[^"\\])*"|\/\/.*/g, (text) => (text.startsWith("//") ? "" : '""'));
}

function withoutTests(code) {
  const at = code.search(/#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod\s+\w+\s*[{;]/);
  return at < 0 ? code : code.slice(0, at);
}

/** The single paths of a tree such as `a::{b, c::{self, d as e}}`. */
function leaves(tree, before = []) {
  const text = tree.trim();
  const open = text.indexOf("{");
  if (open < 0) {
    const [path, alias] = text.split(/\s+as\s+/);
    const names = [...before, ...path.split("::").map((name) => name.trim()).filter((name) => name)];
    if (names.at(-1) === "self" && names.length > 1) names.pop();
    return [{ path: names, name: alias ?? names.at(-1) }];
  }
  const prefix = [...before, ...text.slice(0, open).split("::").map((name) => name.trim()).filter((name) => name)];
  return branches(text.slice(open + 1, text.lastIndexOf("}"))).flatMap((branch) => leaves(branch, prefix));
}

function branches(text) {
  const found = [""];
  let depth = 0;
  for (const char of text) {
    depth += { "{": 1, "}": -1 }[char] ?? 0;
    if (char === "," && depth === 0) found.push("");
    else found[found.length - 1] += char;
  }
  return found.filter((branch) => branch.trim());
}

/** The imports between files: a map from each file to the files that it imports from. `files` maps paths to sources. */
export function graph(files) {
  const modules = new Map([...files.keys()].map((file) => [moduleOf(file).join("::"), file]));
  const declared = new Map([...files].map(([file, source]) => [file, imports(source)]));

  /** The file that declares what a path from within a module names; `undefined` for other crates. */
  function owner(path, from, seen = new Set()) {
    const absolute = toAbsolute(path, from, modules);
    if (absolute === undefined) return undefined;
    for (let length = absolute.length; length >= 0; length -= 1) {
      const file = modules.get(absolute.slice(0, length).join("::"));
      if (file === undefined) continue;
      const name = absolute[length];
      const handed = declared.get(file).find((use) => use.shared && use.name === name);
      if (name === undefined || handed === undefined || seen.has(`${file} ${name}`)) return file;
      seen.add(`${file} ${name}`);
      return owner([...handed.path, ...absolute.slice(length + 1)], moduleOf(file), seen) ?? file;
    }
    return undefined;
  }

  const edges = new Map();
  for (const [file, uses] of declared) {
    const module = moduleOf(file);
    const targets = uses.filter((use) => !use.shared).map((use) => owner(use.path, module));
    edges.set(file, new Set(targets.filter((target) => target !== undefined && target !== file && !isFamily(file, target))));
  }
  return edges;
}

/** `["server", "connecting"]` for `server/connecting/mod.rs` and for `server/connecting.rs`. */
function moduleOf(file) {
  const names = file.replace(/\.rs$/, "").split("/");
  return ["mod", "lib"].includes(names.at(-1)) ? names.slice(0, -1) : names;
}

function toAbsolute(path, from, modules) {
  if (path[0] === "crate") return path.slice(1);
  const names = [...path];
  let base = from;
  if (names[0] === "self") names.shift();
  else if (names[0] !== "super" && !modules.has([...from, names[0]].join("::"))) return undefined;
  while (names[0] === "super") {
    base = base.slice(0, -1);
    names.shift();
  }
  return [...base, ...names];
}

/** Whether one of the two is the `mod.rs` of a folder in which the other is. */
function isFamily(one, other) {
  const [a, b] = [moduleOf(one), moduleOf(other)];
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a];
  return shorter.length < longer.length && shorter.every((name, index) => name === longer[index]);
}

/** Groups of files each of which imports from each other, by whatever way. */
export function cycles(edges) {
  const reached = new Map();
  const reach = (file) => {
    if (reached.has(file)) return reached.get(file);
    const found = new Set();
    const open = [file];
    while (open.length > 0) {
      for (const next of edges.get(open.pop()) ?? []) {
        if (!found.has(next)) {
          found.add(next);
          open.push(next);
        }
      }
    }
    reached.set(file, found);
    return found;
  };
  const groups = [];
  const grouped = new Set();
  for (const file of edges.keys()) {
    if (grouped.has(file) || !reach(file).has(file)) continue;
    const group = [...reach(file)].filter((other) => reach(other).has(file)).sort();
    group.forEach((other) => grouped.add(other));
    groups.push(group);
  }
  return groups;
}

function sources(folder) {
  const found = new Map();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const file = relative(folder, path);
    const isTest = /(^|\/)tests?(\.rs$|\/)/.test(file);
    if (entry.isFile() && file.endsWith(".rs") && !isTest) found.set(file, readFileSync(path, "utf8"));
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  const cores = ["engineio-proto", "socketio-proto"].map((core) => graph(sources(join(root, core, "src"))));
  const faults = cores.flatMap((edges) => cycles(edges).flatMap((group) => [
    `these import from each other: ${group.join(", ")}`,
    ...group.map((file) => `  ${file} imports from ${[...edges.get(file)].filter((other) => group.includes(other)).join(", ")}`),
  ]));
  if (faults.length > 0) {
    console.error(faults.join("\n"));
    process.exit(1);
  }
  const count = cores.reduce((sum, edges) => sum + edges.size, 0);
  console.log(`${count} modules of the cores import in no circle`);
}
