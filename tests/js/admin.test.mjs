// The protocol of the official Admin UI, as the chat server speaks it.
import assert from "node:assert/strict";
import { hostname } from "node:os";
import { after, afterEach, before, describe, it } from "node:test";
import { HASH, SLOW_HASH } from "./admin.mjs";
import { ask, client, closeAll, connect, connected, received, upgraded } from "./clients.mjs";
import { CHAT, start, within } from "./support.mjs";

const official = CHAT.endsWith(".mjs");
const LOGIN = ["--admin-user", "ann", "--admin-password-hash", HASH];
const GOOD = { username: "ann", password: "secret" };
const ORDERS = ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"];
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

afterEach(closeAll);

/** Records all that an admin is told, from the first event on. */
function admin(server, auth = GOOD, namespace = "/admin") {
  const socket = client(server, { namespace, auth });
  const seen = [];
  const waiting = new Set();
  socket.onAny((name, ...args) => {
    seen.push([name, ...args]);
    waiting.forEach((look) => look());
  });
  /** The first event from number `from` on that fits, also if it came already. */
  socket.find = (what, fits, from = 0) =>
    within(
      10_000,
      what,
      new Promise((done) => {
        const look = () => {
          const found = seen.slice(from).find(fits);
          if (found !== undefined) {
            waiting.delete(look);
            done(found);
          }
        };
        waiting.add(look);
        look();
      }),
    );
  socket.seen = seen;
  return socket;
}

async function admitted(server, auth, namespace) {
  const socket = admin(server, auth, namespace);
  await connected(socket);
  return socket;
}

async function refusal(server, auth) {
  const socket = admin(server, auth);
  const error = await received(socket, "connect_error");
  assert.deepEqual(socket.seen, []);
  return error[0].message;
}

let people = 0;
/** Somebody in the chat. */
function person(server, options = {}) {
  people += 1;
  return connect(server, { auth: { name: `P${people}`, key: "0123456789abcdef" }, ...options });
}

const named = (name, ...rest) => (event) => event[0] === name && rest.every((value, i) => event[i + 1] === value);

