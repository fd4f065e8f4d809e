// All data lanes of one link: which are opened, when, and what becomes of those that come (04 section 4).

import { Bell } from './bell.mjs';
import { Code, LaneGone } from './codes.mjs';
import { LaneIn } from './lane-in.mjs';
import { LaneOut } from './lane-out.mjs';

const OPEN_MS = 1_000; // for Open to come on a lane
const HELD_MS = 1_000; // for a lane that is not matched yet
const HELD_ON_TRIAL_MS = 5_000;
const MOST_HELD = 64;
const MORE_THAN_MATCHED = 64;
const REOPEN_MS = 1_000; // after the receiver stopped a lane
const STOPPED_MS = 5_000; // M-23: how long it counts that a lane was stopped,
const THEIR_LANE_MS = 1_000; // and how long another one is waited for
const UNMATCHED_MS = 5_000; // until the own lane of a channel that the other end left is ended, and its lane when it is quiet
const STALL_MS = 60_000;
const DRAIN_MS = 5_000;
const MOST_KEPT = 256;

export class LinkLanes {
  #out = new Map(); // key -> LaneOut: the newest of each channel on this link
  #finishing = new Set(); // older ones, being written to their end
  #attached = new Map(); // LaneIn -> key
  #held = 0;
  #stopped = new Map(); // keys whose lane from the other end was stopped here, because the channel was left -> when
  #leftThere = new Map(); // keys of channels that the other end left a moment ago -> its word of that
  #kept = new Set(); // RemoteMembers in state kept after a lane of this link
  #drainsSince = 0;
  #bell = new Bell();

  constructor(link) {
    this.link = link;
    this.instance = link.peer.instanceId.toString('hex');
  }

