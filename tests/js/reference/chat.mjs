// The chat server on the official package; examples/assets/chat/PROTOCOL.md describes it.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Server } from "socket.io";
import { parseArguments } from "./args.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const PAGE = resolve(HERE, "../../../examples/assets/chat");
const FIXED_ROOMS = ["lobby", "random", "pictures"];
const MAX_ROOMS = 50;
const HISTORY = 50;
const PICTURES_KEPT = 10;
const MAX_PICTURE = 700_000;
const PICTURE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const options = parseArguments(process.argv.slice(2), [], { port: 3000, host: "127.0.0.1" });
const files = {
  "/style.css": ["text/css; charset=utf-8", () => readFileSync(`${PAGE}/style.css`)],
  "/app.js": ["text/javascript; charset=utf-8", () => readFileSync(`${PAGE}/app.js`)],
  "/": ["text/html; charset=utf-8", page],
};

const http = createServer((request, response) => {
  const file = files[request.url.split("?")[0]];
  if (file === undefined || request.method !== "GET") {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": file[0], "cache-control": "no-cache" }).end(file[1]());
});
const io = new Server(http, { serveClient: true, connectionStateRecovery: {} });
const rooms = new Map(FIXED_ROOMS.map((name) => [name, newRoom()]));
const byName = new Map();
let lastId = 0;

io.use((socket, next) => {
  const { name, key } = socket.handshake.auth;
  const trimmed = typeof name === "string" ? name.trim() : "";
  if (!fits(trimmed, 1, 24) || /\p{Cc}/u.test(trimmed) || typeof key !== "string" || !fits(key, 16, 64)) {
    next(refusal("invalid name", "name"));
    return;
  }
  const older = byName.get(trimmed.toLowerCase());
  if (older !== undefined && older.data.key !== key) {
    next(refusal("name taken", "taken"));
    return;
  }
  if (older !== undefined) {
    older.emit("replaced");
    older.disconnect(true);
  }
  socket.data = { name: trimmed, key, room: null };
  byName.set(trimmed.toLowerCase(), socket);
  next();
});

io.on("connection", (socket) => {
  const { data } = socket;
  if (socket.recovered) {
    comeBack(socket);
  } else {
    socket.emit("rooms", roomList());
  }

  answer(socket, "join", [isString], ([name]) => {
    if (!/^[a-z0-9-]{1,24}$/.test(name)) {
      return { ok: false, error: "invalid room" };
    }
    const changed = data.room !== name;
    if (changed) {
      if (!rooms.has(name) && rooms.size - (leavesEmpty(data.room) ? 1 : 0) >= MAX_ROOMS) {
        return { ok: false, error: "too many rooms" };
      }
      leave(socket);
      if (!rooms.has(name)) {
        rooms.set(name, newRoom());
      }
      data.room = name;
      rooms.get(name).users.push(data.name);
      rooms.get(name).users.sort(byLowerCase);
      socket.join(`room:${name}`);
    }
    const { users, history } = rooms.get(name);
    const reply = { ok: true, room: name, users, history: history.map(({ data: _, ...message }) => message) };
    const then = () => {
      if (changed) {
        io.to(`room:${name}`).emit("users", { room: name, users, joined: data.name });
        io.emit("rooms", roomList());
      }
    };
    return { ...reply, then };
  });

  answer(socket, "say", [isString], ([text]) => {
    const trimmed = text.trim();
    if (data.room === null) {
      return { ok: false, error: "not in a room" };
    }
    if (!fits(trimmed, 1, 2000)) {
      return { ok: false, error: "invalid text" };
    }
    return post(data, { text: trimmed });
  });

  answer(socket, "picture", [isObject, isBinary], ([about, bytes]) => {
    if (data.room === null) {
      return { ok: false, error: "not in a room" };
    }
    const caption = isString(about.caption) ? about.caption.trim() : null;
    if (!PICTURE_TYPES.includes(about.type) || caption === null || !fits(caption, 0, 200)) {
      return { ok: false, error: "invalid picture" };
    }
    if (bytes.length < 1 || bytes.length > MAX_PICTURE) {
      return { ok: false, error: "picture too large" };
    }
    return post(data, { picture: { type: about.type, caption, size: bytes.length }, data: bytes });
  });

  answer(socket, "load-picture", [Number.isInteger], ([id]) => {
    const found = rooms.get(data.room)?.history.find((message) => message.id === id);
    return found?.data === undefined
      ? { ok: false, error: "not found" }
      : { ok: true, type: found.picture.type, data: found.data };
  });

  socket.on("typing", (typing) => {
    if (typeof typing === "boolean" && data.room !== null) {
      socket.to(`room:${data.room}`).emit("typing", { name: data.name, typing });
    }
  });

  socket.on("disconnect", () => {
    if (byName.get(data.name.toLowerCase()) === socket) {
      byName.delete(data.name.toLowerCase());
    }
    if (leave(socket)) {
      io.emit("rooms", roomList());
    }
  });
});

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    io.close(() => process.exit(0));
    setTimeout(() => http.closeAllConnections(), 500).unref();
  });
}
http.listen(options.port, options.host, () => {
  console.log(`listening on http://${options.host}:${http.address().port}`);
});

