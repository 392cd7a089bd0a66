// The official parsers, for the Rust test `differential`: each line of standard input is a JSON array of cases, each line
// of standard output the array of what came of them. Bytes are base64.
//
// A case is { kind, messages: [string | { bytes }] }; what came of it is a list, for each message { error } or { packets }.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import * as eio4 from "engine.io-parser";
import * as sio from "socket.io-parser";
import msgpack from "socket.io-msgpack-parser";

// Not exported by its package.
const eio3 = createRequire(import.meta.url)("./node_modules/engine.io/build/parser-v3/index.js");

const kinds = {
  "eio4-frame": (message) => [engine(eio4.decodePacket(message, "nodebuffer"))],
  "eio4-payload": (message) => eio4.decodePayload(message, "nodebuffer").map(engine),
  "eio3-frame": (message) => [engine(eio3.decodePacket(message))],
  "eio3-payload": (message) => {
    const packets = [];
    eio3.decodePayload(message, undefined, (packet) => {
      packets.push(engine(packet));
    });
    return packets;
  },
};

function run({ kind, messages }) {
  if (kind === "sio") {
    return decode(sio, messages);
  }
  if (kind === "msgpack") {
    return decode(msgpack, messages);
  }
  return messages.map((message) => {
    try {
      return { packets: kinds[kind](read(message)) };
    } catch (error) {
      return { error: error.message };
    }
  });
}

// Messages for one decoder, which is a new one behind a fault, as a connection would be.
function decode(parser, messages) {
  let packets = [];
  const create = () => {
    const decoder = new parser.Decoder();
    decoder.on("decoded", (packet) => packets.push(packet));
    return decoder;
  };
  let decoder = create();
  return messages.map((message) => {
    packets = [];
    try {
      decoder.add(read(message));
    } catch (error) {
      decoder = create();
      return { error: error.message };
    }
    return {
      packets: packets.map((packet) => ({
        type: packet.type,
        nsp: packet.nsp,
        id: packet.id,
        data: plain(packet.data),
        again: new parser.Encoder().encode(packet).map(write),
      })),
    };
  });
}

// Of bytes with an unknown type revision 3 makes a packet without one, which nobody takes.
function engine({ type, data }) {
  return type === "error" || type === undefined ? { error: true } : { type, data: data === undefined ? "" : plain(data) };
}

// What JSON can say of a value: bytes are marked, halves of characters replaced.
function plain(value) {
  if (typeof value === "string") {
    return value.toWellFormed();
  }
  if (value instanceof Date) {
    return value.toJSON();
  }
  if (Buffer.isBuffer(value) || value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    return { "$bytes": Buffer.from(value).toString("base64") };
  }
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (value !== null && typeof value === "object") {
    // Own properties, also one that is called `__proto__`.
    return Object.fromEntries(Object.keys(value).map((key) => [key.toWellFormed(), plain(value[key])]));
  }
  return value;
}

function read(message) {
  return typeof message === "string" ? message : Buffer.from(message.bytes, "base64");
}

function write(message) {
  return typeof message === "string" ? message.toWellFormed() : { bytes: Buffer.from(message).toString("base64") };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(JSON.parse(line).map(run))}\n`);
}
