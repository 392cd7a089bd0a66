// How `scripts/check-prose.mjs` reads documentation: `node --test scripts/check-prose.test.mjs`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { documents, faults, sentences, words } from "./check-prose.mjs";

const long = `${"word ".repeat(30)}word.`;

test("a text is cut at the ends of sentences, items and paragraphs", () => {
  const text = "One is short. It uses `a. b` (e.g. here)!\nTwo\ngoes on.\n\nThree\n- four\n- five; six\n  seven";
  assert.deepEqual(sentences(text), [
    "One is short.",
    "It uses code (e.g. here)!",
    "Two goes on.",
    "Three",
    "four",
    "five; six seven",
  ]);
});

test("code, tables, headings and comments are no sentences", () => {
  assert.deepEqual(sentences(`# ${long}\n\`\`\`rust\n${long}\n\`\`\`\n| ${long} |\n<!-- ${long} -->\nEnd.`), ["End."]);
});

test("a link counts as its text, and code as one word", () => {
  assert.equal(words(sentences("See [the two words](https://example.org/a b) and `a b c`.")[0]), 6);
});

test("documents of modules and of items are told apart", () => {
  const source = "//! A module.\n//! It goes on.\n\n/// An item.\nfn f() {} // no document\n//// neither\n";
  assert.deepEqual(documents(source), [
    { isModule: true, text: "A module.\nIt goes on." },
    { isModule: false, text: "An item." },
  ]);
});

test("a long sentence and a module that opens with a question are faults", () => {
  assert.equal(faults("a.md", long).length, 1);
  assert.equal(faults("a.md", `${"word ".repeat(29)}word.`).length, 0);
  assert.equal(faults("a.rs", `/// ${long}`).length, 1);
  assert.deepEqual(faults("a.rs", "//! What waits."), ["a module document opens with What"]);
  assert.deepEqual(faults("a.rs", "//! A queue.\n/// When it is full."), []);
  assert.deepEqual(faults("a.md", "What is this."), []);
});
