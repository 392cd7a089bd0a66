// The reader of frames of `ws`, for the Rust test `websocket`: each line of standard input is a JSON array of streams, each
// line of standard output the array of what came of them. Bytes are base64.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// Not exported by its package.
const Receiver = createRequire(import.meta.url)("./node_modules/ws/lib/receiver.js");

const MAX = 70_000;

function run({ isServer, bytes }) {
  const read = [];
  const receiver = new Receiver({ isServer, maxPayload: MAX, allowSynchronousEvents: true });
  const base64 = (data) => Buffer.from(data).toString("base64");
  receiver.on("message", (data, isBinary) => read.push(isBinary ? ["binary", base64(data)] : ["text", data.toString()]));
  receiver.on("ping", (data) => read.push(["ping", base64(data)]));
  receiver.on("pong", (data) => read.push(["pong", base64(data)]));
  receiver.on("conclude", (code, reason) => read.push(["close", code, reason.toString()]));
  // The error comes with the end of the write, and as an event of its own.
  receiver.on("error", () => {});
  return new Promise((resolve) => {
    receiver.write(Buffer.from(bytes, "base64"), (error) => {
      const status = error && Object.getOwnPropertySymbols(error).find(({ description }) => description === "status-code");
      resolve({ read, violation: status ? error[status] : null });
    });
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const outcomes = [];
  for (const stream of JSON.parse(line)) outcomes.push(await run(stream));
  console.log(JSON.stringify(outcomes));
}
