// One random script of a client, played to any number of servers: what each of them says must be the same.
//
// A script is a list of Engine.IO messages, to be sent over any transport. Between two of them the client asks for an
// acknowledgement in the main namespace, twice: once the second one has come, whatever the packet before them led to has come
// too, or the connection is closed. Times play no part, nor does the grouping of packets into payloads.
import msgpackParser from "socket.io-msgpack-parser";
import { open } from "./lines.mjs";
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

const NAMESPACES = ["", "/custom,", "/refuse,", "/unknown,"];
// No `__proto__`, which the official encoder loses beside attachments.
const VALUES = ["1", "-0.5", '"é"', '"\\u2028"', "null", "[]", '{"a":[true,{}]}', '{"toString":1}', "1e400", '"\\ud83d\\ude00"'];

/** A script for a revision of Engine.IO and a parser: mostly packets that mean something, some with faults. */
export function script(numbers, { revision, parser }) {
  const steps = [];
  const joined = new Set([""]);
  for (let i = numbers.below(12); i >= 0; i -= 1) {
    const messages = packet(numbers, revision, joined);
    const faulty = numbers.below(10) === 0;
    if (parser === "msgpack") {
      steps.push([packed(messages, faulty ? numbers.one(PACKED_FAULTS) : {})]);
    } else {
      steps.push(faulty ? messages.map((message) => fault(message, numbers, revision)) : messages);
    }
  }
  return steps;
}

