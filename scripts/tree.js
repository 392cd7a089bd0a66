// A copy of the workspace in which files are changed. Files that stay the same keep their time, so that cargo builds only what
// changed.
"use strict";

const { execFileSync } = require("node:child_process");
const { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } = require("node:fs");
const { dirname, join, relative } = require("node:path");

class Tree {
  #sources;
  #changed = new Set();

  /** A copy of the files under `root` in `path`. The sources may change afterwards. */
  constructor(root, path) {
    this.path = path;
    const listed = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], { cwd: root, maxBuffer: 1 << 28 });
    // Those that are not committed yet are listed too.
    const files = listed.toString().split("\0").filter((file) => file !== "" && existsSync(join(root, file)));
    this.#sources = new Map(files.map((file) => [file, readFileSync(join(root, file))]));
    for (const [file, source] of this.#sources) this.#put(file, source);
    // What an earlier copy left.
    for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
      const left = join(entry.parentPath ?? entry.path, entry.name);
      if (entry.isFile() && !this.#sources.has(relative(path, left))) rmSync(left);
    }
  }

  /** A file as it was copied. */
  source(file) {
    return this.#sources.get(file).toString();
  }

  /** Writes these files, and all others as they were copied. */
  write(contents) {
    for (const file of this.#changed) if (!contents.has(file)) this.#put(file, this.#sources.get(file));
    for (const [file, content] of contents) this.#put(file, Buffer.from(content));
    this.#changed = new Set(contents.keys());
  }

  #put(file, content) {
    const path = join(this.path, file);
    if (existsSync(path) && readFileSync(path).equals(content)) return;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

module.exports = { Tree };
