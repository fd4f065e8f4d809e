// All links of this proxy: which of two links to the same proxy stays (02 section 10), and which channels are matched
// on them. The wire is in link.mjs.

import { Code } from './codes.mjs';
import { isSmaller } from './ids.mjs';
import { Link } from './link.mjs';

const MOST_LINKS = 1024;
const PROBE_MS = 1_000;
const TRIAL_MS = 5_000;
const DRAIN_MS = 5_000;

export class Links {
  #all = new Set(); // established ones
  #places = new Map(); // instance id in hex -> { use, trial, waiting, draining }

  /** `self`: what links say of this proxy; `hub`: the channels it holds. */
  constructor(self, hub) {
    this.self = self;
    this.hub = hub;
  }

  /** A connection whose TLS handshake is done becomes a link. */
  begin(socket, role, address) {
    return new Link({ socket, role, address, self: this.self, links: this });
  }

  channel(key) {
    return this.hub.channel(key);
  }

  channels() {
    return this.hub.channels();
  }

  /** The link in use to the proxy with this instance id. */
  inUse(instance) {
    return this.#places.get(instance)?.use ?? null;
  }

  // --- channels come and go at this proxy ---

  joined(channel) {
    if (channel.kind === 'local') return; // T-9
    for (const link of this.#all) link.matching.join(channel).catch((error) => link.fail(error));
  }

  left(channel) {
    if (channel.kind === 'local') return;
    for (const link of this.#all) {
      link.matching.leave(channel.key);
      link.lanes.left(channel.key);
      this.#judge(this.#placeOf(link));
    }
  }

  async closeAll(code, reason) {
    await Promise.all([...this.#all].map((link) => link.close(code, reason)));
  }

  // --- links say ---

  /** May this link be established? If not, it has been closed. I asks when it has Hello, R when it has the first Query. */
  async admit(link) {
    const place = this.#placeOf(link);
    const old = place.use;
    if (!old && this.#all.size >= MOST_LINKS) return this.#refuse(link, Code.Limit, 'too many links');
    if (!old) {
      place.use = link;
      return true;
    }
    const weDialledNew = link.role === 'initiator';
    const weDialledOld = old.role === 'initiator';
    const weAreSmaller = isSmaller(this.self.instanceId, link.peer.instanceId);
    if (weDialledNew === weDialledOld) {
      return weDialledNew ? this.#refuseDuplicate(link) : this.#probe(place, old, link);
    }
    return weDialledNew === weAreSmaller ? this.#try(place, link) : this.#refuseDuplicate(link);
  }

  onEstablished(link) {
    this.#all.add(link);
    for (const channel of this.channels()) {
      if (channel.kind !== 'local') link.matching.join(channel).catch((error) => link.fail(error));
    }
    this.#judge(this.#placeOf(link));
  }

  onMatched(link, key) {
    void link.lanes.matched(key);
    this.#judge(this.#placeOf(link));
  }

  onUnmatched(link, key) {
    link.lanes.unmatched(key);
    this.#judge(this.#placeOf(link));
  }

  onEnd(link) {
    this.#all.delete(link);
    const place = link.peer && this.#placeOf(link);
    if (!place) return;
    if (place.waiting === link) place.waiting = null;
    if (place.trial === link) place.trial = null;
    if (place.draining === link) {
      place.draining = null;
      if (!link.lanesMoved && link.endCode !== Code.Duplicate) place.use?.close(Code.Stalled, 'a hand-over was cut off'); // L-52
    }
    if (place.use === link) this.#useEnded(place);
    if (!place.use && !place.waiting) this.#places.delete(link.peer.instanceId.toString('hex'));
  }

  #placeOf(link) {
    const instance = link.peer.instanceId.toString('hex');
    if (!this.#places.has(instance)) this.#places.set(instance, { use: null, trial: null, waiting: null, draining: null });
    return this.#places.get(instance);
  }

  #useEnded(place) {
    place.use = null;
    place.draining?.close(Code.Duplicate, 'the newer link ended'); // L-53
    if (place.trial) {
      place.use = place.trial; // L-49
      place.trial = null;
      place.use.mode = 'use';
      place.use.lanes.openAll();
    }
  }

  #refuseDuplicate(link) {
    return this.#refuse(link, Code.Duplicate, 'another link stays');
  }

  #refuse(link, code, reason) {
    void link.close(code, reason);
    return false;
  }

  /** The other end dialled again: does the old link still live? */
  async #probe(place, old, link) {
    void place.waiting?.close(Code.Duplicate, 'a newer link waits');
    place.waiting = link;
    const asked = performance.now();
    old.ping();
    const hasMatched = [...this.channels()].some(({ key }) => old.matching.isMatched(key));
    while (hasMatched && place.use === old && link.isOpen) {
      if (old.heardSince(asked)) return this.#refuseDuplicate(link); // L-47
      const left = asked + PROBE_MS - performance.now();
      if (left <= 0) break;
      await Promise.race([old.change(left), link.change(left)]);
    }
    if (!link.isOpen) return false;
    if (place.use === old) void old.close(Code.Duplicate, 'a newer link stays');
    if (place.use) return this.#refuseDuplicate(link); // another one came first
    this.#places.set(link.peer.instanceId.toString('hex'), place);
    Object.assign(place, { use: link, waiting: null });
    return true;
  }

  /** New is up beside old, until it has proved that it leads to the same proxy. */
  #try(place, link) {
    if (place.trial && link.role === 'initiator') return this.#refuseDuplicate(link);
    void place.trial?.close(Code.Duplicate, 'a newer link is on trial');
    place.trial = link;
    link.mode = 'trial';
    link.toProve = [...this.channels()].map(({ key }) => key).filter((key) => place.use.matching.isMatched(key));
    link.after(TRIAL_MS, () => {
      if (place.trial === link) this.#refuseDuplicate(link); // L-49
    });
    return true;
  }

  #judge({ use, trial }) {
    if (!use || trial?.state !== 'established') return;
    const matchedOnOld = (key) => use.matching.isMatched(key);
    let toProve = trial.toProve.filter(matchedOnOld);
    if (toProve.length === 0) toProve = [...this.channels()].map(({ key }) => key).filter(matchedOnOld);
    if (toProve.every((key) => trial.matching.isMatched(key))) this.#supersede(this.#placeOf(trial));
  }

  /** The newer link takes the lanes of the older one, which drains. */
  #supersede(place) {
    const { use: old, trial: link } = place;
    Object.assign(place, { use: link, trial: null, draining: old });
    old.mode = 'draining';
    link.mode = 'use';
    old.lanes.drain();
    link.lanes.openAll(); // L-50
    void old.lanes.drained().then((moved) => {
      old.lanesMoved = moved;
      return old.close(Code.Duplicate, 'a newer link has taken over', DRAIN_MS);
    });
  }
}
