// Private matching at the end that was dialled (03 section 9). Opens no socket and reads no clock, as the other one.

import { Code, LinkFault, malformed } from '../codes.mjs';
import { channelInput, channelSecrets, dummyInput } from '../derive.mjs';
import { entries } from '../messages.mjs';
import { elements, evaluateInput } from '../voprf.mjs';
import { FIRST_LIST, LATER_LIST, MOST_ENTRIES, checkSize, lists } from './padding.mjs';
import { Remembered } from './remembered.mjs';

const MOST_ON_OFFER = 16_384;
const LEAST_RETRY_MS = 100;
const FORGIVEN_EARLY = 8;

export class Responder {
  #held = new Map(); // key -> channel
  #known = new Remembered('tagI');
  #onOffer = new Map(); // key -> the tags to revoke with it: its own, and its share of the dummies
  #countOnOffer = 0;
  #toOffer = new Set();
  #matched = new Set();
  #lastSeq = 0;
  #answering = false;
  #answered = false;
  #offering = false;
  #retryAt = 0;
  #early = 0;

  /**
   * As Initiator, and: `key`, R's key for this link; `now()`, milliseconds.
   * `onUnmatched(key)` only when I left it.
   */
  constructor(environment) {
    Object.assign(this, environment);
  }

  isMatched(key) {
    return this.#matched.has(key);
  }

  channelOfId(channelId) {
    return this.#known.keyOfId(channelId);
  }

  channelId(key) {
    return this.#known.get(key)?.channelId;
  }

  async join(channel) {
    this.#held.set(channel.key, channel);
    this.#known.held(channel.key);
    this.#toOffer.add(channel.key);
    await this.#offerMore();
  }

  leave(key) {
    this.#held.delete(key);
    this.#toOffer.delete(key);
    this.#matched.delete(key);
    const tags = this.#onOffer.get(key);
    if (tags) {
      this.#onOffer.delete(key);
      this.#countOnOffer -= tags.length;
      this.sayRevoke(lists.shuffle(tags)); // P-30, P-33
    }
    this.#known.left(key);
    void this.#offerMore(); // there may be room again for what was too much
  }

  sayRevoke(tags) {
    for (let at = 0; at < tags.length; at += MOST_ENTRIES) {
      this.send('revoke', { tags: Buffer.concat(tags.slice(at, at + MOST_ENTRIES)) });
    }
  }

  /** A message of I. Throws LinkFault. */
  async receive(message) {
    if (message.kind === 'query') return this.#onQuery(message);
    if (message.kind === 'accept') return this.#onAccept(message);
    if (message.kind === 'leave') return this.#onLeave(message);
    throw malformed(`${message.kind} is not for the end that was dialled`);
  }

  async #onQuery({ seq, blinded }) {
    const asked = entries(blinded, 32);
    checkSize('Query.blinded', asked.length, this.#answered ? LATER_LIST : FIRST_LIST);
    if (this.#answering || seq !== this.#lastSeq + 1) throw malformed('a Query out of turn'); // P-36
    this.#lastSeq = seq;
    this.#checkPace();
    const wait = this.charge(asked.length); // P-27: before any of it is looked at
    if (wait > 0) {
      const retryAfterMs = Math.max(wait, LEAST_RETRY_MS);
      this.#retryAt = this.now() + retryAfterMs;
      this.send('busy', { seq, retryAfterMs });
      return;
    }
    this.#early = 0;
    this.#retryAt = 0;
    this.#answering = true;
    const evaluated = [];
    for (const element of asked) {
      evaluated.push(elements.evaluate(this.key, element));
      await this.breathe();
    }
    const offer = this.#answered ? [] : await this.#takeOffer(FIRST_LIST);
    this.#answering = false;
    this.#answered = true;
    this.send('answer', { seq, evaluated: Buffer.concat(evaluated), offer: Buffer.concat(offer) });
    await this.#offerMore();
  }

  /** P-40: eight Queries before the time that Busy named are forgiven. */
  #checkPace() {
    if (this.now() >= this.#retryAt) return;
    this.#early += 1;
    if (this.#early > FORGIVEN_EARLY) throw new LinkFault(Code.Flood, 'asks before the time it was told');
  }

  #onAccept({ tags }) {
    const accepted = entries(tags, 16);
    checkSize('Accept.tags', accepted.length, LATER_LIST);
    if (!this.#answered) throw malformed('an Accept before the first Answer');
    for (const tag of accepted) {
      const key = this.#known.keyOfTag(tag);
      if (key === undefined || !this.#onOffer.has(key) || this.#matched.has(key)) continue;
      this.#matched.add(key);
      this.onMatched(key);
    }
  }

  #onLeave({ channelId }) {
    const key = this.#known.keyOfId(channelId);
    if (key !== undefined && this.#matched.delete(key)) this.onUnmatched(key);
  }

  /** P-28: what the first Answer had no room for, and what was joined later. */
  async #offerMore() {
    if (!this.#answered || this.#offering) return;
    this.#offering = true;
    while (this.#toOffer.size > 0) {
      const tags = await this.#takeOffer(LATER_LIST);
      if (tags.length === 0) break; // left meanwhile, or too much is on offer: until something is revoked
      this.send('offer', { tags: Buffer.concat(tags) });
    }
    this.#offering = false;
  }

  /**
   * The tags of channels to be offered, with dummies, in random order; they are on offer from here on. Computing takes
   * time, in which channels come and go: so what is offered is chosen afterwards, in one step.
   */
  async #takeOffer(least) {
    const room = MOST_ON_OFFER - this.#countOnOffer; // P-34
    const dummies = [];
    let channels;
    for (;;) {
      const unknown = [...this.#toOffer].find((key) => !this.#known.get(key));
      channels = [...this.#toOffer].slice(0, MOST_ENTRIES);
      if (unknown) this.#learn(this.#held.get(unknown));
      else if (channels.length + dummies.length < lists.paddedSize(channels.length, least)) dummies.push(this.#dummy());
      else break;
      await this.breathe();
    }
    const size = lists.paddedSize(channels.length, least);
    if (size > room || (least === LATER_LIST && channels.length === 0)) return [];
    const shares = channels.map((key) => [this.#known.get(key).tagR]);
    const used = dummies.slice(0, size - channels.length);
    if (shares.length > 0) used.forEach((tag, at) => shares[at % shares.length].push(tag)); // P-33: dealt out
    channels.forEach((key, at) => {
      this.#toOffer.delete(key);
      this.#onOffer.set(key, shares[at]);
    });
    this.#countOnOffer += size;
    return lists.shuffle([...channels.map((key) => this.#known.get(key).tagR), ...used]);
  }

  #learn({ key, kind, name }) {
    this.#known.set(key, this.#secretsOf(channelInput(this.secret, kind, name)));
  }

  /** P-14: what follows from a dummy input by R's key. */
  #dummy() {
    return this.#secretsOf(dummyInput(this.random(32))).tagR;
  }

  #secretsOf(input) {
    return channelSecrets(this.secret, evaluateInput(this.key, input));
  }
}