describe("admin namespace with a password", { skip: official }, () => {
  let server;
  before(async () => {
    server = await start(CHAT, ["--port", "0", ...LOGIN, "--admin-server-id", "one", "--cors-origin", "http://page"]);
  });
  after(() => server.end());

  it("who does not know it is refused", async () => {
    for (const auth of [
      null,
      {},
      { username: "ann" },
      { username: "ann", password: "Secret" },
      { username: "ann", password: "" },
      { username: "ann", password: 1 },
      { username: "ANN", password: "secret" },
      { username: "ann", password: "x".repeat(100_000) },
      { sessionId: "" },
      { sessionId: "0123456789abcdef" },
      { sessionId: { $ne: null } },
    ]) {
      assert.equal(await refusal(server, auth), "invalid credentials", JSON.stringify(auth)?.slice(0, 80));
    }
  });

  it("who knows it gets a session, which is as good as the password afterwards", async () => {
    const first = await admitted(server);
    const [, session] = await first.find("a session", named("session"));
    assert.match(session, /^[0-9a-f]{16}$/);
    const second = await admitted(server, { sessionId: session });
    await second.find("the settings", named("config"));
    assert.ok(!second.seen.some(named("session")));
    const third = await admitted(server);
    assert.notEqual((await third.find("a session", named("session")))[1], session);
  });

  it("the features are told", async () => {
    const socket = await admitted(server);
    const [, config] = await socket.find("the settings", named("config"));
    assert.deepEqual(config, { supportedFeatures: [...ORDERS, "AGGREGATED_EVENTS", "ALL_EVENTS"] });
  });

  it("checking many passwords does not hold up the clients", async () => {
    const user = await person(server);
    const tries = Array.from({ length: 20 }, () => refusal(server, { username: "ann", password: "wrong" }));
    assert.equal((await ask(user, "join", "lobby"))[0].ok, true);
    assert.deepEqual(await Promise.all(tries), Array(20).fill("invalid credentials"));
  });

  it("all sockets are told, with their handshakes and rooms", async () => {
    const user = await person(server, {
      mode: "polling",
      query: { x: "1" },
      extraHeaders: { "x-forwarded-for": "1.2.3.4", origin: "http://page" },
    });
    await ask(user, "join", "lobby");
    const socket = await admitted(server);
    const [, sockets] = await socket.find("all sockets", named("all_sockets"));
    const found = sockets.find(({ id }) => id === user.id);
    const { handshake, clientId, ...rest } = found;
    assert.deepEqual(rest, {
      id: user.id,
      transport: "polling",
      nsp: "/",
      data: { name: `P${people}`, room: "lobby" },
      rooms: [user.id, "room:lobby"],
    });
    assert.equal(clientId, user.io.engine.id.slice(0, 12));
    const { headers, query, issued, time, url, ...others } = handshake;
    assert.deepEqual(others, { address: "1.2.3.4", secure: false, xdomain: true });
    assert.equal(headers.host, `127.0.0.1:${server.port}`);
    assert.equal(query.EIO, "4");
    assert.equal(query.x, "1");
    assert.ok(url.startsWith("/socket.io/?"), url);
    assert.ok(Math.abs(Date.now() - issued) < 60_000);
    assert.ok(Math.abs(Date.now() - Date.parse(time)) < 60_000);
    assert.ok(sockets.some(({ id, nsp }) => id === socket.id && nsp === "/admin"));
  });

  it("sockets that come, move and go are told in their order", async () => {
    const socket = await admitted(server);
    await socket.find("all sockets", named("all_sockets"));
    const user = client(server, { mode: "upgrade", auth: { name: "Mover", key: "0123456789abcdef" } });
    await connected(user);
    const { id } = user;
    await upgraded(user);
    await ask(user, "join", "random");
    await socket.find("a room", named("room_joined", "/", "room:random", id));
    await socket.find("data", (event) => event[0] === "socket_updated" && event[1].id === id && event[1].data);
    user.disconnect();
    await socket.find("the end", named("room_left", "/", "room:random", id));
    const about = socket.seen.filter((event) => event.slice(1).some((arg) => arg === id || arg?.id === id));
    const story = about.filter(([name]) => !name.startsWith("event_"));
    const updates = story.filter(([name]) => name === "socket_updated");
    const moves = updates.map(([, update]) => update);
    assert.deepEqual(
      moves.toSorted((a, b) => Object.keys(a).length - Object.keys(b).length || ("transport" in a ? -1 : 1)),
      [
        { id, nsp: "/", transport: "websocket" },
        { id, nsp: "/", data: { name: "Mover", room: "random" } },
      ],
    );
    const rest = story.filter(([name]) => name !== "socket_updated");
    assert.deepEqual(
      rest.map((event) => (event[0] === "socket_connected" ? [event[0], event[1].id] : event.slice(0, 4))),
      [
        ["room_joined", "/", id, id],
        ["socket_connected", id],
        ["room_joined", "/", "room:random", id],
        ["socket_disconnected", "/", id, "client namespace disconnect"],
        ["room_left", "/", id, id],
        ["room_left", "/", "room:random", id],
      ],
    );
    for (const event of rest) {
      assert.match(event.at(-1), ISO);
    }
    const [, view] = rest.find(named("socket_connected"));
    assert.deepEqual([view.transport, view.rooms, view.data], ["polling", [id], { name: "Mover", room: null }]);
  });

  it("a socket that comes back to what it had is told anew", async () => {
    const socket = await admitted(server);
    const user = await person(server, { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 50 });
    await ask(user, "join", "lobby");
    const { id } = user;
    await socket.find("a room", named("room_joined", "/", "room:lobby", id));
    const lost = received(user, "disconnect");
    user.io.engine.close();
    await lost;
    await socket.find("the end", named("room_left", "/", "room:lobby", id));
    const before = socket.seen.length;
    await connected(user);
    assert.deepEqual([user.recovered, user.id], [true, id]);
    const fits = (event) => event[0] === "socket_connected" && event[1].id === id;
    const [, view] = await socket.find("the socket", fits, before);
    assert.deepEqual(view.rooms.toSorted(), [id, "room:lobby"].toSorted());
    assert.deepEqual(view.data, { name: `P${people}`, room: "lobby" });
    await socket.find("its room", named("room_joined", "/", "room:lobby", id), before);
    const story = socket.seen.slice(before).filter((event) => fits(event));
    assert.equal(story.length, 1);
  });

  it("events are told in both directions, with their binary, and without acknowledgements", async () => {
    const socket = await admitted(server);
    await socket.find("all sockets", named("all_sockets"));
    const user = await person(server);
    const other = await person(server);
    await ask(user, "join", "lobby");
    await ask(other, "join", "lobby");
    const about = { type: "image/png", caption: "" };
    await ask(user, "picture", about, Buffer.from([1, 2, 3]));
    const [, nsp, id, args, at] = await socket.find(
      "what was sent by the client",
      (event) => event[0] === "event_received" && event[3][0] === "picture",
    );
    assert.deepEqual([nsp, id, args], ["/", user.id, ["picture", about, Buffer.from([1, 2, 3])]]);
    assert.match(at, ISO);
    for (const receiver of [user, other]) {
      const sent = await socket.find(
        "what was sent to the clients",
        (event) => event[0] === "event_sent" && event[2] === receiver.id && event[3][0] === "message",
      );
      assert.deepEqual(sent[3][1].data, Buffer.from([1, 2, 3]));
    }
    assert.ok(!socket.seen.some((event) => event[0].startsWith("event_") && event[1] === "/admin"));
  });

  it("it emits to all, to a room and to one socket, with binary", async () => {
    const socket = await admitted(server);
    const [one, two, three] = [await person(server), await person(server), await person(server)];
    await ask(one, "join", "pictures");
    await ask(two, "join", "pictures");
    const got = [one, two, three].map((user) => {
      const events = [];
      user.on("hello", (...values) => events.push(values.filter((value) => typeof value !== "string")));
      return events;
    });
    const last = [one, two, three].map((user) => received(user, "hello-last"));
    socket.emit("emit", "/", "", "hello", 1);
    socket.emit("emit", "/", "room:pictures", "hello", 2, Buffer.from([9]));
    socket.emit("emit", "/", two.id, "hello", { 3: [Buffer.from([8])] });
    // None of these does anything.
    socket.emit("emit", "/", two.id, "disconnect", 4);
    socket.emit("emit", "/", two.id);
    socket.emit("emit", "/", 5, "hello", 5);
    socket.emit("emit", 6, "", "hello", 6);
    socket.emit("emit");
    socket.emit("nonsense", "/");
    socket.emit("emit", "/", null, "hello-last");
    await Promise.all(last);
    assert.deepEqual(got, [
      [[1], [2, Buffer.from([9])]],
      [[1], [2, Buffer.from([9])], [{ 3: [Buffer.from([8])] }]],
      [[1]],
    ]);
  });

  it("it makes sockets join and leave rooms", async () => {
    const socket = await admitted(server);
    const [one, two] = [await person(server), await person(server)];
    await socket.find("both", (event) => event[0] === "socket_connected" && event[1].id === two.id);
    socket.emit("join", "/", "vip", one.id);
    await socket.find("joined", named("room_joined", "/", "vip", one.id));
    const news = received(one, "news");
    two.on("news", () => assert.fail("not in the room"));
    socket.emit("emit", "/", "vip", "news");
    await news;
    socket.emit("join", "/", "all");
    await socket.find("joined", named("room_joined", "/", "all", one.id));
    await socket.find("joined", named("room_joined", "/", "all", two.id));
    socket.emit("leave", "/", "all", one.id);
    await socket.find("left", named("room_left", "/", "all", one.id));
    assert.ok(!socket.seen.some(named("room_left", "/", "all", two.id)));
    socket.emit("leave", "/", "all");
    await socket.find("left", named("room_left", "/", "all", two.id));
  });

  it("it disconnects one socket, and many with their connections", async () => {
    const socket = await admitted(server);
    const users = [await person(server), await person(server), await person(server)];
    const { id } = users[0];
    const gone = users.map((user) => received(user, "disconnect"));
    const engines = users.map(
      (user) => new Promise((done) => user.io.engine.once("close", () => done("engine closed"))),
    );
    await ask(users[1], "join", "random");
    await ask(users[2], "join", "random");
    socket.emit("_disconnect", "/", false, users[0].id);
    assert.equal((await gone[0])[0], "io server disconnect");
    assert.ok(users[1].connected && users[2].connected);
    socket.emit("_disconnect", "/", true, "room:random");
    assert.equal((await gone[1])[0], "io server disconnect");
    assert.equal((await gone[2])[0], "io server disconnect");
    await Promise.all(engines.slice(1));
    await socket.find("its end", named("socket_disconnected", "/", id, "server namespace disconnect"));
  });

  it("numbers come every two seconds", async () => {
    const socket = await admitted(server);
    const user = await person(server, { mode: "polling" });
    await ask(user, "join", "lobby");
    const fits = (type, subType) => (event) =>
      event[0] === "server_stats" &&
      event[1].aggregatedEvents.some((entry) => entry.type === type && entry.subType === subType);
    const [, stats] = await socket.find("numbers", fits("rawConnection"));
    const { uptime, clientsCount, pollingClientsCount, aggregatedEvents, namespaces, pid, ...rest } = stats;
    assert.deepEqual(rest, { serverId: "one", hostname: hostname() });
    assert.ok(uptime > 0 && clientsCount >= 2 && pollingClientsCount >= 1 && pid > 1);
    assert.deepEqual(namespaces.map(({ name }) => name).sort(), ["/", "/admin"]);
    assert.ok(namespaces.every(({ socketsCount }) => socketsCount >= 1));
    for (const { timestamp, count } of aggregatedEvents) {
      assert.ok(timestamp % 1000 === 0 && Math.abs(Date.now() - timestamp) < 60_000 && count > 0);
    }
    for (const type of ["packetsIn", "packetsOut", "bytesIn", "bytesOut"]) {
      await socket.find(type, fits(type));
    }
    user.io.engine.close();
    await socket.find("the end", fits("rawDisconnection", "transport close"));
  });
});

