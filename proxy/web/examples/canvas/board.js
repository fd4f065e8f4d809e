// A canvas that all share: where everybody's pointer is, and all lines that were drawn. Each page has the whole picture;
// whoever comes later gets it from one who has it.

import { NetworkWebSocket } from "/network-web-sockets.mjs";

/** Lines in a message when a picture is handed on, and lines that a picture has at most. */
const LINES_AT_ONCE = 400;
const MOST_LINES = 20_000;

export class Board extends EventTarget {
  /** @type {Map<string, { id: string, colour: string, points: number[] }>} */
  lines = new Map();
  /** Where the others are, by the ids of their peers. */
  pointers = new Map();
  /** Grows whenever somebody clears the canvas: lines of an earlier time are gone for all. */
  #age = 0;
  #author = crypto.randomUUID().slice(0, 8);
  #count = 0;
  #asked = false;

  constructor(room) {
    super();
    this.channel = new NetworkWebSocket(room, { reconnect: true });
    this.channel.onconnect = ({ detail: { target: peer } }) => {
      peer.onopen = () => this.#compare(peer);
      peer.onmessage = ({ data }) => this.#talk(peer, data ?? {});
    };
    this.channel.ondisconnect = ({ detail: { target: peer } }) => {
      this.pointers.delete(peer.id);
      this.#asked = false;
    };
    this.channel.onmessage = ({ data, senderId }) => {
      if (Array.isArray(data?.at)) this.pointers.set(senderId, data);
      if (data?.line) this.#add(data.age, [data.line]);
      if (data?.clear) this.#clear(data.age);
    };
  }

  /** Tells all where this page's pointer is, and what it drew since the last time. Once a frame is often enough. */
  move(at, colour, points) {
    const line = points && { id: `${this.#author}-${this.#count++}`, colour, points };
    if (line) this.#add(this.#age, [line]);
    if (this.channel.readyState === 1) this.channel.send({ at, colour, line, age: this.#age });
  }

  clear() {
    this.#clear(this.#age + 1);
    if (this.channel.readyState === 1) this.channel.send({ clear: true, age: this.#age });
  }

  // Two who meet compare what they have; who has less asks the other for its picture, alone.
  #compare(peer) {
    if (peer.readyState === 1) peer.send({ have: this.lines.size, age: this.#age });
  }

  #talk(peer, { have, age, ask, lines, last }) {
    if (have !== undefined && !this.#asked && (age > this.#age || (age === this.#age && have > this.lines.size))) {
      this.#asked = true;
      peer.send({ ask: true });
    }
    if (ask) {
      const all = [...this.lines.values()];
      for (let at = 0; at === 0 || at < all.length; at += LINES_AT_ONCE) {
        const part = all.slice(at, at + LINES_AT_ONCE);
        peer.send({ lines: part, age: this.#age, last: at + part.length >= all.length });
      }
    }
    if (Array.isArray(lines)) this.#add(age, lines);
    if (last) {
      this.#asked = false;
      this.#compare(peer);
    }
  }

  #add(age, lines) {
    if (age > this.#age) this.#clear(age);
    if (age !== this.#age) return;
    for (const line of lines) {
      if (!Array.isArray(line?.points) || this.lines.has(line.id)) continue;
      // When it is full the oldest line goes.
      if (this.lines.size >= MOST_LINES) this.lines.delete(this.lines.keys().next().value);
      this.lines.set(line.id, line);
      this.dispatchEvent(new CustomEvent("line", { detail: line }));
    }
  }

  #clear(age) {
    if (!(age > this.#age)) return;
    this.#age = age;
    this.lines.clear();
    this.dispatchEvent(new CustomEvent("clear"));
  }
}
