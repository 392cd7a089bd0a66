// The official packages with the workloads of benches/workloads.json: prints a line for each benchmark, its name as in
// socketio-proto, and the nanoseconds of an operation.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { decodePacket, decodePayload, encodePacket, encodePayload } from "engine.io-parser";
import * as json from "socket.io-parser";
import msgpack from "socket.io-msgpack-parser";

const { workloads } = JSON.parse(readFileSync(new URL("../../../benches/workloads.json", import.meta.url), "utf8"));
const parsers = { json, msgpack };
const EVENT = 2;

/** The content of a binary value; workloads.json says how it is made. */
const bytes = (length) => Buffer.from({ length }, (_, index) => (index * 131 + (index >> 8) * 17 + 7) & 255);

const value = (arg) => (arg?.$bin === undefined ? arg : bytes(arg.$bin));

/** The packet as an application makes it. */
function packet({ type, ns, id, event, args, auth }) {
  if (type === "connect") return { type: 0, nsp: ns, data: auth };
  const made = { type: EVENT, nsp: ns, data: [event, ...args.map(value)] };
  return id === null ? made : { ...made, id };
}

/** The frames of a packet, by a parser. */
function frames(parser, of) {
  const frames = [];
  for (const data of new parser.Encoder().encode(of)) {
    encodePacket({ type: "message", data }, true, (frame) => frames.push(frame));
  }
  return frames;
}

/** Takes packets of Engine.IO, and gives those of Socket.IO. */
function takes(parser) {
  const decoder = new parser.Decoder();
  let complete;
  decoder.on("decoded", (packet) => complete.push(packet));
  return (packets) => {
    complete = [];
    for (const { data } of packets) decoder.add(data);
    return complete;
  };
}

const benchmarks = [];

for (const { id, ops, polling, packet: one, packets, frames: wire, msgpack: parts } of workloads) {
  for (const [name, parser] of Object.entries(parsers)) {
    const all = (packets ?? [one ?? packets[0]]).map(packet);
    const take = takes(parser);
    const add = (operation, run) => benchmarks.push([`${name}_${id.toLowerCase()}_${operation}`, run]);
    const encode = () => all.flatMap((of) => new parser.Encoder().encode(of).map((data) => ({ type: "message", data })));
    if (polling) {
      const body = () => {
        let body;
        encodePayload(encode(), (encoded) => (body = encoded));
        return body;
      };
      const encoded = body();
      if (name === "json") {
        const items = wire.map((frame) => frame.data ?? `b${bytes(frame.len).toString("base64")}`);
        assert.equal(encoded, items.join("\x1e"));
      }
      const decode = () => take(decodePayload(encoded, "nodebuffer"));
      assert.deepEqual(decode().map(({ data }) => data), all.map(({ data }) => data));
      if (ops.includes("dec")) add("decode", decode);
      if (ops.includes("enc")) add("encode", body);
      continue;
    }
    const encoded = frames(parser, all[0]);
    const expected =
      name === "json"
        ? wire.map((frame) => frame.data ?? bytes(frame.len))
        : [Buffer.concat(parts.map((part) => (part.b64 === undefined ? bytes(part.bin) : Buffer.from(part.b64, "base64"))))];
    if (name === "json") assert.deepEqual(encoded, expected);
    const decode = () => take(expected.map((frame) => decodePacket(frame, "nodebuffer")))[0];
    assert.deepEqual(decode().data, all[0].data);
    if (ops.includes("dec")) add("decode", decode);
    if (ops.includes("enc")) add("encode", () => frames(parser, all[0]));
  }
}

/** The nanoseconds of an operation: the fastest of 30 samples of some 10 ms. */
function time(run) {
  let count = 1;
  const sample = () => {
    const start = process.hrtime.bigint();
    for (let index = 0; index < count; index += 1) run();
    return Number(process.hrtime.bigint() - start);
  };
  while (sample() < 10e6) count *= 2;
  return Math.min(...Array.from({ length: 30 }, sample)) / count;
}

for (const [name, run] of benchmarks) console.log(name, time(run).toFixed(0));
