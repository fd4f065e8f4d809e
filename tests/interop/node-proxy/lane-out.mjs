// A data lane that this end opened: for one channel, to one other proxy (04 sections 3 and 4).

import { encodeFrame } from './frames.mjs';
import { encodeData } from './messages.mjs';
import { Outbox } from './outbox.mjs';

const MOST_IN_FRAME = 2048;

export class LaneOut {
  #outbox;
  #began = performance.now();
  #endRest = null; // (opens): before the lane is opened

  /**
   * Opens the lane, after `restMs`: Open, all clients that are in the channel now, and what happens after that.
   * `onStopped()`: the receiver wants no more.
   */
  constructor(link, channel, { onStopped, restMs = 0 }) {
    this.link = link;
    this.channel = channel;
    this.#outbox = new Outbox(restMs > 0 ? this.#rest(restMs) : link.openLane(), { onChange: () => channel.wake() });
    this.send('open', { channelId: link.matching.channelId(channel.key) }); // M-6
    this.sayMembers([...channel.clients.values()].map((client) => client.id));
    void this.#watch(onStopped);
  }

  /** M-7: the list in full, all frames but the last with `more`. */
  sayMembers(ids) {
    for (let at = 0; at === 0 || at < ids.length; at += MOST_IN_FRAME) {
      const more = at + MOST_IN_FRAME < ids.length;
      this.send('members', { peerIds: Buffer.concat(ids.slice(at, at + MOST_IN_FRAME)), more });
    }
  }

  /** Puts a message on the lane. False when it is larger than the receiver takes (M-35). */
  send(kind, fields) {
    const message = encodeData(kind, fields);
    if (message.length > this.link.peer.maxFrameBytes) return false;
    this.#outbox.push(encodeFrame(message));
    return true;
  }

  /** What waits to be written. */
  get bytes() {
    return this.#outbox.bytes;
  }

  /** When it last got on: of interest while `bytes` is not 0. */
  get lastMoved() {
    return Math.max(this.#began, this.#outbox.stream?.lastMoved ?? 0);
  }

  /** Is it still to be opened? */
  get isResting() {
    return this.#endRest !== null;
  }

  /** Nothing more comes; what waits is written first. */
  finish() {
    this.#endRest?.(true);
    this.#outbox.finish();
  }

  reset() {
    this.#endRest?.(false);
    this.#outbox.reset();
  }

  /** Everything is written, and the receiver has read it to the end; or the lane is gone. */
  async ended() {
    await this.#outbox.done;
    const { stream } = this.#outbox;
    while (stream && !stream.isStopped) await stream.change();
  }

  async #rest(ms) {
    const opens = await new Promise((resolve) => {
      this.#endRest = resolve;
      this.link.after(ms, () => resolve(true));
    });
    this.#endRest = null;
    return opens ? this.link.openLane() : null;
  }

  async #watch(onStopped) {
    const stream = await this.#outbox.opened;
    while (stream && !stream.isGone) await stream.change(); // a FIN before our own does not stop the lane (L-21)
    if (this.#outbox.isFinished) return;
    this.reset();
    onStopped();
  }
}
