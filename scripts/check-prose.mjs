// Documentation has short sentences, module documents say first what a module is, and subjects of commits fit a line.
// Files that do not keep this yet are in `scripts/prose.pending`; the list shrinks and never grows.
// Usage: node scripts/check-prose.mjs [--pending]
//   --pending  prints the files that have faults, one in a line
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const PENDING = "scripts/prose.pending";
const SCRIPT = "scripts/check-prose.mjs";
const MAX_WORDS = 30;
const MAX_SUBJECT = 72;
const QUESTION = /^(What|Who|Why|How|Which|Where|When)\b/;
/** A sentence ends there. So does `etc.` at the end of one, but `e.g.` in the middle does not. */
const END = /(?<!\b(?:e\.g|i\.e|vs|cf|No))[.!?…][)"'`*_”]*(?=\s|$)/;

/** The sentences of a Markdown text, without code, tables, headings and comments. */
export function sentences(markdown) {
  const paragraphs = [];
  let open = [];
  let fence;
  const close = () => {
    if (open.length > 0) paragraphs.push(open.join(" "));
    open = [];
  };
  for (const line of markdown.replace(/<!--.*?-->/gs, "").split("\n")) {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (mark) {
      if (!fence) close();
      fence = fence ? (mark.startsWith(fence) ? undefined : fence) : mark;
      continue;
    }
    if (fence) continue;
    if (/^\s*($|\||#|\[[^\]]+\]: )/.test(line)) {
      close();
      continue;
    }
    const item = /^\s*(?:[-*+]|\d+[.)])\s+(.*)/.exec(line);
    if (item) close();
    open.push((item ? item[1] : line).trim());
  }
  close();
  return paragraphs.flatMap((paragraph) => split(plain(paragraph)));
}

/** A paragraph whose code is one word, and whose links are their texts. */
function plain(paragraph) {
  return paragraph
    .replace(/(`+)(?:(?!\1).)+\1/g, "code")
    .replace(/\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?/g, "$1");
}

function split(paragraph) {
  const found = [];
  let rest = paragraph;
  for (let end = END.exec(rest); end; end = END.exec(rest)) {
    found.push(rest.slice(0, end.index + end[0].length).trim());
    rest = rest.slice(end.index + end[0].length);
  }
  found.push(rest.trim());
  return found.filter((sentence) => words(sentence) > 0);
}

export const words = (sentence) => sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

/** The documents of a Rust file: runs of lines that begin with `//!` or `///`. */
export function documents(source) {
  const found = [];
  let open;
  for (const line of source.split("\n")) {
    const [, kind, text] = /^\s*\/\/(!|\/(?!\/)) ?(.*)/.exec(line) ?? [];
    if (kind !== open?.kind) {
      open = kind && { kind, lines: [] };
      if (open) found.push(open);
    }
    open?.lines.push(text);
  }
  return found.map(({ kind, lines }) => ({ isModule: kind === "!", text: lines.join("\n") }));
}

/** What is wrong with a file. */
export function faults(path, text) {
  const docs = path.endsWith(".rs") ? documents(text) : [{ isModule: false, text }];
  return docs.flatMap((document) => {
    const long = sentences(document.text)
      .filter((sentence) => words(sentence) > MAX_WORDS)
      .map((sentence) => `a sentence of ${words(sentence)} words: ${sentence}`);
    const opens = document.isModule && QUESTION.exec(document.text);
    return opens ? [`a module document opens with ${opens[1]}`, ...long] : long;
  });
}

const git = (...args) => execFileSync("git", args, { encoding: "utf8", maxBuffer: 1 << 28 });
const lines = (text) => text.split("\n").filter((line) => line && !line.startsWith("#"));

function longSubjects() {
  const [first] = lines(git("log", "--diff-filter=A", "--format=%H", "--", SCRIPT)).slice(-1);
  return lines(git("log", "--no-merges", "--format=%h %s", ...(first ? [`${first}..HEAD`] : ["-1"])))
    .filter((line) => line.slice(line.indexOf(" ") + 1).length > MAX_SUBJECT)
    .map((line) => `a commit's subject has more than ${MAX_SUBJECT} characters: ${line}`);
}

/** What the list had when it was last committed. */
function committed() {
  const [commit] = lines(git("log", "-1", "--format=%H", "--", PENDING));
  return commit ? lines(git("show", `${commit}:${PENDING}`)).length : Infinity;
}

function main() {
  const files = lines(git("ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*.md"));
  const faulty = new Map();
  for (const path of files.filter((path) => existsSync(path))) {
    const found = faults(path, readFileSync(path, "utf8"));
    if (found.length > 0) faulty.set(path, found);
  }
  if (process.argv[2] === "--pending") {
    console.log([...faulty.keys()].join("\n"));
    return 0;
  }
  const pending = lines(readFileSync(PENDING, "utf8"));
  const found = longSubjects();
  for (const [path, of] of faulty) if (!pending.includes(path)) found.push(...of.map((fault) => `${path}: ${fault}`));
  for (const path of pending) if (!faulty.has(path)) found.push(`${path} has no fault; take it out of ${PENDING}`);
  if (pending.length > committed()) found.push(`${PENDING} grew from ${committed()} files to ${pending.length}`);
  found.forEach((fault) => console.error(fault));
  if (found.length === 0) console.log(`prose: ${files.length - pending.length} of ${files.length} files keep the rules`);
  return found.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = main();
