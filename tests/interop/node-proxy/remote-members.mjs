// What one other proxy says about a channel: the state table of a receiver (04 section 5). Lanes of one proxy for one
// channel are read one after the other, whatever link they come on.

import { Code, LaneGone, LinkFault, malformed } from './codes.mjs';
import { decodeData, entries } from './messages.mjs';
import { checkFits, readPayload } from './payloads.mjs';

const KEPT_MS = 5_000;
const MOST_MEMBERS = 32_768;

export class RemoteMembers {
  /** Peers of which the local clients know, in hex. */
  announced = new Set();
  #list = null; // the member list while it is incomplete; null: not in state listing
  #lanes = []; // those that wait for their turn
  #current = null;
  #kept = null; // the timer of state kept
  #lastLink = null;

  /** `instance`: the id of the other proxy, in hex. */
  constructor(channel, instance) {
    this.channel = channel;
    this.instance = instance;
  }

  /** A lane for this channel came: it is read when the one before has ended (M-18). */
  attach(lane) {
    clearTimeout(this.#kept);
    this.#kept = null;
    this.#lastLink?.lanes.notify();
    this.#lanes.push(lane);
    if (!this.#current) void this.#run();
  }

  /** A link is gone, and what came on it: unless another lane follows, so are the peers. */
  linkGone(link) {
    this.#lanes = this.#lanes.filter((lane) => lane.link !== link);
    if (this.#current?.link === link) this.#current.giveUp();
    else if (!this.#current && this.#lastLink === link) this.expire();
  }

  /** The channel is not held any more: nobody is left to be told anything. */
  stop() {
    clearTimeout(this.#kept);
    for (const lane of [this.#current, ...this.#lanes]) lane?.giveUp();
    this.#lanes = [];
    this.announced.clear();
  }

  /** Are peers here whose lane has ended, and another is awaited? */
  get isKept() {
    return this.#kept !== null;
  }

  /** State kept is over: whoever is still announced is gone. */
  expire() {
    clearTimeout(this.#kept);
    this.#kept = null;
    this.#lastLink?.lanes.notify();
    if (!this.#current) this.#everybodyGone();
  }

  async #run() {
    while ((this.#current = this.#lanes.shift() ?? null)) {
      const lane = this.#current;
      this.#lastLink = lane.link;
      const finished = await this.#read(lane);
      lane.end();
      if (!finished) this.#everybodyGone();
      else if (this.#lanes.length === 0 && this.announced.size > 0) this.#keep(lane);
    }
  }

  /** M-21 */
  #keep(lane) {
    this.#kept = setTimeout(() => this.expire(), KEPT_MS);
    lane.link.lanes.keeps(this);
  }

  /** Reads a lane to its end: true when it was finished, false when it was given up. */
  async #read(lane) {
    this.#list = new Set();
    try {
      for (;;) {
        const frame = await lane.next();
        if (frame === null) return true;
        this.#apply(lane, decodeData(frame));
        await this.channel.roomAtClients(); // M-30
      }
    } catch (error) {
      if (!(error instanceof LaneGone)) lane.link.fail(error);
      return false;
    } finally {
      if (this.#list) for (const peer of this.#list) if (!this.announced.has(peer)) this.channel.release(peer);
      this.#list = null;
    }
  }

  #apply(lane, message) {
    if (message.kind === 'members') return this.#onMembers(message);
    if (message.kind === 'open') throw malformed('a second Open');
    if (this.#list) throw malformed(`${message.kind} before the member list is complete`);
    checkFits(this.channel.kind, message);
    switch (message.kind) {
      case 'join':
        return this.#onJoin(message.peerId.toString('hex'));
      case 'part':
        return this.#onPart(message.peerId.toString('hex'));
      case 'broadcast':
        this.checkSource(message);
        return this.channel.tellBroadcast(message.source, readPayload(this.channel.kind, message));
      case 'direct':
        this.checkSource(message);
        return this.channel.tellMessage(this.instance, message, readPayload(this.channel.kind, message));
      default:
        return this.channel.tellUndeliverable(message);
    }
  }

  #onMembers({ peerIds, more }) {
    if (!this.#list) throw malformed('Members when the list is complete'); // M-8
    for (const id of entries(peerIds, 16)) {
      const peer = id.toString('hex');
      if (this.#list.has(peer)) throw malformed('a peer is listed twice');
      this.channel.claim(peer, this);
      this.#list.add(peer);
    }
    if (this.#list.size > MOST_MEMBERS) throw new LinkFault(Code.Limit, 'too many peers behind one proxy');
    if (more) return;
    const list = this.#list;
    this.#list = null;
    for (const peer of [...this.announced]) if (!list.has(peer)) this.#gone(peer); // M-24: first who is not in it
    for (const peer of list) if (!this.announced.has(peer)) this.#came(peer);
  }

  #onJoin(peer) {
    if (this.announced.has(peer)) throw malformed('a peer joins that is there'); // M-9
    this.channel.claim(peer, this);
    this.#came(peer);
    if (this.announced.size > MOST_MEMBERS) throw new LinkFault(Code.Limit, 'too many peers behind one proxy');
  }

  #onPart(peer) {
    if (!this.announced.has(peer)) throw malformed('a peer parts that is not there'); // M-10
    this.#gone(peer);
  }

  /** M-10: it speaks for peers that it announced. */
  checkSource({ source }) {
    if (!this.announced.has(source.toString('hex'))) throw malformed('a source that is not there');
  }

  #came(peer) {
    this.announced.add(peer);
    this.channel.tellConnect(peer);
  }

  /** M-22: once, and nothing of it follows. */
  #gone(peer) {
    this.announced.delete(peer);
    this.channel.release(peer);
    this.channel.tellDisconnect(peer);
  }

  #everybodyGone() {
    for (const peer of [...this.announced]) this.#gone(peer);
  }
}