describe("admin namespace that only shows", { skip: official }, () => {
  let server;
  before(async () => {
    server = await start(CHAT, ["--port", "0", ...LOGIN, "--admin-readonly", "--admin-namespace", "/ops"]);
  });
  after(() => server.end());

  it("offers nothing to do, and does nothing", async () => {
    const socket = await admitted(server, GOOD, "/ops");
    const [, config] = await socket.find("the settings", named("config"));
    assert.deepEqual(config, { supportedFeatures: ["AGGREGATED_EVENTS", "ALL_EVENTS"] });
    const user = await person(server);
    user.on("hello", () => assert.fail("it emitted"));
    socket.emit("join", "/", "vip", user.id);
    socket.emit("emit", "/", "", "hello");
    socket.emit("_disconnect", "/", true);
    // What it is told next comes behind what it asked for.
    await ask(user, "join", "lobby");
    await socket.find("a room", named("room_joined", "/", "room:lobby", user.id));
    await socket.find("numbers", named("server_stats"), socket.seen.length);
    assert.ok(user.connected && !socket.seen.some(named("room_joined", "/", "vip", user.id)));
  });
});

describe("admin namespace in production mode, for everybody", { skip: official }, () => {
  let server;
  before(async () => {
    server = await start(CHAT, ["--port", "0", "--admin-no-auth", "--admin-production"]);
  });
  after(() => server.end());

  it("tells numbers and nothing of single sockets, and does what it is asked for", async () => {
    const socket = await admitted(server, null);
    const user = await person(server);
    await ask(user, "join", "lobby");
    const hello = received(user, "hello");
    socket.emit("emit", "/", user.id, "hello");
    await hello;
    const numbers = (event) => event[0] === "server_stats" && event[1].clientsCount === 2;
    const [, stats] = await socket.find("numbers", numbers);
    assert.equal(stats.serverId, hostname());
    assert.deepEqual(socket.seen[0], ["config", { supportedFeatures: [...ORDERS, "AGGREGATED_EVENTS"] }]);
    assert.deepEqual([...new Set(socket.seen.map(([name]) => name))].sort(), ["config", "server_stats"]);
  });
});

