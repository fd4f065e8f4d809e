// Pointers that move by themselves, to see how many fit. Each is a client of its own and knows only the channel.

import { NetworkWebSocket } from "/network-web-sockets.mjs";
import { HEIGHT, WIDTH } from "./easel.js";

/** Movements a second. */
const RATE = 15;
export const MOST_ROBOTS = 30;

export class Robots {
  /** @type {{ channel: NetworkWebSocket, timer: number }[]} */
  #robots = [];

  /** @param {string} room */
  constructor(room) {
    this.room = room;
  }

  get count() {
    return this.#robots.length;
  }

  add(count) {
    for (let added = 0; added < count && this.count < MOST_ROBOTS; added += 1) this.#robots.push(this.#start());
  }

  dismiss() {
    for (const { channel, timer } of this.#robots.splice(0)) {
      clearInterval(timer);
      channel.close();
    }
  }

  #start() {
    const channel = new NetworkWebSocket(this.room, { reconnect: true });
    const [a, b, shift, hue] = [1 + Math.random() * 2, 1 + Math.random() * 2, Math.random() * 7, Math.floor(Math.random() * 360)];
    let step = Math.random() * 1000;
    const timer = setInterval(() => {
      step += 1 / RATE;
      const x = WIDTH * (0.5 + 0.45 * Math.sin(a * step * 0.5 + shift));
      const y = HEIGHT * (0.5 + 0.43 * Math.sin(b * step * 0.5));
      if (channel.readyState === 1) channel.send({ at: [Math.round(x), Math.round(y)], colour: hue });
    }, 1000 / RATE);
    return { channel, timer };
  }
}
