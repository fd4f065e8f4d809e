// The page around the tunnel: where the relay is, serving a site, and visiting one.

import { tell } from "../shared/room.js";
import { serve } from "./server.js";
import { Site } from "./site.js";
import { View } from "./view.js";
import { Visitor } from "./visitor.js";

const MOST_LINES = 50;

const element = (id) => /** @type {any} */ (document.getElementById(id));
const written = new URLSearchParams(location.hash.slice(1));
const relay = written.get("relay") || "ws://localhost:8087/";
const site = new Site();
let server;
let visitor;

/** The address of this page that leads to a server. */
const here = (more = {}) => {
  const url = new URL(location.href);
  url.hash = String(new URLSearchParams({ relay, ...more }));
  return url.href;
};

element("relay").value = relay;
element("where").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = String(new URLSearchParams({ relay: element("relay").value.trim() }));
});
addEventListener("hashchange", () => location.reload());
addEventListener("pagehide", () => void server?.close());
element("another").addEventListener("click", () => open(server ? here({ server: server.serverId }) : location.href, "_blank", "popup,width=760,height=860"));
element("start").addEventListener("click", start);
element("stop").addEventListener("click", () => void server?.close());
element("picture").addEventListener("change", () => {
  const [file] = element("picture").files;
  if (file) site.hang(file).catch((error) => tell(`That is no picture: ${error.message}`));
});
element("visit").addEventListener("submit", (event) => {
  event.preventDefault();
  void visit(element("server").value.trim(), element("port").value.trim());
});

if (written.has("server")) {
  element("server").value = written.get("server");
  element("port").value = written.get("port") ?? "80";
  void visit(element("server").value, element("port").value);
}

// --- serving ---

async function start() {
  element("start").disabled = true;
  try {
    server = await serve(relay, site, line);
    quiet();
  } catch (error) {
    return tell(error.message);
  } finally {
    element("start").disabled = false;
  }
  server.onlost = () => serving("bad", "away: it is tried to come back");
  server.onresume = ({ detail }) => {
    line(`back after ${Math.round(detail.away)} ms; all visitors are still connected`);
    serving("good", "serving");
  };
  server.onerror = ({ message }) => tell(message);
  server.onclose = () => {
    server = undefined;
    serving("", "not serving");
  };
  element("id").textContent = server.serverId;
  element("link").href = here({ server: server.serverId });
  element("log").replaceChildren();
  serving("good", "serving");
}

function serving(state, words) {
  element("serving").dataset.state = state;
  element("serving").textContent = words;
  element("start").hidden = !!server;
  element("served").hidden = !server;
}

function line(text) {
  element("log").prepend(Object.assign(document.createElement("li"), { textContent: text }));
  while (element("log").children.length > MOST_LINES) element("log").lastChild.remove();
}

// --- visiting ---

async function visit(id, port) {
  visitor?.leave();
  visiting("", "connecting");
  try {
    const now = (visitor = new Visitor(relay, id, port));
    now.socket.addEventListener("close", ({ reason }) => {
      if (now !== visitor) return;
      visiting("bad", "not connected");
      element("path").textContent = "";
      element("site").hidden = true;
      if (reason) tell(reason);
    });
    const view = await emptyView((path, form) => void go(now, view, path, form));
    await now.socket.opened;
    quiet();
    visiting("good", "connected");
    await go(now, view, "/");
    // A server need not have an echo.
    await now.ping().then(
      (took) => now === visitor && visiting("good", `connected, ${took.toFixed(1)} ms there and back`),
      () => {},
    );
  } catch (error) {
    visiting("bad", "not connected");
    tell(error.message);
  }
}

async function go(now, view, path, form) {
  try {
    const { status, type, body } = await (form ? now.post(path, form) : now.get(path));
    element("path").textContent = `${path} (${status})`;
    if (typeof body === "string" && type === "text/html") await view.show(body, path, (part) => now.get(part));
    else tell("That is no page");
  } catch (error) {
    if (now === visitor) tell(error.message);
  }
}

/** A new frame for each visit, so that nothing of the last one is in it. */
async function emptyView(go) {
  const frame = document.createElement("iframe");
  frame.id = "site";
  frame.title = "The site";
  // No script runs in it. It is of our origin so that this page can put something into it and hear of clicks there.
  frame.sandbox.add("allow-same-origin", "allow-forms");
  frame.srcdoc = '<!doctype html><html lang="en"><title>The site</title><body>';
  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  element("site").replaceWith(frame);
  await loaded;
  return new View(frame, go);
}

function visiting(state, words) {
  element("visiting").dataset.state = state;
  element("visiting").textContent = words;
}

function quiet() {
  element("problem").replaceChildren();
}
