"use strict";

// The smallest useful client of a channel: who is here, say something to all or to one.

const $ = (id) => document.getElementById(id);
const MAX_LINES = 1000;
const CLOSE_WORDS = {
  1000: "closed normally",
  1001: "the proxy is going away",
  1002: "protocol error",
  1006: "no close frame came: the proxy refused the connection, stopped, or can't be reached",
  1007: "invalid text",
  1009: "message too big",
  1011: "internal error or no answer to pings",
  1013: "this client read too slowly",
};

let socket = null;
let me = "";
const peers = new Set();

function state(kind, words) {
  $("state").dataset.state = kind;
  $("state").textContent = words;
}

function line(kind, words) {
  const log = $("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const item = document.createElement("li");
  item.className = kind;
  const time = document.createElement("time");
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString();
  item.append(time, " ", words);
  log.append(item);
  while (log.childElementCount > MAX_LINES) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

const short = (id) => (id.length > 10 ? `${id.slice(0, 8)}…` : id);
const shown = (data) => (typeof data === "string" ? data : data === undefined ? "(no data)" : JSON.stringify(data));

function entry(tag, id, words) {
  const element = document.createElement(tag);
  element.textContent = words;
  element.title = id;
  return element;
}

function showPeers() {
  const list = [...(me ? [me] : []), ...peers].map((id) => {
    const item = entry("li", id, short(id));
    item.className = id === me ? "id you" : "id";
    return item;
  });
  $("peers").replaceChildren(...list);
  const chosen = $("target").value;
  const options = [...peers].map((id) => Object.assign(entry("option", id, short(id)), { value: id }));
  $("target").replaceChildren(Object.assign(entry("option", "", "everyone"), { value: "" }), ...options);
  if (peers.has(chosen)) $("target").value = chosen;
}

function receive(message) {
  const { action, source, target, data } = message;
  switch (action) {
    case "status":
      me = source;
      showPeers();
      break;
    case "connect":
      peers.add(target);
      line("event", `${short(target)} is here`);
      showPeers();
      break;
    case "disconnect":
      peers.delete(target);
      line("event", `${short(target)} is gone`);
      showPeers();
      break;
    case "broadcast":
      line("", `${short(source)}: ${shown(data)}`);
      break;
    case "message":
      line("private", `${short(source)}: ${shown(data)}`);
      break;
    case "error":
      line("error", `error ${message.code}: ${message.message}`);
      break;
  }
}

function connected(yes) {
  for (const id of ["target", "text", "send"]) $(id).disabled = !yes;
  $("name").disabled = socket !== null;
  $("toggle").textContent = socket === null ? "Join" : "Leave";
}

function forget() {
  socket = null;
  me = "";
  peers.clear();
  showPeers();
  connected(false);
}

function leave() {
  const leaving = socket;
  forget();
  leaving.close(1000);
  state("closed", "Not connected: you left.");
  line("event", "you left");
}

function join(name) {
  const address = `ws://${location.host}/${encodeURIComponent(name)}`;
  let opened = false;
  const mine = new WebSocket(address);
  socket = mine;
  state("connecting", `Joining “${name}” …`);
  connected(false);
  mine.onopen = () => {
    if (socket !== mine) return;
    opened = true;
    state("open", `In the channel “${name}”.`);
    mine.send(JSON.stringify({ action: "status" }));
    connected(true);
    $("text").focus();
  };
  mine.onmessage = (event) => {
    if (socket !== mine) return;
    try {
      receive(JSON.parse(event.data));
    } catch {
      line("error", `not understood: ${event.data}`);
    }
  };
  mine.onclose = (event) => {
    if (socket !== mine) return;
    forget();
    const words = [CLOSE_WORDS[event.code], event.reason && `“${event.reason}”`].filter(Boolean).join(", ");
    const why = `${opened ? "Closed" : "Could not join"}: code ${event.code}${words && ` (${words})`}.`;
    state("failed", why);
    line("error", why);
  };
}

function say() {
  let data = $("text").value;
  if ($("json").checked) {
    try {
      data = JSON.parse(data);
    } catch (error) {
      line("error", `not sent, as it is not JSON: ${error.message}`);
      return;
    }
  }
  const target = $("target").value;
  socket.send(JSON.stringify(target ? { action: "message", target, data } : { action: "broadcast", data }));
  line(target ? "private" : "", `you${target ? ` to ${short(target)}` : ""}: ${shown(data)}`);
  $("text").value = "";
}

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket) {
    leave();
    return;
  }
  const name = $("name").value;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  join(name);
});

$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket?.readyState === WebSocket.OPEN) say();
});

$("snippet").textContent = `new WebSocket("ws://${location.host}/chat")`;
try {
  $("name").value = decodeURIComponent(location.hash.slice(1));
} catch {
  $("name").value = "";
}
