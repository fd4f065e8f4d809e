// The list of joined channels: which one is selected, how each is doing, and the way out of it.

import { KINDS, channelKey } from "./channel-kinds.js";
import { oncePerFrame } from "./frame.js";

const STATES = { joining: "joining", joined: "joined", waiting: "connecting again", left: "left" };

/** @typedef {import("./channel-set.js").Channel} Channel */

export class ChannelsView {
  /** @type {Map<Channel, { item: HTMLElement, select: HTMLElement, state: HTMLElement, count: HTMLElement }>} */
  #rows = new Map();
  /** @type {Channel | undefined} */
  #selected;

  /**
   * @param {HTMLElement} list
   * @param {() => readonly Channel[]} channels
   * @param {{ select: (channel: Channel) => void, leave: (channel: Channel) => void }} actions
   */
  constructor(list, channels, actions) {
    this.list = list;
    this.channels = channels;
    this.actions = actions;
  }

  /** @param {Channel | undefined} channel */
  select(channel) {
    this.#selected = channel;
    this.#draw();
  }

  changed = oncePerFrame(() => this.#draw());

  #draw() {
    const now = this.channels();
    for (const [channel, { item }] of this.#rows) {
      if (now.includes(channel)) continue;
      item.remove();
      this.#rows.delete(channel);
    }
    for (const channel of now) {
      const row = this.#rows.get(channel) ?? this.#create(channel);
      row.item.dataset.state = channel.state;
      row.select.setAttribute("aria-current", String(channel === this.#selected));
      setText(row.state, STATES[channel.state]);
      setText(row.count, channel.kind === "network" && channel.state === "joined" ? String(channel.peers.size) : "");
      row.count.title = `${channel.peers.size} peers`;
    }
  }

  /** @param {Channel} channel */
  #create(channel) {
    const item = document.createElement("li");
    item.dataset.kind = channel.kind;
    item.dataset.key = channelKey(channel.kind, channel.name);
    const select = Object.assign(document.createElement("button"), { type: "button", className: "channel" });
    const name = Object.assign(document.createElement("span"), { className: "name", textContent: channel.name });
    const kind = Object.assign(document.createElement("span"), { className: "kind", textContent: KINDS[channel.kind].label });
    const state = Object.assign(document.createElement("span"), { className: "state" });
    const count = Object.assign(document.createElement("span"), { className: "count" });
    select.append(name, kind, state, count);
    select.addEventListener("click", () => this.actions.select(channel));
    const leave = Object.assign(document.createElement("button"), { type: "button", className: "quiet leave", textContent: "✕" });
    leave.setAttribute("aria-label", `Leave ${KINDS[channel.kind].label} channel ${channel.name}`);
    leave.addEventListener("click", () => this.actions.leave(channel));
    item.append(select, leave);
    this.list.append(item);
    const row = { item, select, state, count };
    this.#rows.set(channel, row);
    return row;
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
