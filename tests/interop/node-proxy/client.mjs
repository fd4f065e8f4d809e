// A client: one WebSocket in one channel. JSON for `network` channels, as it is for raw relays (05 sections 4 to 8).

import { idToText, newId } from './ids.mjs';
import { readClientMessage, tell } from './client-json.mjs';
import { MOST_QUEUED } from './channel.mjs';
import { Format } from './payloads.mjs';

const LEAST_RATE = 64 * 1024; // bytes a second of a client that holds up others
const STALL_MS = 2_000;
const CLOSE_MS = 5_000;

/** What both kinds have: an id, a socket, a queue that is counted, and holding back. */
class Client {
  id = newId(); // T-4
  queued = 0;
  #written = 0;
  #closing = false;

  constructor(socket, hub, address) {
    this.socket = socket;
    this.text = idToText(this.id);
    this.hub = hub;
    this.channel = hub.join(address, this);
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('close', () => this.leave());
    socket.on('error', () => this.leave()); // ws closes with the right code
    this.#watchPace();
  }

  leave() {
    if (this.#closing) return;
    this.#closing = true;
    this.hub.leave(this.channel, this);
  }

  /** The client is out of its channel, and told why. */
  close(code, reason) {
    this.leave();
    this.socket.close(code, reason);
    setTimeout(() => this.socket.terminate(), CLOSE_MS).unref();
  }

  write(data, options) {
    if (this.#closing) return;
    const size = Buffer.byteLength(data);
    this.queued += size;
    this.socket.send(data, options, () => {
      this.queued -= size;
      this.#written += size;
      this.channel.wake();
    });
  }

  /** C-35: while the channel has no room, nothing more is read of this client. */
  async #onMessage(data, isBinary) {
    if (this.#closing) return;
    this.said(data, isBinary);
    if (this.channel.hasRoom) return;
    this.socket.pause();
    await this.channel.room();
    this.socket.resume();
  }

  /** C-37: too slow is who takes less than the least rate while others are held up. */
  async #watchPace() {
    while (!this.#closing) {
      const before = this.#written;
      const held = () => this.queued >= MOST_QUEUED && this.channel.holdsSenders;
      const wasHeld = held();
      await new Promise((resolve) => setTimeout(resolve, wasHeld ? STALL_MS : 250).unref());
      const tooSlow = this.#written - before < (LEAST_RATE * STALL_MS) / 1000;
      if (wasHeld && held() && tooSlow) this.close(1013, 'slow consumer');
    }
  }
}

/** A client of a `network` channel. */
export class JsonClient extends Client {
  connect(peer) {
    this.write(tell.connect(this.text, idToText(peer)));
  }

  disconnect(peer) {
    this.write(tell.disconnect(this.text, idToText(peer)));
  }

  broadcast(source, payload) {
    this.write(tell.broadcast(idToText(source), payload));
  }

  message(source, payload) {
    this.write(tell.message(idToText(source), this.text, payload));
  }

  unknownTarget(target) {
    this.write(tell.error('unknown_target', 'no peer with this id is in the channel', target));
  }

  said(data, isBinary) {
    if (isBinary) return this.write(tell.error('text_only', 'messages of this channel are text'));
    const message = readClientMessage(data.toString());
    if (message.error) return this.write(tell.error(message.error, 'this message is not understood'));
    if (message.action === 'status') return this.write(tell.status(this.text));
    if (message.action === 'message') return this.#direct(message);
    const fits = this.channel.broadcast(this, Format.Json, message.data);
    return fits || this.write(tell.error('too_large', 'some peers do not take messages of this size'));
  }

  #direct({ target, data }) {
    const outcome = this.channel.direct(this, target, data);
    if (outcome === 'unknown') this.unknownTarget(target);
    if (outcome === 'too large') this.write(tell.error('too_large', 'this peer does not take messages of this size', target));
  }
}

/** A client of a raw relay: nothing but what the others said (C-29). */
export class RelayClient extends Client {
  connect() {}

  disconnect() {}

  broadcast(source, payload) {
    this.write(payload, { binary: typeof payload !== 'string' });
  }

  said(data, isBinary) {
    const fits = this.channel.broadcast(this, isBinary ? Format.Binary : Format.Text, isBinary ? data : data.toString());
    if (!fits) this.close(1009, 'some peers do not take messages of this size');
  }
}
