// The Socket.IO server of the conformance program on the official packages of version 2: as much of it as the tests of
// clients need. README.md describes the behaviours, and what is different here.
import { createServer } from "node:http";
import msgpackParser from "socket.io-msgpack-parser-v2";
import createSocketServer from "socket.io-v2";
import { parseArguments } from "./args.mjs";
import { Reasons, askInTime, isString, none, on, serve, withoutAck } from "./events.mjs";

const options = parseArguments(process.argv.slice(2), ["socketio"], {
  socketio: false,
  port: 3000,
  "ping-interval": 300,
  "ping-timeout": 200,
  "max-payload": 1_000_000,
  slow: 0,
  parser: "json",
});
if (!options.socketio) {
  throw new Error("give --socketio");
}

const http = createServer((_, response) => response.writeHead(404).end());
const io = createSocketServer(http, {
  pingInterval: options["ping-interval"],
  pingTimeout: options["ping-timeout"],
  maxHttpBufferSize: options["max-payload"],
  cookie: false,
  serveClient: false,
  ...(options.parser === "msgpack" && { parser: msgpackParser }),
});
if (options.slow > 0) {
  io.use((_, next) => setTimeout(next, options.slow));
}
io.of("/refuse").use((socket, next) => {
  if (socket.handshake.query.token === "let me in") {
    next();
    return;
  }
  const error = new Error("not authorized");
  error.data = { code: 401 };
  next(error);
});
for (const name of ["/", "/custom", "/refuse"]) {
  io.of(name).on("connection", common);
}
const reasons = new Reasons();
io.on("connection", main);
serve(http, options.port, () => io.close());

function common(socket) {
  const { EIO, transport, t, b64, ...query } = socket.handshake.query;
  socket.emit("auth", query);
  socket.on("message", (...args) => {
    socket.emit("message-back", ...withoutAck(args).args);
  });
  on(socket, "message-with-ack", () => true, (args, ack) => ack(...args));
  socket.use(([event], next) => {
    next(event === "forbidden" ? new Error("not that") : undefined);
  });
}

function main(socket) {
  reasons.watch(socket);
  on(
    socket,
    "ask-me",
    ([ms]) => Number.isInteger(ms) && ms >= 0,
    ([ms, ...args], ack) => askInTime(socket, ms, args, ack),
  );
  on(socket, "count", none, (_, ack) => ack(Object.keys(io.of("/").sockets).length));
  on(socket, "disconnect-me", ([close]) => typeof close === "boolean", ([close]) => {
    socket.disconnect(close);
  });
  on(socket, "reason-of", ([id]) => isString(id), ([id], ack) => ack(reasons.of(id)));
}