/** Makes a client that was lost the user that it was, in its room. */
function comeBack(socket) {
  const { data } = socket;
  const older = byName.get(data.name.toLowerCase());
  const room = [...socket.rooms].find((name) => name.startsWith("room:"))?.slice("room:".length);
  const full = room !== undefined && !rooms.has(room) && rooms.size >= MAX_ROOMS;
  if (full || (older !== undefined && older.data.key !== data.key)) {
    socket.disconnect(true);
    return;
  }
  if (older !== undefined) {
    older.emit("replaced");
    older.disconnect(true);
  }
  byName.set(data.name.toLowerCase(), socket);
  if (room !== undefined) {
    if (!rooms.has(room)) {
      rooms.set(room, newRoom());
    }
    data.room = room;
    const { users } = rooms.get(room);
    users.push(data.name);
    users.sort(byLowerCase);
    io.to(`room:${room}`).emit("users", { room, users, joined: data.name });
    io.emit("rooms", roomList());
  }
}

function page() {
  const html = readFileSync(`${PAGE}/index.html`, "utf8");
  return html.replaceAll("{{CLIENT_SCRIPT}}", "/socket.io/socket.io.min.js").replaceAll("{{CERTIFICATE_HASH}}", "");
}

function newRoom() {
  return { users: [], history: [] };
}

function leavesEmpty(name) {
  return name !== null && !FIXED_ROOMS.includes(name) && rooms.get(name).users.length === 1;
}

/** Takes the user out of its room; true if it was in one. */
function leave(socket) {
  const { name, room } = socket.data;
  if (room === null) {
    return false;
  }
  socket.data.room = null;
  socket.leave(`room:${room}`);
  const { users } = rooms.get(room);
  users.splice(users.indexOf(name), 1);
  if (users.length === 0 && !FIXED_ROOMS.includes(room)) {
    rooms.delete(room);
  }
  io.to(`room:${room}`).emit("users", { room, users, left: name });
  return true;
}

function post({ name, room }, content) {
  lastId += 1;
  const message = { id: lastId, at: Date.now(), name, ...content };
  const { history } = rooms.get(room);
  history.push(message);
  if (history.length > HISTORY) {
    history.shift();
  }
  const pictures = history.filter((kept) => kept.data !== undefined);
  if (pictures.length > PICTURES_KEPT) {
    delete pictures[0].data;
  }
  io.to(`room:${room}`).emit("message", message);
  return { ok: true, id: message.id };
}

function roomList() {
  const others = [...rooms.keys()].filter((name) => !FIXED_ROOMS.includes(name)).sort();
  return [...FIXED_ROOMS, ...others].map((name) => ({ name, users: rooms.get(name).users.length }));
}

function refusal(message, code) {
  return Object.assign(new Error(message), { data: { code } });
}

/** Registers a handler whose result is the acknowledgement; arguments of another shape are answered `malformed`. */
function answer(socket, event, shape, handler) {
  socket.on(event, (...all) => {
    const ack = typeof all.at(-1) === "function" ? all.pop() : () => {};
    if (all.length !== shape.length || !shape.every((check, i) => check(all[i]))) {
      ack({ ok: false, error: "malformed" });
      return;
    }
    const { then, ...reply } = handler(all);
    ack(reply);
    then?.();
  });
}

function fits(text, min, max) {
  const length = [...text].length;
  return length >= min && length <= max;
}

function byLowerCase(a, b) {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()];
  return x < y ? -1 : Number(x > y);
}

function isString(value) {
  return typeof value === "string";
}

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !isBinary(value);
}

function isBinary(value) {
  return Buffer.isBuffer(value);
}
