// Private matching at the end that dialled (03 section 8). Opens no socket and reads no clock: what it sends, charges
// and waits for goes through the functions it is given.

import { Code, LinkFault, malformed } from '../codes.mjs';
import { channelInput, channelSecrets, dummyInput } from '../derive.mjs';
import { entries } from '../messages.mjs';
import { blind, elements } from '../voprf.mjs';
import { FIRST_LIST, LATER_LIST, MOST_ENTRIES, checkSize, lists } from './padding.mjs';
import { Remembered } from './remembered.mjs';
import { TagTable } from './tags.mjs';

const MOST_ON_OFFER = 16_384;
const LOOK_AGAIN_MS = 100;

export class Initiator {
  #held = new Map(); // key -> channel
  #known = new Remembered('tagR');
  #onOffer = new TagTable(); // tag_R -> { lookedUp, revoked }
  #toLookUp = []; // entries of #onOffer, in order
  #looksAgain = false;
  #matched = new Set();
  #toAccept = new Set(); // matched, and not said so yet
  #lastWordIsAccept = new Set();
  #lastSeq = 0;
  #outstanding = null; // the Query that is neither answered nor refused, or is to be repeated after Busy
  #answered = false; // the first Answer came
  #acceptSent = false;
  #turn = Promise.resolve();

  /**
   * `secret`: L. `send(kind, fields)`. `charge(count)`: 0, or milliseconds to wait. `random(size)`: bytes.
   * `later(ms, run)`: a timer. `breathe()`: a promise, so that others have a turn during long computations.
   * `onMatched(key)`, `onUnmatched(key)`: the latter only when R revoked it.
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

  /** P-17: the first Query, whatever is held. */
  async start() {
    await this.#ask();
  }

