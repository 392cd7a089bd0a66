// How `scripts/check-cycles.mjs` finds circles of imports: `node --test scripts/check-cycles.test.mjs`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { cycles, graph } from "./check-cycles.mjs";

const found = (files) => cycles(graph(new Map(Object.entries(files))));

test("two files that import from each other are a circle, directly or by way of a third", () => {
  const a = "use super::b::B;";
  assert.deepEqual(found({ "lib.rs": "mod a;", "a.rs": a, "b.rs": "use crate::a::A;" }), [["a.rs", "b.rs"]]);
  assert.deepEqual(found({ "a.rs": a, "b.rs": "use super::{c::{self, C}, d};", "c.rs": "fn f(_: crate::a::A) {}", "d.rs": "" }), [
    ["a.rs", "b.rs", "c.rs"],
  ]);
  assert.deepEqual(found({ "a.rs": a, "b.rs": "" }), []);
});

test("a name counts as one of the file that declares it", () => {
  const files = { "lib.rs": "mod a;\nmod b;\npub use b::inner::{B, C as D};", "b/inner.rs": "use crate::a::A;", "b/mod.rs": "" };
  assert.deepEqual(found({ ...files, "a.rs": "use crate::B;" }), [["a.rs", "b/inner.rs"]]);
  assert.deepEqual(found({ ...files, "a.rs": "use crate::D;" }), [["a.rs", "b/inner.rs"]]);
  assert.deepEqual(found({ ...files, "a.rs": "use crate::E;" }), []);
});

test("a folder and its files may import from each other", () => {
  assert.deepEqual(found({ "a/mod.rs": "use self::b::B;", "a/b.rs": "use super::A;" }), []);
});

test("tests, comments, texts and other crates do not count", () => {
  const b = ["// use super::a::A;", 'const TEXT: &str = "use super::a::A;";', "use bytes::Bytes;", "#[cfg(test)]", "mod tests { use super::super::a::A; }"];
  assert.deepEqual(found({ "a.rs": "use super::b::B;", "b.rs": b.join("\n") }), []);
});
