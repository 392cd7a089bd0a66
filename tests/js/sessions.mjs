// One random script of a client, played to any number of servers: what each of them says must be the same.
//
// A script is a list of Engine.IO packets for a WebSocket. Between two of them the client asks for an acknowledgement in the
// main namespace, twice: once the second one has come, whatever the packet before them led to has come too, or the
// connection is closed. Times play no part.
import { once } from "node:events";
import { WebSocket } from "ws";
import { within } from "./support.mjs";

const LIMIT = 10_000;

/** Numbers from a seed: SplitMix64, as in the crate `socketio-testkit`. */
export function random(seed) {
  let state = BigInt.asUintN(64, BigInt(seed));
  const next = () => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let mixed = state;
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    return mixed ^ (mixed >> 31n);
  };
  const below = (end) => Number(next() % BigInt(end));
  return { below, one: (of) => of[below(of.length)] };
}

const NAMESPACES = ["", "/custom,", "/custom,", "/refuse,", "/unknown,"];
// No `__proto__`, which the official encoder loses beside attachments.
const VALUES = ["1", "-0.5", '"é"', '"\\u2028"', "null", "[]", '{"a":[true,{}]}', '{"toString":1}', "1e400", '"\\ud83d\\ude00"'];

/** A script: mostly packets that mean something, some with faults. */
export function script(numbers) {
  const steps = [];
  for (let i = numbers.below(10); i >= 0; i -= 1) {
    const messages = packet(numbers);
    steps.push(numbers.below(6) === 0 ? messages.map((message) => fault(message, numbers)) : messages);
  }
  return steps;
}

function packet(numbers) {
  const { below, one } = numbers;
  const nsp = one(NAMESPACES);
  const args = () => Array.from({ length: below(4) }, () => one(VALUES));
  const list = (...items) => `[${items.join(",")}]`;
  const bytes = () => Buffer.from([below(256), below(256)]);
  const hole = (num) => `{"_placeholder":true,"num":${num}}`;
  switch (below(12)) {
    case 0:
    case 1:
      return [`40${nsp}`];
    case 2:
      return [`40${nsp}{"token":${one(['"let me in"', '"no"', "1"])}}`];
    case 3:
      return [`41${nsp === "" ? "/custom," : nsp}`];
    case 4:
    case 5:
      return [`42${nsp}${list('"message"', ...args())}`];
    case 6:
    case 7:
      return [`42${nsp}${below(20)}${list('"message-with-ack"', ...args())}`];
    case 8:
      return [`451-${nsp}${list('"message"', ...args(), hole(0))}`, bytes()];
    case 9:
      return [`452-${nsp}${below(20)}${list('"message-with-ack"', hole(1), hole(0))}`, bytes(), bytes()];
    case 10:
      return [`42${below(20)}${one(['["join","a","b"]', '["leave","a"]', '["broadcast","e",1]', '["to",["a"],"e"]', '["unheard"]'])}`];
    default:
      return [`43${nsp}${below(5)}${list(...args())}`];
  }
}

// No blanks, no other numbers than plain digits: what decoders make of those is compared elsewhere.
function fault(message, { below, one }) {
  if (typeof message !== "string") {
    return message.subarray(below(2));
  }
  // It stays a message of Engine.IO, and does not leave the main namespace: what follows at once on that is a matter of time.
  const at = 1 + below(message.length);
  const rest = message.slice(at + below(2));
  const changed = message.slice(0, at) + one(["", "", "0", "4", "[", "}", '"', ",", "/", "-", "a", "é"]) + rest;
  return /^41(?!\/[^,]+,)/.test(changed) ? message : changed;
}

/** Plays a script; gives what the server said, a list for each step, with names for ids. */
export async function play(server, steps) {
  const socket = new WebSocket(`${server.ws}/socket.io/?EIO=4&transport=websocket`);
  const [ids, frames] = [new Map(), new Frames()];
  const said = [];
  let told = [];
  let wake = () => {};
  let closed = false;
  socket.on("message", (data, binary) => {
    if (!binary && data.toString() === "2") {
      socket.send("3");
      return;
    }
    const packet = frames.add(binary ? data : data.toString());
    if (packet !== undefined) {
      told.push(named(packet, ids));
      wake();
    }
  });
  socket.on("close", () => {
    closed = true;
    wake();
  });
  const until = (what, found) =>
    within(LIMIT, what, new Promise((done) => {
      wake = () => (closed || found()) && done();
      wake();
    }));
  await within(LIMIT, "a WebSocket", once(socket, "open"));
  await until("the handshake", () => told.some((text) => text.startsWith("0{")));
  told = [];
  socket.send("40");
  await until("the main namespace", () => told.some((text) => text.startsWith('42["auth"')));
  for (const messages of steps) {
    said.push(told);
    told = [];
    for (const message of messages) {
      socket.send(message);
    }
    for (const id of [901, 902]) {
      if (!closed) {
        socket.send(`42${id}["message-with-ack"]`);
      }
      await until(`the answer to ${id} behind ${messages}`, () => told.includes(`43${id}[]`));
    }
    if (closed) {
      break;
    }
  }
  said.push(told, closed ? "closed" : "open");
  socket.terminate();
  // The acknowledgements that were only asked for to wait for them may be lost with the connection, or come before it closes.
  return said.map((texts) => (Array.isArray(texts) ? texts.filter((text) => !/^4390[12]\[\]$/.test(text)) : texts));
}

// Puts attachments into their places: which number they have is the sender's choice.
class Frames {
  #header;
  #missing = 0;
  #attachments = [];

  /** The text of a packet, once all of it has come. */
  add(frame) {
    if (typeof frame !== "string") {
      this.#attachments.push(frame.toString("hex"));
      this.#missing -= 1;
      return this.#missing === 0 ? this.#filled() : undefined;
    }
    const [, kind, count, rest] = /^4([56])(\d+)-(.*)$/s.exec(frame) ?? [];
    if (kind === undefined) {
      return frame;
    }
    this.#header = `4${kind === "5" ? 2 : 3}${rest}`;
    this.#missing = Number(count);
    this.#attachments = [];
    return undefined;
  }

  #filled() {
    return this.#header.replace(/\{"_placeholder":true,"num":(\d+)\}/g, (_, num) => `"bytes ${this.#attachments[num]}"`);
  }
}

// Ids are named in the order in which they come, and JSON is written as JavaScript does: our server sends on what it got.
function named(text, ids) {
  const [, head, json] = /^(4\d(?:\/[^,]*,)?\d*)(.*)$/s.exec(text) ?? [];
  const plain = json ? head + JSON.stringify(JSON.parse(json)) : text;
  return plain.replace(/"sid":"([\w-]{20})"/g, (_, id) => {
    if (!ids.has(id)) {
      ids.set(id, ids.size);
    }
    return `"sid":"$${ids.get(id)}"`;
  });
}
