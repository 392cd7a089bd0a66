// Starts the programs under test and gives raw access to them. Nothing here knows about Socket.IO.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";

const HERE = dirname(fileURLToPath(import.meta.url));
const DEBUG = resolve(HERE, "../../target/debug");
const START_LIMIT = 20_000;

export const CONFORMANCE = resolve(HERE, process.env.CONFORMANCE_BIN ?? `${DEBUG}/conformance`);
export const CHAT = resolve(HERE, process.env.CHAT_BIN ?? `${DEBUG}/chat`);
/** The folder of the small servers in `examples/drivers`. */
export const DRIVERS = resolve(HERE, process.env.DRIVERS_DIR ?? DEBUG);
/** What serves our conformance server: `hyper`, or `wire` for `engineio-wire` on one thread. */
export const SERVED_BY = process.env.SERVED_BY ?? "hyper";
export const PING_INTERVAL = 300;
export const PING_TIMEOUT = 200;
export const MAX_PAYLOAD = 1_000_000;
export const CONNECT_TIMEOUT = 1000;

const running = new Set();
process.on("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL");
  }
});

/** Picks the expectation for the program under test where this project decided to differ from the official server. */
export function differs({ official, ours }) {
  return CONFORMANCE.endsWith(".mjs") ? official : ours;
}

/** Starts a program and waits for the line that names its address. */
export async function start(program, args) {
  const [command, first] = program.endsWith(".mjs") ? [process.execPath, [program]] : [program, []];
  const child = spawn(command, [...first, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    log = (log + text).slice(-4000);
  });
  const exited = new Promise((done) => {
    child.once("exit", (code, signal) => done({ code, signal }));
    child.once("error", (error) => done({ error }));
  }).then((outcome) => {
    running.delete(child);
    return outcome;
  });
  let certificate = null;
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise((done) => {
    lines.on("line", (line) => {
      certificate ??= /^webtransport certificate sha-256 (.+)$/.exec(line)?.[1] ?? null;
      const found = /^listening on (?:http:\/\/)?(127\.0\.0\.1):(\d+)$/.exec(line);
      if (found) {
        done(Number(found[2]));
      }
    });
  });
  const port = await within(
    START_LIMIT,
    `${program} to listen`,
    Promise.race([
      ready,
      exited.then((outcome) => {
        throw new Error(`${program} ended: ${JSON.stringify(outcome)} ${outcome.error ?? ""}\n${log}`);
      }),
    ]),
  );
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    ws: `ws://127.0.0.1:${port}`,
    /** The hash of the certificate for WebTransport, in base64. */
    certificate,
    get running() {
      return running.has(child);
    },
    get log() {
      return log;
    },
    exited,
    pid: child.pid,
    signal: (name) => child.kill(name),
    async end(signal = "SIGTERM") {
      child.kill(signal);
      return within(START_LIMIT, `${program} to end after ${signal}`, exited);
    },
  };
}

/**
 * Starts the conformance program: `mode` is `--engineio` or `--socketio`, `settings` maps option names to values, true for a flag,
 * an array for an option that is repeated.
 */
export function startConformance(mode, { port = 0, ...settings } = {}) {
  const wire = SERVED_BY === "wire" ? ["--wire"] : [];
  return start(CONFORMANCE, [mode, "--port", String(port), ...wire, ...commandLine(settings)]);
}

function commandLine(settings) {
  return Object.entries(settings).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => (value === true ? [`--${name}`] : [`--${name}`, String(value)])),
  );
}

