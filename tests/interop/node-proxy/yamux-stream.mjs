// One stream of a yamux session: flow control by windows, reading and writing as promises.

import { Bell } from './bell.mjs';
import { LaneGone } from './codes.mjs';

export const Type = { Data: 0, WindowUpdate: 1, Ping: 2, GoAway: 3 };
export const Flag = { Syn: 1, Ack: 2, Fin: 4, Rst: 8 };

const WINDOW = 256 * 1024; // at the start of each stream, fixed by yamux
const BODY_SENT = 16_372; // with its header a full TLS record

export class YamuxStream {
  #session;
  #chunks = [];
  #receiveWindow = WINDOW;
  #sendWindow = WINDOW;
  #readSinceUpdate = 0;
  #weEnded = false;
  #theyEnded = false;
  #gone = false; // reset by either end, or lost with the connection
  #bell = new Bell();
  isAcknowledged = false;
  /** Set for data lanes: bytes from the end that did not open it are a violation (L-19). */
  onlyOpenerSends = true;
  /** When bytes last moved, in milliseconds of `performance.now()`. */
  lastMoved = performance.now();

  constructor(session, id, isOurs) {
    this.#session = session;
    this.id = id;
    this.isOurs = isOurs;
  }

  /** The other end has finished or reset it, or it is gone: nothing more can be sent. */
  get isStopped() {
    return this.#gone || this.#theyEnded;
  }

  get isGone() {
    return this.#gone;
  }

  /** Some bytes; null when the other end has finished. Throws LaneGone. */
  async read() {
    while (this.#chunks.length === 0) {
      if (this.#gone) throw new LaneGone('reset');
      if (this.#theyEnded) return null;
      await this.change();
    }
    const chunk = this.#chunks.shift();
    this.lastMoved = performance.now();
    this.#readSinceUpdate += chunk.length;
    if (this.#readSinceUpdate >= WINDOW / 2 && !this.#theyEnded) {
      this.#session.send(Type.WindowUpdate, 0, this.id, this.#readSinceUpdate);
      this.#receiveWindow += this.#readSinceUpdate;
      this.#readSinceUpdate = 0;
    }
    this.#session.wasRead(chunk.length);
    return chunk;
  }

  /** Resolves when all of it is handed to the connection. Throws LaneGone. `urgent`: does not wait its turn. */
  async write(bytes, { urgent = false } = {}) {
    for (let at = 0; at < bytes.length; ) {
      while (this.#sendWindow === 0 && !this.#gone) await this.change();
      if (!urgent) await this.#session.turn();
      if (this.#gone || this.#weEnded) throw new LaneGone('reset');
      const size = Math.min(bytes.length - at, this.#sendWindow, BODY_SENT);
      this.#sendWindow -= size;
      this.#session.send(Type.Data, 0, this.id, size, bytes.subarray(at, at + size));
      this.lastMoved = performance.now();
      at += size;
    }
  }

  /** FIN: this end has nothing more to say. */
  end() {
    if (this.#gone || this.#weEnded) return;
    this.#weEnded = true;
    this.#session.send(Type.WindowUpdate, Flag.Fin, this.id, 0);
    this.#forgetIfDone();
  }

  /** RST: given up, or no more is wanted. */
  reset() {
    if (this.#gone || (this.#weEnded && this.#theyEnded)) return;
    this.#session.send(Type.WindowUpdate, Flag.Rst, this.id, 0);
    this.lose();
    this.#session.forget(this);
  }

  /** Resolves at the next change of any kind, or after `ms`. */
  change(ms) {
    return this.#bell.rung(ms);
  }

  // --- called by the session ---

  mayReceive(length) {
    if (length > 0 && this.isOurs && this.onlyOpenerSends) return false;
    this.#receiveWindow -= length;
    return this.#receiveWindow >= 0 && !(length > 0 && this.#theyEnded);
  }

  receive(piece) {
    if (this.#gone) return this.#session.wasRead(piece.length);
    this.#chunks.push(piece);
    this.#bell.ring();
  }

  credit(count) {
    this.#sendWindow += count;
    this.#bell.ring();
  }

  remoteEnd() {
    this.#theyEnded = true;
    this.#forgetIfDone();
    this.#bell.ring();
  }

  remoteReset() {
    this.lose();
    this.#session.forget(this);
  }

  /** What was not read is dropped. */
  lose() {
    this.#gone = true;
    const unread = this.#chunks.splice(0).reduce((sum, chunk) => sum + chunk.length, 0);
    if (unread > 0) this.#session.wasRead(unread);
    this.#bell.ring();
  }

  #forgetIfDone() {
    if (this.#weEnded && this.#theyEnded) this.#session.forget(this);
  }
}