// Mostly for a namespace that the client is in, as anything else closes the connection; `joined` begins with the main one.
function packet(numbers, revision, joined) {
  const { below, one } = numbers;
  const wild = below(20) === 0;
  const name = wild ? one(NAMESPACES) : one([...joined]);
  const nsp = revision === 3 && below(4) === 0 ? name.replace(",", "?a=1,") : name;
  const args = () => Array.from({ length: below(4) }, () => one(VALUES));
  const list = (...items) => `[${items.join(",")}]`;
  const bytes = () => Buffer.from([below(256), below(256)]);
  const hole = (num) => `{"_placeholder":true,"num":${num}}`;
  switch (below(12)) {
    case 0:
    case 1:
    case 2:
      return [connect(one(NAMESPACES.filter((other) => wild || !joined.has(other))), numbers, revision, joined)];
    case 3:
      if (joined.size > 1 || wild) {
        const left = wild ? "/unknown," : one([...joined].slice(1));
        joined.delete(left);
        return [`41${left}`];
      }
    // There is none to leave: falls through.
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

function connect(nsp, { one }, revision, joined) {
  const token = one(["", '"let me in"', '"let me in"', '"no"', "1"]);
  if (nsp === "/custom," || (nsp === "/refuse," && token === '"let me in"')) {
    joined.add(nsp);
  }
  if (token === "" || revision === 4) {
    return `40${nsp}${token && `{"token":${token}}`}`;
  }
  // Names in ascending order, as our server has them in what it makes of a query.
  const query = `${one(["", "a=%&b[]=é&b[]=+&"])}token=${encodeURIComponent(JSON.parse(token))}`;
  return `40/${nsp.slice(1, -1)}?${query},`;
}

// No blanks, no other numbers than plain digits, no event without payload: what decoders make of those is compared elsewhere.
function fault(message, { below, one }, revision) {
  if (typeof message !== "string") {
    return message.subarray(below(2));
  }
  // It stays a message of Engine.IO, and does not leave the main namespace: what follows at once on that is a matter of time.
  const at = 1 + below(message.length);
  const rest = message.slice(at + below(2));
  const changed = message.slice(0, at) + one(["", "", "0", "4", "[", "}", '"', ",", "/", "-", "a", "é"]) + rest;
  const leaves = /^41(?!\/[^,]+,)/.test(changed);
  const empty = /^4[23]\/[^,]*$/.test(changed);
  return leaves || empty || (revision === 3 && !isPlain(changed)) ? message : changed;
}

// The official server parses namespaces of revision 3 as URLs, and keeps the order of the query: only those of which ours makes
// the same, which leaves names as they are and sorts the members of what it makes of a query.
function isPlain(message) {
  const nsp = /^4.(?:\d*-)?(\/[^,]*)/.exec(message)?.[1] ?? "/";
  const base = "https://socket.io";
  if (!URL.canParse(nsp, base)) {
    return false;
  }
  const { pathname, searchParams } = new URL(nsp, base);
  const names = [...new Set(searchParams.keys())];
  return pathname === nsp.split("?")[0] && String(names) === String([...names].sort());
}

// The same packet in MessagePack, with some members replaced. What decoders make of other bytes is compared elsewhere.
function packed([text, ...attachments], members) {
  const [, kind, nsp, id, json] = /^4(\d)(?:\d-)?(?:(\/[^,]*),)?(\d*)(.*)$/s.exec(text);
  const filled = (_, value) => (value?._placeholder ? attachments[value.num] : value);
  const packet = {
    type: kind === "5" ? 2 : Number(kind),
    nsp: nsp ?? "/",
    ...(json && { data: JSON.parse(json, filled) }),
    ...(id && { id: Number(id) }),
    ...members,
  };
  return new msgpackParser.Encoder().encode(packet)[0];
}

const PACKED_FAULTS = [
  { type: 7 },
  { type: 3 },
  { type: "2" },
  { nsp: 1 },
  { nsp: "/a" },
  { data: "a" },
  { data: {} },
  { id: "1" },
  { id: 1.5 },
  { more: [] },
];

/**
 * Plays a script over `transport`: `websocket`, `polling`, or `upgrade` from this to that in the middle.
 *
 * Gives what the server said, a list for each step, with names for ids.
 */
export async function play(server, steps, { transport, revision, parser }) {
  const [ids, frames] = [new Map(), parser === "msgpack" ? new Packed() : new Frames()];
  const said = [];
  let told = [];
  let wake = () => {};
  let closed = false;
  const heard = (message) => {
    closed ||= message === undefined;
    const packet = closed ? undefined : frames.add(message);
    if (packet !== undefined) {
      told.push(named(packet, ids));
    }
    wake();
  };
  const until = (what, found) =>
    within(LIMIT, what, new Promise((done) => {
      wake = () => (closed || found()) && done();
      wake();
    }));
  const message = (text) => (parser === "msgpack" ? packed([text], {}) : text);
  const line = await open(server, { transport: transport === "upgrade" ? "polling" : transport, revision }, heard);
  await until("the handshake", () => told.some((text) => text.startsWith("0{")));
  if (revision === 4) {
    await line.send([message("40")]);
  }
  await until("the main namespace", () => told.some((text) => text.startsWith('42["auth"')));
  for (const [number, messages] of steps.entries()) {
    said.push(told);
    told = [];
    const asks = [901, 902].map((id) => message(`42${id}["message-with-ack"]`));
    if (transport === "upgrade" && number === steps.length >> 1) {
      // The first answer releases the poll, or it would take the server some time to do so.
      await line.upgrade([...messages, asks[0]]);
    } else {
      await line.send(messages);
      if (!closed) {
        await line.send([asks[0]]);
      }
    }
    await until(`the first answer behind ${messages}`, () => told.includes("43901[]"));
    if (!closed) {
      await line.send([asks[1]]);
    }
    await until(`the second answer behind ${messages}`, () => told.includes("43902[]"));
    if (closed) {
      break;
    }
  }
  said.push(told, closed ? "closed" : "open");
  await line.end();
  // The acknowledgements that were only asked for to wait for them may be lost with the connection, or come before it closes.
  return said.map((texts) => (Array.isArray(texts) ? texts.filter((text) => !/^4390[12]\[\]$/.test(text)) : texts));
}

// Writes packets of MessagePack as those of JSON, with bytes as JavaScript writes them.
class Packed {
  add(message) {
    if (typeof message === "string") {
      return message;
    }
    let packet;
    const decoder = new msgpackParser.Decoder();
    decoder.on("decoded", (decoded) => {
      packet = decoded;
    });
    decoder.add(message);
    const { type, nsp, id, data } = packet;
    return `4${type}${nsp === "/" ? "" : `${nsp},`}${id ?? ""}${data === undefined ? "" : JSON.stringify(data)}`;
  }
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

  // A number may have become -0 by a fault, which is as good as 0.
  #filled() {
    return this.#header.replace(/\{"_placeholder":true,"num":(-?\d+)\}/g, (_, num) => `"bytes ${this.#attachments[Number(num)]}"`);
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
