// The chat's page: what is typed and what is shown.

import { hueOf } from "/console/identity.js";
import { roomControls, roomName, showState, tell } from "../shared/room.js";
import { Chat } from "./chat.js";

const element = (id) => /** @type {any} */ (document.getElementById(id));
/** Lines that are kept in the page. */
const MOST_LINES = 500;

const COLOURS = ["Amber", "Blue", "Coral", "Green", "Indigo", "Olive", "Silver", "Violet"];
const ANIMALS = ["Badger", "Crane", "Fox", "Heron", "Lynx", "Otter", "Owl", "Wren"];
const any = (list) => list[Math.floor(Math.random() * list.length)];

const room = roomName("example-chat");
roomControls(room);

let chat;
try {
  chat = new Chat(room, sessionStorage.getItem("nws-chat-name") ?? `${any(COLOURS)} ${any(ANIMALS)}`);
} catch (error) {
  tell(error.message);
  throw error;
}
element("name").value = chat.name;
showState(chat.channel);

/** To whom it goes; without, to all. */
let to;

chat.addEventListener("came", ({ detail }) => note(`${detail.name} is here.`, detail.id));
chat.addEventListener("renamed", ({ detail }) => detail.before !== detail.name && note(`${detail.before} is called ${detail.name} now.`, detail.id));
chat.addEventListener("left", ({ detail }) => {
  if (detail.name) note(`${detail.name} has left.`, detail.id);
  if (to === detail.id) to = undefined;
  people();
});
chat.addEventListener("said", ({ detail }) => line(detail.id, detail.name, detail.text, detail.alone ? "to you alone" : ""));
chat.channel.addEventListener("error", ({ code }) => code === "unknown_target" && note("That one had left already."));
chat.channel.addEventListener("reconnecting", ({ detail }) => {
  if (detail.attempt === 0) note("The proxy is gone. It is tried again.");
  chat.people.clear();
  people();
});

element("name").addEventListener("change", () => {
  const name = element("name").value.trim().slice(0, 40) || chat.name;
  element("name").value = name;
  sessionStorage.setItem("nws-chat-name", name);
  attempt(() => chat.rename(name));
});

element("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element("text").value.trim();
  if (!text) return;
  attempt(() => {
    chat.say(text, to);
    line("", "You", text, to ? `to ${chat.people.get(to)} alone` : "");
    element("text").value = "";
  });
});

function attempt(work) {
  try {
    work();
  } catch (error) {
    note(error.name === "InvalidStateError" ? "Not connected now; try again in a moment." : `${error.message}.`);
  }
}

function people() {
  element("people").replaceChildren(
    choice("Everyone", undefined),
    ...[...chat.people].map(([id, name]) => choice(name, id)),
  );
  element("text").placeholder = to ? `To ${chat.people.get(to)} alone` : "To everyone";
}

function choice(name, id) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet person" });
  if (id) button.append(dot(id));
  button.append(name);
  button.setAttribute("aria-pressed", String(to === id));
  button.addEventListener("click", () => {
    to = id;
    people();
    element("text").focus();
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function dot(id) {
  const mark = Object.assign(document.createElement("span"), { className: "dot" });
  mark.style.setProperty("--hue", String(hueOf(id)));
  return mark;
}

function line(id, name, text, aside) {
  const item = document.createElement("li");
  item.className = id ? "theirs" : "mine";
  const head = Object.assign(document.createElement("p"), { className: "who small" });
  if (id) head.append(dot(id));
  head.append(Object.assign(document.createElement("strong"), { textContent: name }));
  if (aside) head.append(Object.assign(document.createElement("span"), { className: "aside", textContent: aside }));
  item.append(head, Object.assign(document.createElement("p"), { className: "text", textContent: text }));
  put(item);
}

function note(text) {
  put(Object.assign(document.createElement("li"), { className: "note small", textContent: text }));
  people();
}

function put(item) {
  const lines = element("lines");
  const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  lines.append(item);
  while (lines.children.length > MOST_LINES) lines.firstElementChild.remove();
  if (atEnd) lines.scrollTop = lines.scrollHeight;
}

people();