/** Rejects if the promise has not settled after `ms` milliseconds. */
export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function sleep(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

/** One HTTP exchange on a connection of its own; the body is a Buffer, header names are in lower case. */
export async function http(server, path, { method = "GET", headers = {}, body, agent = false } = {}) {
  const message = httpRequest({
    host: "127.0.0.1",
    port: server.port,
    path,
    method,
    headers,
    agent,
  });
  message.end(body);
  const [response] = await within(10_000, `${method} ${path}`, once(message, "response"));
  const chunks = [];
  for await (const chunk of response) {
    chunks.push(chunk);
  }
  const buffer = Buffer.concat(chunks);
  return {
    status: response.statusCode,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    buffer,
    body: buffer.toString("utf8"),
  };
}

/** Writes bytes to a new TCP connection and returns all that comes back until the server closes it. */
export async function rawExchange(server, text, { until } = {}) {
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  const chunks = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.write(text);
  if (until) {
    const done = (async () => {
      while (!until(Buffer.concat(chunks))) {
        await Promise.race([once(socket, "data"), closed]);
        if (socket.destroyed && !until(Buffer.concat(chunks))) {
          throw new Error(`closed after ${JSON.stringify(Buffer.concat(chunks).toString("latin1"))}`);
        }
      }
    })();
    await within(5000, "an answer", done);
    socket.destroy();
  } else {
    await within(5000, "the server to close the connection", closed);
  }
  return Buffer.concat(chunks);
}

/** A WebSocket whose messages wait to be taken: text as string, binary as Buffer. */
export class RawSocket {
  #waiting = [];
  #taker;

  constructor(url, options) {
    this.messages = 0;
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    this.opened = new Promise((done, fail) => {
      this.socket.once("open", done);
      this.socket.once("error", fail);
      this.socket.once("close", () => fail(new Error("closed before it was open")));
    });
    this.opened.catch(() => {});
    this.socket.on("error", (error) => {
      this.error = error;
    });
    this.closed = new Promise((done) => {
      this.socket.once("close", (code, reason) => {
        done({ code, reason: reason.toString() });
        this.#taker?.();
      });
    });
    this.socket.on("message", (data, binary) => {
      this.messages += 1;
      this.#waiting.push(binary ? data : data.toString());
      this.#taker?.();
    });
  }

  send(...messages) {
    for (const message of messages) {
      this.socket.send(message);
    }
  }

  /** The next message; pings are skipped unless `pings` is set. Fails if the connection ends first. */
  async next({ pings = false, limit = 5000 } = {}) {
    const taken = await this.nextOrClose({ pings, limit });
    if (taken.closed) {
      throw new Error(`closed with ${JSON.stringify(taken.closed)} instead of a message`);
    }
    return taken.message;
  }

  /** `{ message }`, or `{ closed }` when no message is left and the connection has ended. */
  async nextOrClose({ pings = false, limit = 5000 } = {}) {
    const deadline = Date.now() + limit;
    for (;;) {
      while (this.#waiting.length > 0) {
        const message = this.#waiting.shift();
        if (pings || message !== "2") {
          return { message };
        }
      }
      if (this.socket.readyState === WebSocket.CLOSED) {
        return { closed: await this.closed };
      }
      const arrived = new Promise((done) => {
        this.#taker = done;
      });
      await within(Math.max(1, deadline - Date.now()), "a WebSocket message", arrived);
    }
  }

  /** All messages up to the end of the connection, without pings. */
  async rest({ limit = 5000 } = {}) {
    const messages = [];
    for (;;) {
      const { message, closed } = await this.nextOrClose({ limit });
      if (closed) {
        return { messages, ...closed };
      }
      messages.push(message);
    }
  }

  close() {
    this.socket.close();
    return within(5000, "the WebSocket to close", this.closed);
  }
}

// A timer may be late on a busy computer, never early. Therefore time is taken before the request that starts the timer.
const EARLY = 5;
export const LATE = 350;

/** Asserts that `ms` milliseconds have passed since the `performance.now()` of then. */
export function assertElapsed(since, ms) {
  const elapsed = performance.now() - since;
  assert.ok(elapsed >= ms - EARLY && elapsed <= ms + LATE, `${Math.round(elapsed)} ms, expected ${ms}`);
}