describe("admin namespace under attack", { skip: official }, () => {
  it("looks at so many passwords at a time, and refuses to look at more", async () => {
    const server = await start(CHAT, ["--port", "0", "--admin-user", "ann", "--admin-password-hash", SLOW_HASH]);
    const refused = new Promise((done) => {
      for (let attempts = 0; attempts < 100; attempts += 1) {
        const socket = admin(server, { username: "ann", password: "wrong" });
        socket.on("connect_error", ({ message }) => message === "too many logins" && done());
      }
    });
    await within(10_000, "a refusal", refused);
    closeAll();
    await server.end();
  });
});

describe("no admin namespace", { skip: official }, () => {
  it("unless it is asked for", async () => {
    const server = await start(CHAT, ["--port", "0"]);
    assert.equal(await refusal(server, GOOD), "Invalid namespace");
    await server.end();
  });

  it("with settings that make no sense the server does not start", async () => {
    for (const bad of [
      ["--admin-user", "ann"],
      ["--admin-user", "ann", "--admin-password-hash", "secret"],
      ["--admin-no-auth", ...LOGIN],
      ["--admin-readonly"],
      ["--admin-no-auth", "--admin-namespace", "/"],
    ]) {
      await assert.rejects(start(CHAT, ["--port", "0", ...bad]), /ended: \{"code":1/, bad.join(" "));
    }
  });
});
