/** What the conformance programs of this folder make handlers of events with. */

/** Registers a handler that runs only if the arguments fit; `ack` does nothing if none was asked for. */
export function on(socket, event, fits, handler) {
  socket.on(event, (...all) => {
    const { args, ack } = withoutAck(all);
    if (fits(args)) {
      handler(args, ack);
    }
  });
}

export function withoutAck(all) {
  const last = all.at(-1);
  return typeof last === "function"
    ? { args: all.slice(0, -1), ack: last }
    : { args: all, ack: () => {} };
}

/** Asks a client as `ask-me` does, on releases that cannot set a time for an acknowledgement themselves. */
export function askInTime(socket, ms, args, ack) {
  let waits = true;
  const answer = (...answers) => {
    if (waits && socket.connected) {
      waits = false;
      ack(...answers);
    }
  };
  setTimeout(answer, ms, "operation has timed out").unref();
  socket.emit("question", ...args, (...reply) => answer(null, ...reply));
}

/** Why sockets left, by their ids; the oldest are forgotten. */
export class Reasons {
  #reasons = new Map();

  watch(socket) {
    socket.on("disconnect", (reason) => {
      this.#reasons.set(socket.id, reason);
      if (this.#reasons.size > REASONS_KEPT) {
        this.#reasons.delete(this.#reasons.keys().next().value);
      }
    });
  }

  of(id) {
    return this.#reasons.get(id) ?? null;
  }
}

const REASONS_KEPT = 1000;

export function none(args) {
  return args.length === 0;
}

export function isString(value) {
  return typeof value === "string";
}

/** Stops a program cleanly on the signals that ask for it, and says where it listens. */
export function serve(http, port, stop) {
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.once(signal, () => {
      stop();
      http.close(() => process.exit(0));
      http.closeIdleConnections();
      setTimeout(() => http.closeAllConnections(), 500).unref();
    });
  }
  http.listen(port, "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${http.address().port}`);
  });
}
