// The reader of requests of Node.js, for the Rust test `wire_http`: each line of standard input is a JSON array of streams in
// base64, each line of standard output the array of what came of them.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";

const runs = new WeakMap();
const server = createServer({ maxHeaderSize: 16_384, connectionsCheckingInterval: 1 << 30 });

function serve(request, response) {
  const run = runs.get(request.socket);
  if (run.over) return;
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    run.requests.push([request.method, request.url, Buffer.concat(chunks).toString("base64")]);
    response.writeHead(404, { "content-length": 0 });
    response.end();
  });
}

server.on("request", serve);
server.on("checkExpectation", (request, response) => {
  // As without a listener; the connection is not used any more.
  const run = runs.get(request.socket);
  run.refused ??= "expectation";
  run.over = true;
  response.writeHead(417, { connection: "close" });
  response.end();
});
// Without a listener the connection would be closed.
server.on("connect", ({ socket }) => {
  runs.get(socket).refused ??= "connect";
});
server.on("clientError", (error, socket) => {
  // What was read before is still given.
  runs.get(socket).refused ??= error.code ?? String(error);
});

class Pipe extends Duplex {
  _read() {}
  _write(chunk, encoding, done) {
    done();
  }
  setTimeout() {
    return this;
  }
  setKeepAlive() {}
  setNoDelay() {}
  ref() {}
  unref() {}
}

const rest = () => new Promise((resolve) => setImmediate(resolve));

async function run(bytes) {
  const pipe = new Pipe();
  const outcome = { requests: [], refused: null };
  runs.set(pipe, outcome);
  pipe.on("error", () => {});
  server.emit("connection", pipe);
  pipe.push(Buffer.from(bytes, "base64"));
  let before;
  do {
    before = outcome.requests.length;
    await rest();
    await rest();
    await rest();
  } while (outcome.requests.length > before);
  const { requests, refused } = outcome;
  const closed = pipe.destroyed || pipe.writableEnded;
  pipe.destroy();
  return { requests, refused: refused ?? (closed ? "closed" : null) };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await Promise.all(JSON.parse(line).map(run))));
}
