// The chat page. PROTOCOL.md describes the events; `io` comes from the official client script.
const MAX_PICTURE = 700_000;
const MAX_CAPTION = 200;
const PICTURE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const ANSWER_LIMIT = 10_000;
const CERTIFICATE_LIMIT = 2_000;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 10_000;
const TYPING_STOPS = 2_500;
const TYPING_EXPIRES = 6_000;
const FOLLOWING = 80;

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** Storage of this tab; a browser that forbids it only forgets. */
const tab = {
  get(name) {
    try {
      return sessionStorage.getItem(`chat:${name}`);
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      if (value === null || value === "") {
        sessionStorage.removeItem(`chat:${name}`);
      } else {
        sessionStorage.setItem(`chat:${name}`, value);
      }
    } catch {
      // Nothing depends on it.
    }
  },
};

const me = { name: null, key: tab.get("key") ?? randomKey(), room: tab.get("room") ?? "lobby" };
tab.set("key", me.key);

let socket = null;
let certificate = document.querySelector('meta[name="webtransport-certificate"]').content;
let joined = null;
// Whether the room that the server has us in may be another one: a move was asked for, and its answer was lost.
let unsure = false;
let rooms = [];
let retry = { attempts: 0, timer: null, ticker: null };
let picture = null;
let sending = false;
let unread = 0;
let lastAuthor = null;
const typists = new Map();
const addresses = new Set();
let typing = null;

// --- Connection ---------------------------------------------------------------------------------

function enter(name, room) {
  me.name = name;
  me.room = room;
  socket?.removeAllListeners();
  socket?.disconnect();
  // The page reconnects by itself, to show when the next attempt is due.
  const auth = { name, key: me.key };
  socket = io({ auth, reconnection: false, autoConnect: false });
  socket.on("connect", onConnect);
  socket.on("connect_error", onConnectError);
  socket.on("disconnect", onDisconnect);
  socket.on("rooms", (list) => {
    rooms = list;
    showRooms();
  });
  socket.on("users", onUsers);
  socket.on("message", onMessage);
  socket.on("typing", ({ name: who, typing: is }) => showTyping(who, is));
  socket.on("replaced", () => leave("This name has been taken over in another tab."));
  page.enter.disabled = true;
  attempt();
}

// The certificate of the server for WebTransport may be one that the browser knows by its hash alone. Another takes its
// place while the page is open, so that the hash is asked for. Null if the server does not tell: it may be back before the
// attempt with another certificate, and the page would be left with a WebSocket.
async function transportOptions() {
  if (certificate === "") {
    return {};
  }
  try {
    const signal = AbortSignal.timeout(CERTIFICATE_LIMIT);
    const answer = await fetch("/certificate", { cache: "no-store", signal });
    if (!answer.ok) {
      return null;
    }
    certificate = await answer.text();
  } catch {
    return null;
  }
  const value = Uint8Array.from(atob(certificate), (character) => character.charCodeAt(0));
  return { webtransport: { serverCertificateHashes: [{ algorithm: "sha-256", value }] } };
}

async function attempt() {
  stopRetry();
  page.retry.hidden = true;
  showState("connecting", retry.attempts === 0 ? "Connecting" : "Reconnecting");
  const current = socket;
  const options = await transportOptions();
  if (socket !== current) {
    return; // Someone has left meanwhile.
  }
  if (options === null) {
    onConnectError(new Error("the server does not tell its certificate"));
    return;
  }
  current.io.opts.transportOptions = options;
  current.connect();
}

function onConnect() {
  retry.attempts = 0;
  const { engine } = socket.io;
  showTransport();
  engine.on("upgrade", showTransport);
  tab.set("name", me.name);
  showLogin(false);
  Object.assign(page.state.dataset, { socket: socket.id, recovered: socket.recovered });
  if (socket.recovered && !unsure && me.room === joined) {
    // What was missed has come before this, in its order.
    showProblem(null);
  } else {
    join(me.room);
  }
}

function showTransport() {
  if (socket?.connected) {
    const names = { websocket: "WebSocket", webtransport: "WebTransport" };
    const name = socket.io.engine.transport.name;
    showState("connected", `Connected via ${names[name] ?? name}`);
    page.state.dataset.transport = name;
  }
}