  /** Takes the lanes of the other end, one after the other. */
  async run() {
    this.#watchStalls();
    for (;;) {
      while (this.link.isOpen && !this.#hasRoom()) await this.#bell.rung();
      const stream = await this.link.acceptLane();
      if (!stream || !this.link.isOpen) return;
      const lane = new LaneIn(this.link, stream);
      const slow = setTimeout(() => lane.giveUp(), OPEN_MS);
      try {
        void this.#place(lane, await lane.readOpen());
      } catch (error) {
        if (error instanceof LaneGone) lane.giveUp();
        else this.link.fail(error);
      } finally {
        clearTimeout(slow);
      }
    }
  }

  // --- matching says ---

  /** Matched at this end: the own lane is opened (M-14), with one exception (M-23). */
  async matched(key) {
    this.#leftThere.delete(key);
    this.notify();
    if (this.link.mode !== 'use') return;
    if (this.#stopped.has(key)) await this.#theirLane(key);
    this.open(key);
  }

  /** The other end left the channel. It often comes back at once, and what it said may be under way: nothing is stopped yet. */
  unmatched(key) {
    if (this.#out.get(key)?.isResting) { // M-15
      this.#out.get(key).reset();
      this.#forget(key);
    }
    const word = {};
    this.#leftThere.set(key, word);
    this.notify();
    this.link.after(UNMATCHED_MS, () => {
      if (this.#leftThere.get(key) !== word) return; // it came back
      this.#leftThere.delete(key);
      this.#out.get(key)?.reset();
      this.#forget(key);
      for (const [lane, of] of this.#attached) if (of === key) void lane.giveUpWhenQuiet(UNMATCHED_MS);
    });
  }

  /** This end left the channel; its clients have been parted, and `channel.stop` ended the lanes of the other end. */
  left(key) {
    this.#leftThere.delete(key);
    this.#out.get(key)?.finish();
    this.#forget(key);
    for (const of of this.#attached.values()) if (of === key) this.#stopped.set(key, performance.now());
  }

  /** Opens the own lane for a channel, after `restMs`, and finishes the one before it, on whatever link (M-19). */
  open(key, restMs = 0) {
    const channel = this.link.links.channel(key);
    if (!channel || !this.link.isOpen || this.link.mode !== 'use' || !this.link.matching.isMatched(key)) return;
    channel.lanes.get(this.instance)?.finish();
    if (this.#out.has(key)) this.#finishing.add(this.#out.get(key));
    const lane = new LaneOut(this.link, channel, { restMs, onStopped: () => this.#onStopped(key, lane) });
    this.#out.set(key, lane);
    channel.lanes.set(this.instance, lane);
    void lane.ended().then(() => {
      this.#finishing.delete(lane);
      this.notify();
    });
  }

  /** The link came into use: lanes for all that is matched. */
  openAll() {
    for (const { key } of this.link.links.channels()) this.open(key);
    this.notify();
  }

  /** A newer link takes over: true when all lanes of both ends have ended; gives up on lanes that do not move. */
  async drained() {
    while (this.link.isOpen) {
      const lanes = [...this.#out.values(), ...this.#finishing, ...this.#attached.keys()];
      // Who is kept for a lane on the newer link is gone if this one ends before it comes: they are two connections.
      const isAwaited = [...this.#kept].some((remote) => remote.isKept);
      if (lanes.length === 0 && !isAwaited) return true;
      const moved = Math.max(this.#drainsSince, ...lanes.map((lane) => lane.lastMoved));
      const left = moved + DRAIN_MS - performance.now();
      if (left <= 0) return lanes.length === 0;
      await this.#bell.rung(left);
    }
    return false;
  }

  /** From now on no lane is opened here. */
  drain() {
    this.#drainsSince = performance.now();
    for (const [key, lane] of this.#out) {
      void lane.ended().then(() => {
        if (this.#out.get(key) === lane) this.#out.delete(key);
        this.notify();
      });
    }
  }

  /** The link is gone, and all of its lanes. */
  end() {
    for (const [key, lane] of this.#out) {
      lane.reset();
      this.#detach(key, lane);
    }
    for (const channel of this.link.links.channels()) channel.remotes.get(this.instance)?.linkGone(this.link);
    this.notify();
  }

  /** At most 256 finished lanes have their peers kept: those of the oldest are gone then. */
  keeps(remote) {
    this.#kept.delete(remote);
    this.#kept.add(remote);
    if (this.#kept.size <= MOST_KEPT) return;
    const [oldest] = this.#kept;
    this.#kept.delete(oldest);
    oldest.expire();
  }

  notify() {
    this.#bell.ring();
  }

  #hasRoom() {
    const matched = [...this.link.links.channels()].filter(({ key }) => this.link.matching.isMatched(key)).length;
    return this.#held < MOST_HELD && this.#attached.size < matched + MORE_THAN_MATCHED;
  }

  /** A lane with its Open: attached when its channel is matched, held for a while when it is not yet (M-16). */
  async #place(lane, channelId) {
    const key = await this.#matchedKey(channelId);
    if (key === undefined) return lane.giveUp();
    this.#attached.set(lane, key);
    this.#stopped.delete(key);
    this.notify();
    this.link.links.channel(key).remote(this.instance).attach(lane);
    await lane.done;
    this.#attached.delete(lane);
    return this.notify();
  }

  async #matchedKey(channelId) {
    const onTrial = this.link.mode === 'trial';
    const deadline = performance.now() + (onTrial ? HELD_ON_TRIAL_MS : HELD_MS);
    this.#held += 1;
    try {
      while (this.link.isOpen && performance.now() < deadline) {
        const key = this.link.matching.channelOfId(channelId);
        if (key && this.link.matching.isMatched(key) && this.link.mode !== 'trial') return key;
        await this.#bell.rung(deadline - performance.now());
      }
      return undefined;
    } finally {
      this.#held -= 1;
    }
  }

  /** M-23: until a lane of the other end has come, at most a second. */
  async #theirLane(key) {
    if (performance.now() - this.#stopped.get(key) > STOPPED_MS) this.#stopped.delete(key);
    const deadline = performance.now() + THEIR_LANE_MS;
    while (this.link.isOpen && this.#stopped.has(key) && performance.now() < deadline) {
      await this.#bell.rung(deadline - performance.now());
    }
    this.#stopped.delete(key);
  }

  /** M-17: another one, with the list of this moment: who is announced to it meanwhile is spoken to. */
  #onStopped(key, lane) {
    const isCurrent = this.#out.get(key) === lane;
    this.#detach(key, lane);
    this.notify();
    if (isCurrent) this.open(key, REOPEN_MS);
  }

  #forget(key) {
    const lane = this.#out.get(key);
    if (!lane) return;
    this.#finishing.add(lane);
    this.#detach(key, lane);
  }

  #detach(key, lane) {
    if (this.#out.get(key) === lane) this.#out.delete(key);
    if (lane.channel.lanes.get(this.instance) === lane) lane.channel.lanes.delete(this.instance);
    lane.channel.wake();
  }

  /** M-34: a lane that has something to send and makes no progress costs its link. */
  #watchStalls() {
    const now = performance.now();
    for (const lane of [...this.#out.values(), ...this.#finishing]) {
      if (lane.bytes > 0 && now - lane.lastMoved > STALL_MS) {
        lane.reset();
        return void this.link.close(Code.Stalled, 'a lane made no progress');
      }
    }
    return void this.link.after(1_000, () => this.#watchStalls());
  }
}
