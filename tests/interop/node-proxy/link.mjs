// One link: the control lane from Hello to Goodbye, and liveness (02 sections 6 to 12). Which of two links stays is
// decided in links.mjs, what a channel is in channel.mjs; matching has a folder.

import { randomBytes } from 'node:crypto';
import { Bell } from './bell.mjs';
import { Code, LaneGone, LinkFault, malformed } from './codes.mjs';
import { linkSecret } from './derive.mjs';
import { FRAME_BEFORE_HELLO, FrameReader, encodeFrame } from './frames.mjs';
import { LinkLanes } from './link-lanes.mjs';
import { Initiator } from './matching/initiator.mjs';
import { Responder } from './matching/responder.mjs';
import { decodeControl, encodeControl } from './messages.mjs';
import { Outbox } from './outbox.mjs';
import { exported } from './tls-settings.mjs';
import { newKey } from './voprf.mjs';
import { YamuxSession } from './yamux.mjs';

const HELLO_AND_QUERY_MS = 10_000;
const HELLO_OF_RESPONDER_MS = 5_000;
const GOODBYE_MS = 500;
const CLOSE_MS = 1_000;
const MOST_WAITING = 64; // messages of matching that are not dealt with yet
const MOST_UNSENT = 1024 * 1024;

const MATCHING = new Set(['query', 'answer', 'offer', 'revoke', 'accept', 'leave', 'busy']);

export class Link {
  #session;
  #control = null; // Outbox of the control lane
  #lastHeard = performance.now();
  #lastPing = 0;
  #timers = new Set();
  #greetingTimer = null;
  #waiting = 0;
  #bell = new Bell(); // something was heard, was written, or was dealt with; or the link has ended
  peer = null; // the other end's Hello
  matching = null;
  lanes = null;
  state = 'greeting'; // then 'admitting' (R only), 'established', 'closed'
  mode = 'use'; // or 'trial', 'draining': written by links.mjs
  endCode = null; // why it ended, by whoever's word

  /** `self`: what all links of this proxy share. `links`: who decides about this link, and is told of it. */
  constructor({ socket, role, self, links, address }) {
    Object.assign(this, { role, self, links, address });
    this.socket = socket;
    this.#session = new YamuxSession(socket, { isClient: role === 'initiator', onBytes: () => this.heard() });
  }

