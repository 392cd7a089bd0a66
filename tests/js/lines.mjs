// One connection of Engine.IO, raw: messages go out and come in, over a WebSocket, over polling, and from this to that.
import { once } from "node:events";
import { Agent } from "node:http";
import { WebSocket } from "ws";
import { http, within } from "./support.mjs";

const LIMIT = 10_000;

/**
 * Opens a connection by `transport`, `websocket` or `polling`, in `revision` 3 or 4.
 *
 * `heard` gets what comes, text with its type in front, or bytes, but no noop, and in the end `undefined`.
 */
export async function open(server, { transport, revision }, heard) {
  const line = transport === "websocket" ? new SocketLine(server, revision) : new PollingLine(server, revision);
  await line.open(heard);
  return line;
}

class SocketLine {
  #socket;
  #revision;

  constructor(server, revision, session = "") {
    this.#revision = revision;
    this.#socket = new WebSocket(`${server.ws}/socket.io/?EIO=${revision}&transport=websocket${session}`);
    this.#socket.on("error", () => {});
  }

  async open(heard) {
    this.hear(heard);
    await within(LIMIT, "a WebSocket", once(this.#socket, "open"));
  }

  async probe() {
    await within(LIMIT, "a WebSocket", once(this.#socket, "open"));
    this.#socket.send("2probe");
    await within(LIMIT, "the answer to a probe", once(this.#socket, "message"));
  }

  hear(heard) {
    const bytes = (data) => (this.#revision === 3 ? data.subarray(1) : data);
    this.#socket.on("message", (data, binary) => heard(binary ? bytes(data) : data.toString()));
    this.#socket.on("close", () => heard(undefined));
    if (this.#socket.readyState === WebSocket.CLOSED) {
      heard(undefined);
    }
  }

  async send(messages) {
    for (const message of messages) {
      const typed = this.#revision === 3 && typeof message !== "string";
      this.#socket.send(typed ? Buffer.concat([Buffer.of(4), message]) : message);
    }
  }

  async end() {
    this.#socket.terminate();
  }
}

// In revision 3 with base64, so that payloads are text.
class PollingLine {
  #server;
  #revision;
  #heard;
  #session = "";
  #agent = new Agent({ keepAlive: true });
  #polls;
  #rests = false;
  #closed = false;
  #socket;

  constructor(server, revision) {
    this.#server = server;
    this.#revision = revision;
  }

  async open(heard) {
    this.#heard = heard;
    const [handshake, ...others] = await this.#poll();
    this.#session = `&sid=${JSON.parse(handshake.slice(1)).sid}`;
    for (const message of [handshake, ...others]) {
      this.#heard(message);
    }
    this.#polls = this.#pollOn();
  }

  /** Sends messages while the session moves to a WebSocket. */
  async upgrade(messages) {
    const socket = new SocketLine(this.#server, this.#revision, this.#session);
    await socket.probe();
    this.#rests = true;
    await this.send(messages);
    await this.#polls;
    this.#socket = socket;
    if (!this.#closed) {
      socket.hear(this.#heard);
      await socket.send(["5"]);
    }
  }

  /** What becomes of a POST is not told: if the session is over, the next poll says so. */
  async send(messages) {
    if (this.#socket) {
      await this.#socket.send(messages);
      return;
    }
    const headers = { "content-type": "text/plain;charset=UTF-8" };
    await this.#request({ method: "POST", headers, body: payload(messages, this.#revision) }).catch(() => {});
  }

  async end() {
    if (this.#socket) {
      await this.#socket.end();
    } else if (!this.#closed) {
      await this.send(["1"]);
    }
    await this.#polls;
    this.#agent.destroy();
  }

  async #pollOn() {
    while (!this.#rests && !this.#closed) {
      for (const message of await this.#poll().catch(() => ["1"])) {
        if (message === "1") {
          this.#closed = true;
          this.#heard(undefined);
        } else if (message !== "6") {
          this.#heard(message);
        }
      }
    }
  }

  async #poll() {
    const { status, body } = await this.#request({});
    return status === 200 ? packets(body, this.#revision) : ["1"];
  }

  #request(options) {
    const base64 = this.#revision === 3 ? "&b64=1" : "";
    const path = `/socket.io/?EIO=${this.#revision}&transport=polling${base64}${this.#session}`;
    return http(this.#server, path, { agent: this.#agent, ...options });
  }
}

function payload(messages, revision) {
  const mark = revision === 3 ? "b4" : "b";
  const texts = messages.map((message) => (typeof message === "string" ? message : mark + message.toString("base64")));
  return revision === 3 ? texts.map((text) => `${text.length}:${text}`).join("") : texts.join("\x1e");
}

function packets(body, revision) {
  const texts = revision === 3 ? counted(body) : body.split("\x1e");
  return texts.map((text) => (text.startsWith("b") ? Buffer.from(text.slice(revision === 3 ? 2 : 1), "base64") : text));
}

function counted(body) {
  const texts = [];
  for (let rest = body; rest !== "";) {
    const start = rest.indexOf(":") + 1;
    const end = start + Number.parseInt(rest, 10);
    texts.push(rest.slice(start, end));
    rest = rest.slice(end);
  }
  return texts;
}
