// Dials one address that the user gave, again and again (01 sections 4 and 5).

import tls from 'node:tls';
import { Code } from './codes.mjs';
import { HANDSHAKE_MS, alpn, clientSettings } from './tls-settings.mjs';

const SHORTEST_MS = 250;
const LONGEST_MS = 30_000;
const LONG_LIFE_MS = 10_000;
const FULL_MS = 30_000; // after Limit: there is no room, or others need it more

export class Dialer {
  #stopped = false;
  #wake = () => {};
  #socket = null;

  constructor({ host, port }, links) {
    Object.assign(this, { host, port, links });
  }

  async run() {
    let wait = SHORTEST_MS;
    let lastInstance = null;
    while (!this.#stopped) {
      let rest = 0;
      if (!lastInstance || !this.links.inUse(lastInstance)) {
        const began = performance.now();
        const link = await this.#dial();
        rest = link?.endCode === Code.Limit ? FULL_MS : 0;
        if (link?.endCode === Code.SelfDial) return; // D-12
        if (link?.peer) lastInstance = link.peer.instanceId.toString('hex');
        if (link && performance.now() - began >= LONG_LIFE_MS) wait = SHORTEST_MS;
      }
      await this.#pause(rest + wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_MS);
      if (lastInstance && this.links.inUse(lastInstance)) wait = SHORTEST_MS;
    }
  }

  stop() {
    this.#stopped = true;
    this.#socket?.destroy();
    this.#wake();
  }

  /** The link, when it has ended; null when none came to be. */
  async #dial() {
    const socket = await this.#connect();
    if (!socket) return null;
    const link = this.links.begin(socket, 'initiator', socket.remoteAddress);
    await link.run();
    return link;
  }

  #connect() {
    return new Promise((resolve) => {
      const socket = tls.connect(clientSettings(this));
      this.#socket = socket;
      const done = (result) => {
        clearTimeout(timer);
        this.#socket = null;
        if (!result) socket.destroy();
        resolve(result);
      };
      const timer = setTimeout(() => done(null), HANDSHAKE_MS);
      socket.on('error', () => done(null));
      socket.once('close', () => done(null));
      socket.once('secureConnect', () => {
        socket.setNoDelay(true);
        done(alpn.isAgreed(socket) ? socket : null); // L-3
      });
    });
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
