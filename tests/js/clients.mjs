// Official clients for the tests, and what to wait for on them.
import { io } from "socket.io-client";
import { within } from "./support.mjs";

const LIMIT = 10_000;

export const MODES = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
};

const open = new Set();

/** A client that is not waited for; it is disconnected by `closeAll`. */
export function client(server, { mode = "websocket", namespace = "/", ...options } = {}) {
  const socket = io(server.url + namespace, {
    forceNew: true,
    reconnection: false,
    ...MODES[mode],
    ...options,
  });
  open.add(socket);
  return socket;
}

/** A client that is connected and, in mode `upgrade`, has moved to WebSocket. */
export async function connect(server, options = {}) {
  const socket = client(server, options);
  await connected(socket);
  if (options.mode === "upgrade") {
    await upgraded(socket);
  }
  return socket;
}

export async function connected(socket) {
  if (socket.connected) {
    return;
  }
  await within(
    LIMIT,
    "the client to connect",
    new Promise((done, fail) => {
      socket.once("connect", done);
      if (!socket.io.reconnection()) {
        socket.once("connect_error", fail);
      }
    }),
  );
}

export async function upgraded(socket) {
  const { engine } = socket.io;
  if (engine.transport.name !== "websocket") {
    await within(LIMIT, "the upgrade", new Promise((done) => engine.once("upgrade", done)));
  }
}

/** The arguments of the next `event`. */
export function received(socket, event) {
  return within(LIMIT, `event ${event}`, new Promise((done) => socket.once(event, (...args) => done(args))));
}

/** Collects the first arguments of `event` until there are `count`. */
export function collected(socket, event, count) {
  const values = [];
  return within(
    LIMIT,
    `${count} times event ${event}`,
    new Promise((done) => {
      const listener = (value) => {
        values.push(value);
        if (values.length === count) {
          socket.off(event, listener);
          done(values);
        }
      };
      socket.on(event, listener);
    }),
  );
}

/** All arguments of the acknowledgement; the client's own promise gives only the first. */
export function ask(socket, event, ...args) {
  return within(
    LIMIT,
    `the acknowledgement of ${event}`,
    new Promise((done) => socket.emit(event, ...args, (...reply) => done(reply))),
  );
}

/** Everything the server sent to these clients before now has arrived once this is done. */
export function settle(...sockets) {
  return Promise.all(sockets.map((socket) => ask(socket, "rooms")));
}

export function closeAll() {
  for (const socket of open) {
    socket.disconnect();
  }
  open.clear();
}
