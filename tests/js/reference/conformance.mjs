// The conformance program on the official packages; README.md describes its behaviours.
import { createServer } from "node:http";
import { Server as EngineServer } from "engine.io";
import msgpackParser from "socket.io-msgpack-parser";
import { parseArguments } from "./args.mjs";
import { Reasons, askInTime, isString, none, on, serve, withoutAck } from "./events.mjs";

const MAX_REPEATS = 1000;
const RELEASES = { 3.1: "socket.io-v3", "4.0": "socket.io-v4-0", 4.8: "socket.io" };

const options = parseArguments(process.argv.slice(2), ["engineio", "socketio", "allow-eio3", "allow-jsonp", "credentials"], {
  engineio: false,
  socketio: false,
  "allow-eio3": false,
  // It is always served.
  "allow-jsonp": false,
  origin: [],
  credentials: false,
  port: 3000,
  "ping-interval": 300,
  "ping-timeout": 200,
  "max-payload": 1_000_000,
  "connect-timeout": 1000,
  recovery: 0,
  parser: "json",
  release: "4.8",
});
const { Server: SocketServer } = await import(RELEASES[options.release]);
if (options.engineio === options.socketio) {
  throw new Error("give one of --engineio and --socketio");
}

const http = createServer((_, response) => response.writeHead(404).end());
const engineOptions = {
  pingInterval: options["ping-interval"],
  pingTimeout: options["ping-timeout"],
  maxHttpBufferSize: options["max-payload"],
  allowEIO3: options["allow-eio3"],
  cors: { origin: options.origin.length > 0 ? options.origin : "*", credentials: options.credentials },
};
serve(http, options.port, options.engineio ? serveEngine() : serveSocketIo());

function serveEngine() {
  const engine = new EngineServer(engineOptions);
  engine.attach(http, { path: "/engine.io/" });
  engine.on("connection", (session) => {
    session.on("message", (data) => {
      if (data === "!close") {
        session.close();
      } else if (data === "!bye") {
        session.send("bye");
        session.close();
      } else {
        session.send(data);
      }
    });
  });
  return () => engine.close();
}

function serveSocketIo() {
  const io = new SocketServer(http, {
    ...engineOptions,
    connectTimeout: options["connect-timeout"],
    ...(options.recovery > 0 && {
      connectionStateRecovery: { maxDisconnectionDuration: options.recovery },
    }),
    ...(options.parser === "msgpack" && { parser: msgpackParser }),
    serveClient: false,
  });
  for (const name of ["/", "/custom", "/refuse"]) {
    io.of(name).on("connection", common);
  }
  io.of("/refuse").use((socket, next) => {
    if (socket.handshake.auth.token === "let me in") {
      next();
      return;
    }
    const error = new Error("not authorized");
    error.data = { code: 401 };
    next(error);
  });
  const reasons = new Reasons();
  io.on("connection", (socket) => main(io, socket, reasons));
  return () => io.close();
}

function common(socket) {
  socket.emit("auth", socket.handshake.auth);
  socket.on("message", (...args) => {
    socket.emit("message-back", ...withoutAck(args).args);
  });
  on(socket, "message-with-ack", () => true, (args, ack) => ack(...args));
}

function main(io, socket, reasons) {
  const rooms = (args) => args.length > 0 && args.every(isString);

  on(socket, "join", rooms, (names, ack) => {
    socket.join(names);
    ack();
  });
  on(socket, "leave", rooms, (names, ack) => {
    for (const name of names) {
      socket.leave(name);
    }
    ack();
  });
  on(socket, "rooms", none, (_, ack) => ack([...socket.rooms].sort()));
  on(
    socket,
    "to",
    ([names, event]) => isStrings(names) && names.length > 0 && isString(event),
    ([names, event, ...args], ack) => {
      socket.to(names).emit(event, ...args);
      ack();
    },
  );
  on(
    socket,
    "io-to",
    ([names, except, event]) => isStrings(names) && isStrings(except) && isString(event),
    ([names, except, event, ...args], ack) => {
      io.to(names).except(except).emit(event, ...args);
      ack();
    },
  );
  on(
    socket,
    "broadcast",
    ([event]) => isString(event),
    ([event, ...args], ack) => {
      socket.broadcast.emit(event, ...args);
      ack();
    },
  );
  on(
    socket,
    "volatile",
    ([n, event]) => isCount(n) && isString(event),
    ([n, event], ack) => {
      for (let i = 0; i < n; i += 1) {
        socket.volatile.emit(event, i);
      }
      ack();
    },
  );
  on(
    socket,
    "ticks",
    ([n, ms]) => isCount(n) && isCount(ms),
    ([n, ms]) => {
      let i = 0;
      const tick = () => {
        if (i < n && socket.connected) {
          socket.emit("tick", i);
          i += 1;
          setTimeout(tick, ms);
        }
      };
      tick();
    },
  );
  on(
    socket,
    "ask-me",
    ([ms]) => Number.isInteger(ms) && ms >= 0,
    ([ms, ...args], ack) => {
      if (socket.timeout === undefined) {
        askInTime(socket, ms, args, ack);
        return;
      }
      socket.timeout(ms).emit("question", ...args, (error, ...reply) => {
        if (!socket.connected) {
          return;
        }
        if (error) {
          ack(error.message);
        } else {
          ack(null, ...reply);
        }
      });
    },
  );
  on(socket, "count", none, (_, ack) => ack(io.of("/").sockets.size));
  on(socket, "disconnect-me", ([close]) => typeof close === "boolean", ([close]) => {
    socket.disconnect(close);
  });
  on(
    socket,
    "reason-of",
    ([id]) => isString(id),
    ([id], ack) => ack(reasons.of(id)),
  );
  on(socket, "handshake", none, (_, ack) => {
    const { auth, query, headers, address, secure, xdomain, url } = socket.handshake;
    ack({ auth, query, headers, address, secure, xdomain, url });
  });
  reasons.watch(socket);
}

function isStrings(value) {
  return Array.isArray(value) && value.every(isString);
}

function isCount(value) {
  return Number.isInteger(value) && value >= 0 && value <= MAX_REPEATS;
}
