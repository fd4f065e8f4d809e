// The page of the tree: where the server is, joining until it succeeds, the picture, and what is said.

import { tell } from "../shared/room.js";
import { draw, size } from "./picture.js";
import { TreeNode } from "./tree.js";

/** Milliseconds until it is tried again to join. */
const AGAIN = 2000;

const element = (id) => /** @type {any} */ (document.getElementById(id));

const server = decodeURIComponent(location.hash.slice(1)) || "ws://localhost:5000";
element("server").value = server;
element("where").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = encodeURIComponent(element("server").value.trim());
});
addEventListener("hashchange", () => location.reload());
element("another").addEventListener("click", () => open(location.href, "_blank", "popup,width=760,height=820"));

const node = begin();
if (node) {
  node.addEventListener("change", ({ detail: error }) => {
    if (error) tell(error.message);
    show();
  });
  node.addEventListener("say", ({ detail: { from, text } }) => heard(from, text));
  element("root").addEventListener("submit", lead);
  element("speak").addEventListener("submit", (event) => {
    event.preventDefault();
    node.say(element("text").value);
    element("text").value = "";
  });
  addEventListener("pagehide", () => node.leave());
  show();
  void stay();
}

function begin() {
  const { protocol, host, pathname } = URL.canParse(server)
    ? new URL(server)
    : { protocol: "", host: "", pathname: "" };
  try {
    if (!/^wss?:$/.test(protocol))
      throw new Error("The server’s address begins with ws:// or wss://, such as ws://localhost:5000");
    return new TreeNode(host + pathname.replace(/\/$/, ""), protocol === "wss:");
  } catch (error) {
    tell(error.message);
    return undefined;
  }
}

/** Joins, and joins again whenever there is no parent, unless this page is the root. */
async function stay() {
  for (;;) {
    if (!node.root && !node.parent) {
      await node.join().then(
        () => quiet(),
        (error) => node.root || tell(advice(error)),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

async function lead(event) {
  event.preventDefault();
  try {
    await node.lead(element("secret").value);
    quiet();
  } catch (error) {
    tell(error.message);
  }
}

function advice({ code, message }) {
  if (code === "unreachable")
    return `No bootstrap server answers at ${server}. Start one: nws bootstrap --secret a-long-secret-of-yours`;
  if (code === "undelivered" || code === "timeout")
    return "The server is there, but nobody is the root yet. Give the server’s secret below, and be it.";
  return message;
}

function show() {
  const count = size(node.whole);
  const joined = node.root || node.parent;
  element("state").dataset.state = joined ? "good" : "bad";
  element("state").textContent = node.root ? "the root" : node.parent ? "in the tree" : "joining";
  element("count").textContent = count === 1 ? "This page alone" : `${count} pages`;
  element("root").hidden = !!joined;
  draw(element("picture"), node.whole, node.id);
}

function heard(from, text) {
  const line = document.createElement("li");
  line.append(
    Object.assign(document.createElement("code"), { textContent: from === node.id ? "you" : String(from) }),
    ` ${text}`,
  );
  element("said").prepend(line);
  while (element("said").children.length > 50) element("said").lastChild.remove();
}

function quiet() {
  element("problem").replaceChildren();
}
