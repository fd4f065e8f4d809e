// A little shop in which several windows are one: who is logged in, the basket, and the news.

import { NetworkWebSocket } from "/network-web-sockets.mjs";
import { roomControls, roomName, showState, tell } from "../shared/room.js";
import { Hub } from "./hub.js";

const element = (id) => /** @type {any} */ (document.getElementById(id));
const MOST_NEWS = 50;

const room = roomName("example-pubsub");
roomControls(room);

let channel;
try {
  channel = new NetworkWebSocket(room, { reconnect: true });
} catch (error) {
  tell(error.message);
  throw error;
}
showState(channel);
const hub = new Hub(channel);

// The log-in state: kept, so that a window that is opened later knows it too.
let user = null;
hub.subscribe("session", (session) => {
  user = typeof session?.user === "string" ? session.user.slice(0, 40) : null;
  showSession();
});
element("log-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = element("user").value.trim();
  if (name) hub.publish("session", { user: name }, { keep: true });
});
element("log-out").addEventListener("click", () => {
  hub.publish("session", null, { keep: true });
  hub.publish("basket", 0, { keep: true });
});

let basket = 0;
hub.subscribe("basket", (count) => {
  basket = Number.isSafeInteger(count) ? count : 0;
  showSession();
});
element("add").addEventListener("click", () => hub.publish("basket", basket + 1, { keep: true }));

// News: not kept, for those who are there and want it.
let unsubscribe = () => {};
const follow = () => {
  unsubscribe();
  unsubscribe = hub.subscribe(element("pattern").value, news);
};
element("pattern").addEventListener("change", follow);
element("publish").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element("headline").value.trim();
  if (!text) return;
  try {
    hub.publish(element("topic").value, { text, by: user ?? "somebody" });
    element("headline").value = "";
  } catch {
    tell("Not connected now, and news is not kept: try again in a moment.");
  }
});

function showSession() {
  element("session").textContent = user ? `Logged in as ${user}, in every window.` : "Logged out, in every window.";
  element("log-in").hidden = user !== null;
  element("inside").hidden = user === null;
  element("basket").textContent = `${basket} ${basket === 1 ? "thing" : "things"} in the basket`;
}

function news(value, topic) {
  const item = document.createElement("li");
  item.append(
    Object.assign(document.createElement("code"), { textContent: topic }),
    Object.assign(document.createElement("span"), { textContent: String(value?.text ?? "") }),
    Object.assign(document.createElement("span"), { className: "soft small", textContent: String(value?.by ?? "") }),
  );
  element("news").prepend(item);
  while (element("news").children.length > MOST_NEWS) element("news").lastElementChild.remove();
  element("no-news").hidden = true;
}

showSession();
follow();
