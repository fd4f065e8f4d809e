// The peers of the selected channel, and who of them a message is sent to. Drawn at most once a frame.

import { oncePerFrame } from "./frame.js";
import { dotOf, hueOf, shortId } from "./identity.js";
import { plural } from "./units.js";
import { VirtualList } from "./virtual-list.js";

/** Stands for all peers, first in the list. */
const EVERYONE = "";

const element = (id) => /** @type {any} */ (document.getElementById(id));

export class PeersView {
  #channel;
  #list;
  #chosen;

  /** @param {(to: string | undefined) => void} chosen Called with a peer's id, or without one for all. */
  constructor(chosen) {
    this.#chosen = chosen;
    this.#list = new VirtualList(element("peers"), {
      key: (id) => `id:${id}`,
      create: createRow,
      fill: fillRow,
      selected: (id) => (id === undefined ? this.toAll() : chosen(id || undefined)),
    });
    this.#list.selectedKey = "id:";
    this.#draw();
  }

  /** @param {import("./channel-set.js").Channel | undefined} channel */
  select(channel) {
    this.#channel = channel;
    this.toAll();
    this.#draw();
  }

  toAll() {
    this.#list.selectedKey = "id:";
    this.#list.redraw();
    this.#chosen(undefined);
  }

  changed = oncePerFrame(() => this.#draw());

  #draw() {
    const channel = this.#channel;
    const hasPresence = channel?.kind === "network" && channel.state === "joined";
    const ids = hasPresence ? [...channel.peers.keys()] : [];
    element("peers").hidden = ids.length === 0;
    element("you").hidden = !hasPresence || !channel.id;
    if (hasPresence) element("you").replaceChildren("You are ", dotOf(channel.id), Object.assign(document.createElement("code"), { textContent: channel.id }));
    this.#list.set(ids.length ? [EVERYONE, ...ids] : []);
    const chosen = this.#list.selectedKey.slice(3);
    if (chosen && !channel?.peers.has(chosen)) this.toAll();
    element("peers-count").textContent = hasPresence ? `${plural(ids.length, "peer")} in ${channel.name}` : "";
    element("peers-empty").hidden = ids.length > 0;
    element("peers-empty").textContent = !channel
      ? "Join a channel to see who is there."
      : channel.state !== "joined"
        ? "Not in the channel now."
        : hasPresence
          ? "Nobody else is here yet. Open this page in another window, or on another machine."
          : "A raw relay has no presence: nobody knows who listens.";
  }
}

function createRow() {
  const row = document.createElement("div");
  row.className = "peer";
  row.append(dotOf(""), document.createElement("span"));
  return row;
}

function fillRow(row, id) {
  if (row.peer === id) return;
  row.peer = id;
  const [dot, name] = row.children;
  dot.hidden = id === EVERYONE;
  dot.style.setProperty("--hue", String(hueOf(id)));
  name.className = id ? "mono" : "";
  name.textContent = id || "Everyone";
  if (id) row.setAttribute("aria-label", `peer ${shortId(id)}`);
  else row.removeAttribute("aria-label");
}
