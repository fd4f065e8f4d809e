// Which channels this proxy holds: those that one of its clients is in.

import { Channel } from './channel.mjs';

export class Hub {
  #channels = new Map();
  links = null; // set once; it is told of channels that come and go

  channel(key) {
    return this.#channels.get(key);
  }

  channels() {
    return this.#channels.values();
  }

  /** The client is in the channel from here on. */
  join(address, client) {
    const held = this.#channels.get(address.key);
    const channel = held ?? new Channel(address);
    this.#channels.set(address.key, channel);
    channel.join(client);
    if (!held) this.links.joined(channel);
    return channel;
  }

  leave(channel, client) {
    channel.leave(client);
    if (channel.clients.size > 0 || this.#channels.get(channel.key) !== channel) return;
    this.#channels.delete(channel.key);
    for (const remote of channel.remotes.values()) remote.stop();
    this.links.left(channel);
  }
}
