// The small servers of `examples/drivers`, one for each runtime, with the official client and with peers that misbehave.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ask, client, closeAll, connect, received } from "./clients.mjs";
import { DRIVERS, RawSocket, http, start, within } from "./support.mjs";

/** The files that a server may have open where it has to run out of them. */
const FEW_FILES = 40;

for (const driver of ["threads", "mio", "tokio", "smol", "io_uring"]) {
  describe(`the driver on ${driver}`, { concurrency: true }, () => {
    const program = join(DRIVERS, driver);
    let server;
    before(async () => {
      server = await start(program, ["127.0.0.1:0", "1"]);
    });
    after(async () => {
      closeAll();
      await server.end();
    });

    for (const mode of ["polling", "websocket", "upgrade"]) {
      it(`serves the official client over ${mode}`, async () => {
        const socket = await connect(server, { mode });
        for (const size of [0, 1, 200, 70_000, 300_000]) {
          const sent = Buffer.alloc(size, "x");
          const [text, binary] = await ask(socket, "echo", sent.toString("latin1"), sent);
          assert.equal(text.length, size);
          assert.ok(sent.equals(binary), `${size} bytes come back`);
        }
        const many = Array.from({ length: 500 }, (_, index) => ask(socket, "echo", index));
        assert.deepEqual(await Promise.all(many), many.map((_, index) => [index]));
        socket.disconnect();
      });
    }

    it("sends pings in time", async () => {
      const socket = await connect(server, { mode: "websocket" });
      let pings = 0;
      socket.io.engine.on("ping", () => (pings += 1));
      await pause(2500);
      assert.equal(pings, 2);
      assert.ok(socket.connected);
    });

    it("keeps what a client does not read, and sends it later", async () => {
      const [reader, sender] = [new RawSocket(`${server.ws}/socket.io/?EIO=4&transport=websocket`), await connect(server)];
      await reader.opened;
      reader.send("40");
      await reader.next();
      await reader.next();
      reader.socket.pause();
      const content = "x".repeat(500_000);
      for (let index = 0; index < 16; index += 1) {
        sender.emit("broadcast", index, content);
      }
      // The others are served meanwhile.
      assert.deepEqual(await ask(sender, "echo", "here"), ["here"]);
      await pause(200);
      reader.socket.resume();
      for (let index = 0; index < 16; ) {
        const message = await reader.next();
        if (message.includes("broadcast")) {
          assert.equal(message, `42${JSON.stringify(["broadcast", index, content])}`);
          index += 1;
        }
      }
      reader.socket.terminate();
    });

    it("reads no further than it can serve, and goes on later", async () => {
      // Nothing else happens on this server: neither pings nor broadcasts end a poll.
      const server = await start(program, ["127.0.0.1:0"]);
      const opened = await http(server, "/socket.io/?EIO=4&transport=polling");
      const path = `/socket.io/?EIO=4&transport=polling&sid=${JSON.parse(opened.body.slice(1)).sid}`;
      const post = (body) => http(server, path, { method: "POST", body });
      await post("40");
      await http(server, path);
      const socket = connectTcp(server.port, "127.0.0.1");
      let received = "";
      socket.setEncoding("latin1").on("data", (text) => (received += text));
      const request = (path, long) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-Long: ${long}\r\n\r\n`;
      socket.write(request(path, ""));
      const ahead = request("/other", "x".repeat(10_000));
      // More than the buffers of both ends take.
      const count = 1500;
      for (let index = 0; index < count; index += 1) {
        socket.write(ahead);
      }
      await pause(300);
      assert.ok(received === "");
      assert.ok(socket.writableLength > 0, "the server has stopped reading");
      await post('420["echo"]');
      await within(10_000, "all answers", (async () => {
        while (received.split("HTTP/1.1 404").length <= count) await pause(20);
      })());
      assert.ok(received.startsWith("HTTP/1.1 200"));
      socket.destroy();
      await server.end();
    });

    it("survives clients that are killed", async () => {
      const sockets = Array.from({ length: 40 }, (_, index) => {
        const socket = connectTcp(server.port, "127.0.0.1");
        const path = `/socket.io/?EIO=4&transport=${index % 2 ? "polling" : "websocket"}`;
        socket.on("error", () => {});
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n` +
            `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`.slice(0, index % 3 ? undefined : 50),
        );
        return socket;
      });
      await pause(100);
      for (const [index, socket] of sockets.entries()) {
        if (index % 4 < 2) socket.resetAndDestroy();
        else socket.destroy();
      }
      const socket = await connect(server, { mode: "upgrade" });
      assert.deepEqual(await ask(socket, "echo", 1), [1]);
      socket.disconnect();
    });

    it("answers requests for other paths", async () => {
      for (const [method, body] of [["GET"], ["HEAD"], ["POST", "x".repeat(100_000)]]) {
        assert.equal((await http(server, "/other", { method, body })).status, 404);
      }
    });

    it("lets a client read the answer to a request that was too large", async () => {
      const socket = connectTcp(server.port, "127.0.0.1");
      let received = "";
      socket.setEncoding("latin1").on("data", (text) => (received += text));
      socket.on("error", () => {});
      socket.write(`GET /socket.io/ HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(200_000)}`);
      await within(5000, "the end", once(socket, "end"));
      assert.ok(received.startsWith("HTTP/1.1 431"), received);
      socket.end();
    });

    it("goes on when it has run out of files, and rests", async () => {
      const scarce = await start("/bin/sh", ["-c", `ulimit -n ${FEW_FILES}; exec ${program} 127.0.0.1:0`]);
      const sockets = Array.from({ length: 2 * FEW_FILES }, () => connectTcp(scarce.port, "127.0.0.1").on("error", () => {}));
      await pause(300);
      const used = cpuTicks(scarce.pid);
      await pause(500);
      assert.ok(cpuTicks(scarce.pid) - used < 10, "the processor is idle");
      for (const socket of sockets) socket.destroy();
      const socket = client(scarce, { mode: "websocket" });
      await received(socket, "connect");
      assert.deepEqual(await ask(socket, "echo", 1), [1]);
      socket.disconnect();
      const rested = cpuTicks(scarce.pid);
      await pause(500);
      assert.ok(cpuTicks(scarce.pid) - rested < 10, "the processor is idle");
      await scarce.end();
    });
  });
}

/** The hundredths of a second that a process has used. */
function cpuTicks(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