  async join(channel) {
    this.#held.set(channel.key, channel);
    this.#known.held(channel.key);
    if (this.#known.get(channel.key)) {
      this.#match([channel.key]);
      if (this.#toAccept.size > 0) this.#accept();
    } else if (this.#answered) await this.#ask();
  }

  leave(key) {
    this.#held.delete(key);
    this.#matched.delete(key);
    this.#toAccept.delete(key);
    if (this.#lastWordIsAccept.delete(key)) this.sayLeave(this.#known.get(key).channelId); // P-22
    this.#known.left(key);
  }

  sayLeave(channelId) {
    this.send('leave', { channelId });
  }

  /** A message of R, dealt with after those before it. Throws LinkFault. */
  receive(message) {
    this.#turn = this.#turn.then(() => this.#receive(message));
    return this.#turn;
  }

  async #receive(message) {
    if (message.kind === 'answer') return this.#onAnswer(message);
    if (message.kind === 'busy') return this.#onBusy(message);
    if (!this.#answered) throw malformed(`${message.kind} before the first Answer`); // P-25
    if (message.kind === 'offer') {
      checkSize('Offer.tags', message.tags.length / 16, LATER_LIST);
      this.#offer(entries(message.tags, 16));
      return this.#lookUp();
    }
    if (message.kind === 'revoke') return this.#onRevoke(message);
    throw malformed(`${message.kind} is not for the end that dialled`);
  }

  /** Asks for all channels held whose secrets are unknown, as far as they fit; P-18: one Query at a time. */
  async #ask() {
    if (this.#outstanding) return;
    const unknown = [...this.#held.values()].filter(({ key }) => !this.#known.get(key)).slice(0, MOST_ENTRIES);
    if (unknown.length === 0 && this.#lastSeq > 0) return;
    const questions = unknown.map(({ key, kind, name }) => ({ key, input: channelInput(this.secret, kind, name) }));
    const size = lists.paddedSize(questions.length, this.#answered ? LATER_LIST : FIRST_LIST);
    while (questions.length < size) questions.push({ key: null, input: dummyInput(this.random(32)) }); // P-13
    this.#outstanding = { questions: lists.shuffle(questions), waiting: true };
    for (const question of questions) {
      Object.assign(question, blind(question.input, this.random));
      await this.breathe();
    }
    this.#sendQuery();
  }

  #sendQuery() {
    this.#outstanding.waiting = false;
    this.#lastSeq += 1;
    const blinded = Buffer.concat(this.#outstanding.questions.map((question) => question.blinded));
    this.send('query', { seq: this.#lastSeq, blinded });
  }

  #isDue(message) {
    return this.#outstanding && !this.#outstanding.waiting && message.seq === this.#lastSeq;
  }

  #onBusy(message) {
    if (!this.#isDue(message)) throw malformed('Busy to nothing that was asked'); // P-36
    this.#outstanding.waiting = true;
    this.later(Math.max(message.retryAfterMs, 100), () => this.#sendQuery()); // P-39: the same elements, the next seq
  }

  /** P-19: all of it is checked before any of it is used. */
  async #onAnswer(message) {
    if (!this.#isDue(message)) throw malformed('an Answer to nothing that was asked');
    const { questions } = this.#outstanding;
    const evaluated = entries(message.evaluated, 32);
    if (evaluated.length !== questions.length) throw malformed('an Answer of another count than the Query');
    if (!this.#answered) checkSize('Answer.offer', message.offer.length / 16, FIRST_LIST);
    else if (message.offer.length > 0) throw malformed('an offer in a later Answer');
    const found = [];
    for (const [at, { key, input, blind }] of questions.entries()) {
      const secrets = channelSecrets(this.secret, elements.finalize(input, blind, evaluated[at]));
      if (key) found.push([key, secrets]);
      await this.breathe();
    }
    this.#offer(entries(message.offer, 16));
    for (const [key, secrets] of found) {
      this.#known.set(key, secrets);
      if (!this.#held.has(key)) this.#known.left(key); // it was left meanwhile
    }
    this.#outstanding = null;
    this.#answered = true;
    this.#lookUp({ acceptNow: true });
    await this.#ask();
  }

  #offer(tags) {
    for (const tag of tags) {
      if (this.#onOffer.has(tag)) throw malformed('a tag is offered that is on offer'); // P-29
      const entry = { lookedUp: false, revoked: false };
      this.#onOffer.set(tag, entry);
      this.#toLookUp.push(entry);
    }
    if (this.#onOffer.size > MOST_ON_OFFER) throw new LinkFault(Code.Limit, 'too many tags on offer'); // P-35
  }

  /** P-20: each tag costs a guess; what is over budget waits. P-21: an Accept follows each part that was looked up. */
  #lookUp({ acceptNow = false } = {}) {
    let accept = acceptNow;
    while (this.#toLookUp.length > 0) {
      const [entry] = this.#toLookUp;
      if (!entry.revoked && this.charge(1) > 0) break;
      this.#toLookUp.shift();
      entry.lookedUp = true;
      accept ||= !entry.revoked;
    }
    if (this.#toLookUp.length > 0 && !this.#looksAgain) {
      this.#looksAgain = true;
      this.later(LOOK_AGAIN_MS, () => {
        this.#looksAgain = false;
        this.#lookUp();
      });
    }
    this.#match(this.#held.keys());
    if (accept) this.#accept();
  }

  /** Matched: held, secrets known, tag_R on offer and looked up. */
  #match(keys) {
    for (const key of keys) {
      const secrets = this.#known.get(key);
      if (!secrets || this.#matched.has(key) || !this.#onOffer.get(secrets.tagR)?.lookedUp) continue;
      this.#matched.add(key);
      this.#toAccept.add(key);
      this.onMatched(key);
    }
  }

  /** Says what is matched, or that nothing is: nobody can tell. */
  #accept() {
    const keys = [...this.#toAccept];
    this.#toAccept.clear();
    for (const key of keys) this.#lastWordIsAccept.add(key);
    for (let at = 0; at === 0 || at < keys.length; at += MOST_ENTRIES) {
      const tags = keys.slice(at, at + MOST_ENTRIES).map((key) => this.#known.get(key).tagI);
      const size = lists.paddedSize(tags.length, this.#acceptSent ? LATER_LIST : FIRST_LIST);
      while (tags.length < size) tags.push(this.random(16)); // P-15
      this.#acceptSent = true;
      this.send('accept', { tags: Buffer.concat(lists.shuffle(tags)) });
    }
  }

  #onRevoke({ tags }) {
    if (tags.length === 0) throw malformed('an empty Revoke');
    for (const tag of entries(tags, 16)) {
      const entry = this.#onOffer.get(tag);
      if (!entry) throw malformed('a tag is revoked that is not on offer'); // P-31
      entry.revoked = true;
      this.#onOffer.delete(tag);
      const key = this.#known.keyOfTag(tag);
      if (!key || !this.#matched.delete(key)) continue;
      this.#toAccept.delete(key);
      this.onUnmatched(key);
    }
  }
}