function onConnectError(error) {
  if (error.data?.code === "taken" && joined !== null) {
    // Someone else came first while this tab was away.
    leave("The name has been taken by someone else meanwhile.");
  } else if (error.data?.code !== undefined) {
    leave(error.data.code === "taken" ? "This name is in use. Pick another one." : "This name is not allowed.");
  } else {
    retryLater();
    if (!page.login.hidden) {
      showLogin(true, "The server cannot be reached. Trying again.");
    }
  }
}

function onDisconnect(reason) {
  typists.clear();
  showTypists();
  stopTyping(false);
  if (reason === "io client disconnect") {
    return;
  }
  retryLater();
}

function retryLater() {
  stopRetry();
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** retry.attempts);
  retry.attempts += 1;
  // Spread out, so that all tabs do not come back in the same moment.
  const due = Date.now() + longest * (0.5 + Math.random() / 2);
  page.retry.hidden = false;
  const show = () => {
    if (navigator.onLine === false) {
      showState("offline", "Offline");
      return;
    }
    showState("waiting", `Reconnecting in ${Math.max(1, Math.ceil((due - Date.now()) / 1000))} s`);
  };
  show();
  retry.ticker = setInterval(show, 250);
  retry.timer = setTimeout(attempt, due - Date.now());
}

function stopRetry() {
  clearTimeout(retry.timer);
  clearInterval(retry.ticker);
}

function leave(problem) {
  stopRetry();
  socket?.removeAllListeners();
  socket?.disconnect();
  socket = null;
  joined = null;
  retry.attempts = 0;
  tab.set("name", null);
  clearMessages();
  page.retry.hidden = true;
  showState(problem === undefined ? "idle" : "ended", "Not connected");
  showLogin(true, problem);
}

// --- Rooms and people ---------------------------------------------------------------------------

function join(room) {
  keepDraft();
  stopTyping(true);
  const current = socket;
  unsure = true;
  // A plain callback runs before the next packet is handled, so no message is put into the wrong room.
  current.timeout(ANSWER_LIMIT).emit("join", room, (error, answer) => {
    if (current !== socket) {
      return;
    }
    unsure = Boolean(error);
    if (error || !answer.ok) {
      if (joined === null && room !== "lobby" && current.connected) {
        join("lobby");
      } else if (!error) {
        showProblem(`The room could not be opened: ${answer.error}.`);
      }
      return;
    }
    joined = answer.room;
    me.room = answer.room;
    tab.set("room", answer.room);
    page["room-title"].textContent = `# ${answer.room}`;
    page.me.textContent = me.name;
    const draft = tab.get(`draft:${answer.room}`) ?? "";
    if (page.text.value !== draft) {
      page.text.value = draft;
      growText();
    }
    typists.clear();
    showTypists();
    clearMessages();
    for (const message of answer.history) {
      addMessage(message);
    }
    showUsers(answer.users);
    showRooms();
    showProblem(null);
    toBottom();
    page.app.dataset.room = answer.room;
  });
}

function onUsers({ room, users, joined: came, left }) {
  if (room !== joined) {
    return;
  }
  showUsers(users);
  if (left !== undefined) {
    showTyping(left, false);
  }
  // Of itself a page may hear when it comes back to what it missed.
  const who = came ?? left;
  if (who !== undefined && who !== me.name) {
    const item = document.createElement("li");
    item.className = "notice";
    item.textContent = came !== undefined ? `${came} came in` : `${left} left`;
    append(item);
    lastAuthor = null;
  }
}

function showUsers(users) {
  page.users.replaceChildren(
    ...users.map((name) => {
      const item = document.createElement("li");
      const label = document.createElement("span");
      label.textContent = name === me.name ? `${name} (you)` : name;
      item.append(avatar(name), label);
      return item;
    }),
  );
  page["users-title"].textContent = `People here · ${users.length}`;
}

