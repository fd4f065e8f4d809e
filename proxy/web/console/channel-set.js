// The channels that are joined, in the order in which they were. Remembered for a reload of this window and no longer:
// a channel's name is a secret.

import { channelKey } from "./channel-kinds.js";
import { NetworkChannel } from "./network-channel.js";
import { RawChannel } from "./raw-channel.js";

/**
 * @typedef {NetworkChannel | RawChannel} Channel
 * @typedef {"joined" | "lost" | "waiting" | "left" | "peers" | "id"} Change
 * @typedef {{
 *   direction: "in" | "out" | "came" | "left" | "error",
 *   from?: string, to?: string, data?: unknown, raw?: string, binary?: boolean, note?: string,
 * }} Traffic
 * @typedef {{
 *   traffic: (channel: Channel, what: Traffic) => void,
 *   changed: (channel: Channel, change: Change) => void,
 * }} ChannelHost
 */

const KEY = "nws-console-channels";

export class ChannelSet {
  /** @type {Map<string, Channel>} */
  #channels = new Map();
  #host;

  /** @param {ChannelHost} host */
  constructor(host) {
    this.#host = host;
  }

  get all() {
    return [...this.#channels.values()];
  }

  /** @param {string} key */
  get(key) {
    return this.#channels.get(key);
  }

  /**
   * The channel of that name, joined now if it was not.
   *
   * @param {import("./channel-kinds.js").Kind} kind
   * @param {string} name
   * @throws {DOMException} for a name that is not allowed.
   */
  join(kind, name) {
    const key = channelKey(kind, name);
    const known = this.#channels.get(key);
    if (known) return known;
    const channel = kind === "network" ? new NetworkChannel(name, this.#host) : new RawChannel(kind, name, this.#host);
    this.#channels.set(key, channel);
    this.#remember();
    return channel;
  }

  /** @param {Channel} channel */
  leave(channel) {
    this.#channels.delete(channelKey(channel.kind, channel.name));
    this.#remember();
    channel.leave();
  }

  /** Joins again what was joined before this window was reloaded. */
  restore() {
    try {
      for (const [kind, name] of JSON.parse(sessionStorage.getItem(KEY) ?? "[]")) this.join(kind, name);
    } catch {
      // Somebody else's words under our key, or no storage: start with nothing.
    }
  }

  #remember() {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.all.map(({ kind, name }) => [kind, name])));
    } catch {
      // Then a reload starts with nothing.
    }
  }
}
