// The measured application on the official server.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
// Longer than any run: no ping falls into what is counted.
const io = new Server(http, { serveClient: false, pingInterval: 3_600_000 });

io.on("connection", (socket) => {
  socket.on("echo", (...args) => args.pop()(...args));
  socket.on("broadcast", (...args) => io.emit("broadcast", ...args));
});

http.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