function showRooms() {
  const focused = document.activeElement?.dataset?.room;
  page.rooms.replaceChildren(
    ...rooms.map(({ name, users }) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const label = document.createElement("span");
      const count = document.createElement("span");
      button.type = "button";
      button.dataset.room = name;
      button.setAttribute("aria-current", String(name === joined));
      label.textContent = `# ${name}`;
      count.className = "count";
      count.textContent = String(users);
      count.title = users === 1 ? "1 person" : `${users} people`;
      button.append(label, count);
      item.append(button);
      return item;
    }),
  );
  if (focused !== undefined) {
    page.rooms.querySelector(`[data-room="${CSS.escape(focused)}"]`)?.focus();
  }
}

function goTo(room) {
  showMenu(false);
  if (!socket?.connected) {
    // It is joined with the next connection.
    keepDraft();
    me.room = room;
    showProblem(`Not connected. #${room} opens as soon as the connection is back.`);
  } else if (room !== joined) {
    join(room);
  }
}

// --- Messages -----------------------------------------------------------------------------------

function onMessage(message) {
  showTyping(message.name, false);
  addMessage(message);
  if (document.hidden && message.name !== me.name) {
    unread += 1;
    document.title = `(${unread}) Chat`;
  }
}

function addMessage(message) {
  const mine = message.name === me.name;
  const item = document.createElement("li");
  const bubble = document.createElement("div");
  item.className = "message";
  item.classList.toggle("mine", mine);
  item.classList.toggle("again", lastAuthor === message.name);
  item.dataset.id = String(message.id);
  item.style.setProperty("--hue", hue(message.name));
  bubble.className = "bubble";
  const who = document.createElement("span");
  who.className = "who";
  who.textContent = message.name;
  if (message.picture === undefined) {
    bubble.append(document.createTextNode(message.text));
  } else {
    bubble.append(pictureOf(message));
    if (message.picture.caption !== "") {
      bubble.append(document.createTextNode(message.picture.caption));
    }
  }
  const time = document.createElement("time");
  time.dateTime = new Date(message.at).toISOString();
  time.textContent = clock.format(message.at);
  bubble.append(time);
  item.append(who, avatar(message.name), bubble);
  lastAuthor = message.name;
  append(item, mine);
}

function pictureOf({ id, name, picture: { type, caption }, data }) {
  const frame = document.createElement("button");
  frame.type = "button";
  frame.className = "picture";
  frame.disabled = true;
  const show = (bytes) => {
    if (!PICTURE_TYPES.includes(type)) {
      fail();
      return;
    }
    const address = URL.createObjectURL(new Blob([bytes], { type }));
    addresses.add(address);
    const image = document.createElement("img");
    image.alt = caption === "" ? `Picture from ${name}` : caption;
    image.addEventListener("load", follow);
    image.addEventListener("error", fail);
    image.src = address;
    frame.disabled = false;
    frame.replaceChildren(image);
  };
  const fail = () => {
    frame.disabled = true;
    const note = document.createElement("span");
    note.className = "missing";
    note.textContent = "The picture is not available.";
    frame.replaceChildren(note);
    follow();
  };
  let keep = true;
  const follow = () => {
    if (keep && isFollowing(400)) {
      toBottom();
    }
    keep = false;
  };
  if (data !== undefined) {
    show(data);
  } else {
    socket.timeout(ANSWER_LIMIT).emit("load-picture", id, (error, answer) => {
      if (error || !answer.ok) {
        fail();
      } else {
        show(answer.data);
      }
    });
  }
  return frame;
}

function append(item, always = false) {
  const follows = always || isFollowing(FOLLOWING);
  page.messages.append(item);
  page.empty.hidden = page.messages.childElementCount > 0;
  if (follows) {
    toBottom();
  } else {
    page.newer.hidden = false;
  }
}

function clearMessages() {
  page.messages.replaceChildren();
  page.empty.hidden = false;
  page.newer.hidden = true;
  lastAuthor = null;
  for (const address of addresses) {
    URL.revokeObjectURL(address);
  }
  addresses.clear();
}

function isFollowing(distance) {
  const { scrollHeight, scrollTop, clientHeight } = page.scroll;
  return scrollHeight - scrollTop - clientHeight < distance;
}

function toBottom() {
  page.scroll.scrollTop = page.scroll.scrollHeight;
  page.newer.hidden = true;
}

// --- Typing -------------------------------------------------------------------------------------