  /** From the transport's handshake to the end of the link. */
  async run() {
    const giveUp = this.role === 'initiator' ? HELLO_OF_RESPONDER_MS : HELLO_AND_QUERY_MS;
    this.#greetingTimer = this.after(giveUp, () => this.close(Code.Silent, 'no Hello and Query in time'));
    void this.#session.closed.then(() => this.lost());
    try {
      const stream = await (this.role === 'initiator' ? this.#session.open() : this.#session.accept());
      if (!stream) throw new LaneGone('the connection ended');
      if (stream.id !== 1) return this.#session.destroy(); // L-18
      stream.onlyOpenerSends = false;
      this.#control = new Outbox(stream, { urgent: true, onChange: () => this.#bell.ring() });
      const ours = this.#sayHello();
      await this.#readControl(new FrameReader(stream), ours);
    } catch (error) {
      this.fail(error);
    }
    await this.#session.closed;
  }

  get isOpen() {
    return this.state !== 'closed';
  }

  heard() {
    this.#lastHeard = performance.now();
    this.#bell.ring();
  }

  /** Resolves when something was heard, when the link has ended, or after `ms`; now and then for nothing. */
  change(ms) {
    return this.#bell.rung(ms);
  }

  /** Did anything come after this time? */
  heardSince(time) {
    return this.#lastHeard > time;
  }

  /** Sends a message of the control lane. */
  say(kind, fields) {
    if (!this.isOpen) return;
    this.#control.push(encodeFrame(encodeControl(kind, fields)));
  }

  ping() {
    this.#lastPing = performance.now();
    this.say('ping', { nonce: randomBytes(4).readUInt32BE() });
  }

  openLane() {
    return this.#session.open();
  }

  acceptLane() {
    return this.#session.accept();
  }

  /** A timer that ends with the link. */
  after(ms, run) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  /** The end of the link for what `error` says. */
  fail(error) {
    if (error instanceof LinkFault) return this.close(error.code, error.message);
    if (error instanceof LaneGone) return this.#session.destroy(); // L-24
    this.self.warn(`fault of this program: ${error.stack}`);
    return this.close(Code.Internal, 'internal');
  }

  /** Says Goodbye, and ends the link (L-56); `waitMs`: how long the other end has to close it first. */
  async close(code, reason, waitMs = GOODBYE_MS) {
    if (!this.isOpen) return;
    this.self.log(`link to ${this.address} closed here: ${code} ${reason}`);
    if (this.#control) {
      this.say('goodbye', { code, reason: reason.slice(0, 200) });
      this.#control.finish();
    }
    this.#end(code);
    const timeout = new Promise((resolve) => setTimeout(resolve, this.#control ? waitMs : 0));
    await Promise.race([this.#session.closed, timeout]);
    await this.#session.finish(CLOSE_MS);
  }

  /** The connection is gone. */
  lost() {
    this.#end(this.endCode);
  }

  #end(code) {
    if (!this.isOpen) return;
    this.state = 'closed';
    this.endCode = code;
    for (const timer of this.#timers) clearTimeout(timer);
    this.links.onEnd(this);
    this.lanes?.end();
    this.#bell.ring();
  }

  /** L-37, L-38: without waiting for the other's. The bytes that travel. */
  #sayHello() {
    const { instanceId, agent, maxFrameBytes } = this.self;
    const hello = encodeControl('hello', { version: 1, instanceId, agent, maxFrameBytes });
    this.#control.push(encodeFrame(hello));
    return hello;
  }

  async #readControl(reader, ours) {
    const theirs = await reader.next(FRAME_BEFORE_HELLO);
    if (theirs === null) throw new LaneGone('no Hello');
    await this.#onHello(theirs, ours);
    while (this.isOpen) {
      const frame = await reader.next(this.self.maxFrameBytes);
      if (frame === null) throw new LaneGone('the control lane ended'); // L-24
      await this.#onMessage(decodeControl(frame));
      while (this.isOpen && (this.#control.bytes > MOST_UNSENT || this.#waiting > MOST_WAITING)) {
        await this.change();
      }
    }
  }

  async #onHello(theirs, ours) {
    const hello = decodeControl(theirs);
    if (hello.kind !== 'hello') throw malformed('the first message is no Hello'); // L-39
    this.peer = hello;
    if (hello.instanceId.equals(this.self.instanceId)) throw new LinkFault(Code.SelfDial, 'this is me'); // L-40
    const weAsk = this.role === 'initiator';
    const [helloI, helloR] = weAsk ? [ours, theirs] : [theirs, ours];
    const secret = linkSecret({ exported: exported(this.socket), helloI, helloR, networkKey: this.self.networkKey });
    this.matching = new (weAsk ? Initiator : Responder)(this.#environment(secret));
    this.lanes = new LinkLanes(this);
    this.#watch();
    if (weAsk && (await this.links.admit(this))) await this.#establish();
  }

  #environment(secret) {
    return {
      secret,
      key: newKey(),
      random: randomBytes,
      now: () => performance.now(),
      later: (ms, run) => this.after(ms, run),
      breathe: () => new Promise(setImmediate),
      charge: this.self.budgets.ofLink(this.address).charge,
      send: (kind, fields) => this.say(kind, fields),
      onMatched: (key) => this.links.onMatched(this, key),
      onUnmatched: (key) => this.links.onUnmatched(this, key),
    };
  }

  async #establish() {
    clearTimeout(this.#greetingTimer);
    this.state = 'established';
    this.links.onEstablished(this); // tells matching which channels are held
    void this.lanes.run();
    if (this.role === 'initiator') await this.matching.start(); // L-41
  }

  #onMessage(message) {
    if (message.kind === 'ping') return this.answerPing(message);
    if (message.kind === 'pong') {
      if (this.state !== 'established' && this.role === 'responder') throw malformed('Pong before the first Query');
      return undefined;
    }
    if (message.kind === 'goodbye') return this.#onGoodbye(message);
    if (message.kind === 'hello') throw malformed('a second Hello'); // L-35
    if (this.state === 'established') return this.#feed(message);
    if (this.state === 'greeting' && message.kind === 'query') return void this.#onFirstQuery(message);
    throw malformed(`${message.kind} on a link that is not established`); // L-42
  }

  /** L-36 */
  answerPing({ nonce }) {
    this.say('pong', { nonce });
  }

  /** For R the link is established by the first Query, unless it is a duplicate; that may take a while to find out. */
  async #onFirstQuery(query) {
    this.state = 'admitting';
    clearTimeout(this.#greetingTimer);
    if (!(await this.links.admit(this)) || !this.isOpen) return;
    await this.#establish();
    this.#feed(query);
  }

  /** Matching may compute for long: the control lane goes on meanwhile. */
  #feed(message) {
    if (!MATCHING.has(message.kind)) throw malformed(`${message.kind} is not for the control lane`);
    this.#waiting += 1;
    this.matching
      .receive(message)
      .catch((error) => this.fail(error))
      .finally(() => {
        this.#waiting -= 1;
        this.#bell.ring();
      });
  }

  async #onGoodbye({ code, reason }) {
    this.self.log(`link to ${this.address} closed by the other end: ${code} ${JSON.stringify(reason)}`);
    if (this.mode === 'draining' && code === Code.Duplicate) await this.lanes?.drained(); // L-51
    this.#end(code);
    await this.#session.finish(CLOSE_MS); // L-58
  }

  /** Liveness (02 section 11). */
  #watch() {
    const { pingMs, silenceMs } = this.self;
    const look = () => {
      if (!this.isOpen) return;
      const now = performance.now();
      const quiet = now - this.#lastHeard;
      if (this.isTooQuiet(quiet, silenceMs)) return void this.close(Code.Silent, 'nothing was heard'); // L-55
      if (quiet >= pingMs && now - this.#lastPing >= pingMs && this.state === 'established') this.ping(); // L-54
      this.after(Math.min(250, pingMs / 4), look);
    };
    look();
  }

  isTooQuiet(quiet, silenceMs) {
    return quiet >= silenceMs;
  }
}
