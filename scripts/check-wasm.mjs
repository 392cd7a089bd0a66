// Checks the module of `purity-probe`: it imports nothing, and its functions give the known answers.
// Usage: node scripts/check-wasm.mjs MODULE.wasm
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
assert.deepEqual(WebAssembly.Module.imports(module), [], "the cores import something: IO hides in them");
const { exports } = new WebAssembly.Instance(module, {});

function call(name, input) {
  exports.input_clear();
  for (const byte of Buffer.from(input)) {
    exports.input_push(byte);
  }
  exports[name]();
  return Buffer.from(Array.from({ length: exports.output_len() }, (_, i) => exports.output_byte(i))).toString();
}

const OPEN =
  '{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';

// Session ids stand for whatever the seed makes of them.
const SESSION = [
  `1 200 0${OPEN.replace(/"sid":"[^"]*"/, '"sid":"…"')}`,
  "2 200 ok",
  "3 200 4hello\x1ebAQID",
  "45 s: Closed(PingTimeout)",
].join("\n");
const TALK = [
  "accepted",
  '0{"sid":"…","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}',
  '40{"sid":"…"}',
  '44/nowhere,{"message":"Invalid namespace"}',
  '42["hello",{"a":1}]',
  '437[{"a":1}]',
  "2",
  "closed",
  'ping timeout, left ["room"]',
  "gone: ping timeout",
].join("\n");

const answers = [
  ["engine_payload", "4hello\x1e2\x1ebAQIDBA==", "4hello\x1e2\x1ebAQIDBA=="],
  ["engine_payload", "4a\x1e\x1e4b", "empty packet"],
  ["engine_payload", Array(17).fill("4").join("\x1e"), "more than 16 packets in one payload"],
  ["engine_frame", "4€😀", "4€😀"],
  ["engine_frame", "bAQIDBA", "bAQIDBA=="],
  ["engine_frame", "2probe", "2probe"],
  ["engine_frame", "7", "unknown packet type 0x37"],
  ["engine_open", OPEN, OPEN],
  ["engine_open", "{}", "invalid handshake"],
  ["engine_server", "4hello\x1ebAQID", SESSION],
  ["socket_echo", '2/chat,7["hello",{"a":[1,"é"]}]', '43/chat,7[{"a":[1,"é"]}]'],
  ["socket_echo", '51-3["p",{"_placeholder":true,"num":0}]', '461-3[{"_placeholder":true,"num":0}]\nbAQID'],
  ["socket_echo", '51-["p",{"_placeholder":true,"num":1}]', "illegal attachments"],
  ["socket_echo", "1/chat,", "Disconnect"],
  ["socket_echo", '2["connect"]', "invalid payload"],
  ["socket_server", '40\n40/nowhere,\n427["hello",{"a":1}]', TALK],
];
for (const [name, input, expected] of answers) {
  const answer = call(name, input);
  const masked = name.endsWith("_server") ? answer.replaceAll(/"sid":"[A-Za-z0-9_-]{20}"/g, '"sid":"…"') : answer;
  assert.equal(masked, expected, `${name}(${input})`);
  assert.equal(call(name, input), answer, `${name}(${input}) the second time`);
}
const called = new Set(answers.map(([name]) => name));
const functions = Object.keys(exports).filter((name) => /^(engine|socket)_/.test(name));
assert.deepEqual([...called].sort(), functions.sort(), "each exported function has a known answer");

console.log(`imports nothing; ${answers.length} known answers of ${functions.length} functions agree`);