function showTyping(name, is) {
  clearTimeout(typists.get(name));
  typists.delete(name);
  if (is && name !== me.name) {
    typists.set(name, setTimeout(() => showTyping(name, false), TYPING_EXPIRES));
  }
  showTypists();
}

function showTypists() {
  const names = [...typists.keys()];
  if (names.length === 0) {
    page.typing.textContent = "";
  } else if (names.length === 1) {
    page.typing.textContent = `${names[0]} is typing…`;
  } else if (names.length === 2) {
    page.typing.textContent = `${names[0]} and ${names[1]} are typing…`;
  } else {
    page.typing.textContent = "Several people are typing…";
  }
}

function startTyping() {
  if (typing === null) {
    socket?.volatile.emit("typing", true);
  }
  clearTimeout(typing?.stop);
  // Repeated before the others let it expire.
  const since = typing?.since ?? Date.now();
  if (Date.now() - since > TYPING_EXPIRES / 2) {
    typing = null;
    startTyping();
    return;
  }
  typing = { since, stop: setTimeout(() => stopTyping(true), TYPING_STOPS) };
}

function stopTyping(tell) {
  if (typing !== null) {
    clearTimeout(typing.stop);
    typing = null;
    if (tell && socket?.connected) {
      socket.emit("typing", false);
    }
  }
}

// --- Sending ------------------------------------------------------------------------------------

async function send() {
  const text = page.text.value.trim();
  if (sending || (text === "" && picture === null)) {
    return;
  }
  if (!socket?.connected || joined === null) {
    showProblem("Not connected. Your text is kept until you can send it.");
    return;
  }
  if (picture !== null && [...text].length > MAX_CAPTION) {
    showProblem(`The text beside a picture may have ${MAX_CAPTION} characters.`);
    return;
  }
  const room = joined;
  sending = true;
  page.send.disabled = true;
  stopTyping(true);
  try {
    const current = socket.timeout(ANSWER_LIMIT);
    const answer =
      picture === null
        ? await current.emitWithAck("say", text)
        : await current.emitWithAck("picture", { type: picture.type, caption: text }, picture.bytes);
    if (answer.ok) {
      showPicture(null);
      showProblem(null);
      // The draft of this room is what has been sent, unless something was typed meanwhile.
      if (room !== joined) {
        tab.set(`draft:${room}`, null);
      } else if (page.text.value.trim() === text) {
        page.text.value = "";
        growText();
        keepDraft();
      }
    } else {
      showProblem(`Not sent: ${answer.error}.`);
    }
  } catch {
    showProblem("Not sent: no answer came. Your text is kept.");
  } finally {
    sending = false;
    page.send.disabled = false;
  }
}

function keepDraft() {
  if (joined !== null) {
    tab.set(`draft:${joined}`, page.text.value);
  }
}

async function choose(file) {
  try {
    if (!PICTURE_TYPES.includes(file.type)) {
      throw new Error("only PNG, JPEG, GIF and WebP pictures can be sent");
    }
    const blob = file.size > MAX_PICTURE ? await shrink(file) : file;
    showPicture({ type: blob.type, bytes: await blob.arrayBuffer(), blob });
    showProblem(null);
    page.text.focus();
  } catch (error) {
    showProblem(`The picture cannot be sent: ${error.message}.`);
  }
}

/** Draws a picture that is too large once more, smaller and smaller until it fits. */
async function shrink(file) {
  const bitmap = await createImageBitmap(file);
  try {
    for (let side = 1920; side >= 240; side = Math.floor(side / 1.5)) {
      const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(bitmap.width * scale));
      canvas.height = Math.max(1, Math.round(bitmap.height * scale));
      const context = canvas.getContext("2d");
      context.fillStyle = "#fff";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
      if (blob !== null && blob.size <= MAX_PICTURE) {
        return blob;
      }
    }
  } finally {
    bitmap.close();
  }
  throw new Error("it is too large");
}

function showPicture(chosen) {
  if (picture !== null) {
    URL.revokeObjectURL(picture.address);
  }
  picture = chosen && { ...chosen, address: URL.createObjectURL(chosen.blob) };
  page.preview.hidden = picture === null;
  page.file.value = "";
  if (picture === null) {
    page["preview-image"].removeAttribute("src");
  } else {
    page["preview-image"].src = picture.address;
    const size = `${Math.ceil(picture.bytes.byteLength / 1024)} KiB`;
    page["preview-text"].textContent = `Picture, ${size}. The text below becomes its caption.`;
  }
}

