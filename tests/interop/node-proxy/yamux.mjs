// yamux: many streams on one connection (02 section 5, and yamux's own specification). Knows nothing of lanes.

import { Bell } from './bell.mjs';
import { Flag, Type, YamuxStream } from './yamux-stream.mjs';

const HEADER = 12;
const MOST_BODY = 1024 * 1024;
const MOST_UNACKNOWLEDGED = 256;
const MOST_OPEN = 4096;
const MOST_STREAMS = 12_288;
const MOST_UNREAD = 64 * 1024 * 1024;
const MOST_UNSENT = 4 * 1024 * 1024;

export class YamuxSession {
  #socket;
  #streams = new Map();
  #arrived = []; // streams that the other end opened and nobody has taken
  #nextId;
  #parity;
  #opened = 0;
  #unacknowledged = 0;
  #unread = 0;
  #buffer = Buffer.alloc(0);
  #body = null; // the Data frame whose body is coming: { stream, missing }
  #bell = new Bell();
  #ended = false;

  /** `socket`: a TLS socket after its handshake. `onBytes()`: called when something came on any stream. */
  constructor(socket, { isClient, onBytes }) {
    this.#socket = socket;
    this.#nextId = isClient ? 1 : 2;
    this.#parity = isClient ? 0 : 1; // of the ids of the other end
    this.onBytes = onBytes;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    this.closed.then(() => this.#lose());
    socket.on('error', () => {}); // 'close' follows
    socket.on('drain', () => this.#flow());
    socket.on('data', (chunk) => this.#receive(chunk));
  }

  get ended() {
    return this.#ended;
  }

  /** A new stream of this end; waits while too many are open or unacknowledged. null when the connection is gone. */
  async open() {
    while (!this.#ended && (this.#unacknowledged >= MOST_UNACKNOWLEDGED || this.#opened >= MOST_OPEN)) await this.#bell.rung();
    if (this.#ended) return null;
    const stream = this.#add(this.#nextId, true);
    this.#nextId += 2;
    this.#opened += 1;
    this.#unacknowledged += 1;
    this.send(Type.WindowUpdate, Flag.Syn, stream.id, 0);
    return stream;
  }

  /** The next stream that the other end opened, acknowledged by taking it (L-20); null when the connection is gone. */
  async accept() {
    while (!this.#ended && this.#arrived.length === 0) await this.#bell.rung();
    const stream = this.#arrived.shift();
    if (!stream) return null;
    this.send(Type.WindowUpdate, Flag.Ack, stream.id, 0);
    return stream;
  }

  /** Says that it ends, closes, and reads on until the other end has closed too, at most `ms`. */
  async finish(ms) {
    this.send(Type.GoAway, 0, 0, 0);
    this.#socket.end();
    this.#socket.resume();
    const timer = setTimeout(() => this.destroy(), ms);
    await this.closed;
    clearTimeout(timer);
  }

  destroy() {
    this.#socket.destroy();
    this.#lose();
  }

  /** One frame; `length` is that of the body, or the number that the frame carries. */
  send(type, flags, id, length, body) {
    if (this.#ended || !this.#socket.writable) return;
    const header = Buffer.alloc(HEADER);
    header[1] = type;
    header.writeUInt16BE(flags, 2);
    header.writeUInt32BE(id, 4);
    header.writeUInt32BE(length, 8);
    this.#socket.write(body ? Buffer.concat([header, body]) : header);
  }

  /** Resolves when the socket takes more, so that streams share it fairly. */
  async turn() {
    while (!this.#ended && this.#socket.writableNeedDrain) await this.#bell.rung();
  }

  /** Called by a stream: bytes of it were read. */
  wasRead(count) {
    this.#unread -= count;
    this.#flow();
  }

  /** Called by a stream: both its halves have ended. */
  forget(stream) {
    if (!this.#streams.delete(stream.id)) return;
    if (stream.isOurs) this.#opened -= 1;
    this.acknowledged(stream);
    this.#flow();
  }

  /** Called for a stream of this end when the other has taken it. */
  acknowledged(stream) {
    if (!stream.isOurs || stream.isAcknowledged) return;
    stream.isAcknowledged = true;
    this.#unacknowledged -= 1;
    this.#flow();
  }

  #add(id, isOurs) {
    const stream = new YamuxStream(this, id, isOurs);
    this.#streams.set(id, stream);
    return stream;
  }

  /** Something changed: whoever waits looks again, and the socket is read only while there is room. */
  #flow() {
    this.#bell.ring();
    if (this.#unread > MOST_UNREAD || this.#socket.writableLength > MOST_UNSENT) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #lose() {
    if (this.#ended) return;
    this.#ended = true;
    for (const stream of this.#streams.values()) stream.lose();
    this.#streams.clear();
    this.#flow();
  }

  /** The other end broke yamux: GoAway with code 1, and no more. */
  #violation() {
    this.send(Type.GoAway, 0, 0, 1);
    this.#socket.end();
    this.destroy();
  }

  #receive(chunk) {
    this.#buffer = this.#buffer.length ? Buffer.concat([this.#buffer, chunk]) : chunk;
    while (!this.#ended && (this.#body ? this.#receiveBody() : this.#receiveHeader()));
    this.#flow();
  }

  #receiveBody() {
    if (this.#buffer.length === 0) return false;
    const piece = this.#buffer.subarray(0, this.#body.missing);
    this.#buffer = this.#buffer.subarray(piece.length);
    this.#body.missing -= piece.length;
    if (this.#body.stream) {
      this.#unread += piece.length;
      this.onBytes();
      this.#body.stream.receive(piece);
    }
    if (this.#body.missing === 0) {
      if (this.#body.fin) this.#body.stream?.remoteEnd();
      this.#body = null;
    }
    return true;
  }

  #receiveHeader() {
    if (this.#buffer.length < HEADER) return false;
    const [version, type] = this.#buffer;
    const flags = this.#buffer.readUInt16BE(2);
    const id = this.#buffer.readUInt32BE(4);
    const length = this.#buffer.readUInt32BE(8);
    this.#buffer = this.#buffer.subarray(HEADER);
    if (version !== 0 || type > Type.GoAway) this.#violation();
    else if (type === Type.Ping) {
      if (flags & Flag.Syn) this.send(Type.Ping, Flag.Ack, 0, length); // L-23
    } else if (type !== Type.GoAway) this.#streamFrame(type, flags, id, length);
    return true;
  }

  #streamFrame(type, flags, id, length) {
    if (flags & Flag.Syn && !this.#opensWell(id)) return this.#violation();
    const stream = this.#streams.get(id); // none: it was reset here a moment ago
    if (stream && flags & Flag.Ack) this.acknowledged(stream);
    if (type === Type.WindowUpdate) stream?.credit(length);
    else if (length > MOST_BODY || (stream && !stream.mayReceive(length))) return this.#violation();
    else if (length > 0) this.#body = { stream, missing: length, fin: flags & Flag.Fin };
    if (flags & Flag.Rst) {
      stream?.remoteReset();
      if (this.#body) this.#body.stream = undefined;
    } else if (flags & Flag.Fin && !this.#body) stream?.remoteEnd();
  }

  #opensWell(id) {
    if (id === 0 || id % 2 !== this.#parity || this.#streams.has(id) || this.#streams.size >= MOST_STREAMS) return false;
    this.#arrived.push(this.#add(id, false));
    return true;
  }
}