// --- Bits of the page ---------------------------------------------------------------------------

function showState(state, text) {
  page.state.dataset.state = state;
  delete page.state.dataset.transport;
  // Assigning the same text again would make screen readers repeat it.
  if (page["state-text"].textContent !== text) {
    page["state-text"].textContent = text;
  }
}

function showLogin(shown, problem) {
  const was = !page.login.hidden;
  page.login.hidden = !shown;
  page.app.inert = shown;
  page.enter.disabled = false;
  page["login-problem"].hidden = problem === undefined;
  page["login-problem"].textContent = problem ?? "";
  if (shown) {
    page.name.focus();
  } else if (was) {
    page.text.focus();
  }
}

function showProblem(text) {
  page.problem.hidden = text === null;
  page.problem.textContent = text ?? "";
}

function showMenu(open) {
  page.side.classList.toggle("open", open);
  page.menu.setAttribute("aria-expanded", String(open));
}

function avatar(name) {
  const element = document.createElement("span");
  element.className = "avatar";
  element.setAttribute("aria-hidden", "true");
  element.style.setProperty("--hue", hue(name));
  element.textContent = [...name].slice(0, 1).join("");
  return element;
}

function hue(name) {
  let hash = 7;
  for (const character of name) {
    hash = (hash * 31 + character.codePointAt(0)) % 3600;
  }
  return String(hash % 360);
}

function growText() {
  page.text.style.height = "auto";
  page.text.style.height = `${page.text.scrollHeight + 2}px`;
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- Wiring -------------------------------------------------------------------------------------

page["login-form"].addEventListener("submit", (event) => {
  event.preventDefault();
  const name = page.name.value.trim();
  if (name !== "") {
    page["login-problem"].hidden = true;
    enter(name, page["login-room"].value);
  }
});
page.leave.addEventListener("click", () => leave());
page.retry.addEventListener("click", attempt);
page.rooms.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button !== null) {
    goTo(button.dataset.room);
  }
});
page["new-room"].addEventListener("submit", (event) => {
  event.preventDefault();
  goTo(page["new-room-name"].value);
  page["new-room-name"].value = "";
});
page.menu.addEventListener("click", () => showMenu(!page.side.classList.contains("open")));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    showMenu(false);
  }
});
page.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
page.text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
page.text.addEventListener("input", () => {
  growText();
  keepDraft();
  if (page.text.value === "") {
    stopTyping(true);
  } else {
    startTyping();
  }
});
page.pick.addEventListener("click", () => page.file.click());
page.file.addEventListener("change", () => {
  if (page.file.files.length > 0) {
    choose(page.file.files[0]);
  }
});
page["preview-remove"].addEventListener("click", () => showPicture(null));
page.text.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
  if (file !== undefined) {
    event.preventDefault();
    choose(file);
  }
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  page.composer.classList.add("drop");
});
document.addEventListener("dragleave", () => page.composer.classList.remove("drop"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  page.composer.classList.remove("drop");
  if (joined !== null && event.dataTransfer.files.length > 0) {
    choose(event.dataTransfer.files[0]);
  }
});
page.messages.addEventListener("click", (event) => {
  const image = event.target.closest(".picture")?.querySelector("img");
  if (image) {
    page["viewer-image"].src = image.src;
    page["viewer-image"].alt = image.alt;
    page.viewer.showModal();
  }
});
page.scroll.addEventListener("scroll", () => {
  if (isFollowing(FOLLOWING)) {
    page.newer.hidden = true;
  }
});
page.newer.addEventListener("click", toBottom);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    unread = 0;
    document.title = "Chat";
  }
});
window.addEventListener("online", () => {
  if (socket !== null && !socket.connected) {
    attempt();
  }
});

const remembered = tab.get("name");
page.name.value = remembered ?? "";
page["login-room"].value = me.room;
if (typeof globalThis.io !== "function") {
  showLogin(true, "The client script could not be loaded.");
  page.enter.disabled = true;
} else if (remembered !== null) {
  enter(remembered, me.room);
} else {
  showLogin(true);
}
