// Both ends of matching against the dialogues of spec/vectors, in time that is stepped.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { bytes, casesOf, closesWith } from './harness/vectors.mjs';
import { linkSecret } from './node-proxy/derive.mjs';
import { Bucket } from './node-proxy/matching/budgets.mjs';
import { Initiator } from './node-proxy/matching/initiator.mjs';
import { Responder } from './node-proxy/matching/responder.mjs';
import { decodeControl, encodeControl, entries } from './node-proxy/messages.mjs';
import { elements } from './node-proxy/voprf.mjs';

const hexes = (list, size) => entries(list, size).map((entry) => entry.toString('hex'));

/** One end of a dialogue, with a clock, timers and budgets of the test. */
class End {
  sent = [];
  events = [];
  charged = 0;
  fault = null;
  now = 0;
  #timers = [];
  #gate = { open: false, wake: [] };

  constructor(role, { l, key, budgets, channels }) {
    this.channels = new Map(channels.map((channel) => [channel.channel, channel]));
    const limits = budgets[role];
    const bucket = limits ? new Bucket(limits.holds, 1000 / limits.ms_for_each, () => this.now) : null;
    this.role = role;
    this.matching = new (role === 'I' ? Initiator : Responder)({
      secret: bytes(l[role]),
      key: bytes(key.scalar),
      random: randomBytes,
      now: () => this.now,
      later: (ms, run) => this.#timers.push({ at: this.now + ms, run }),
      breathe: () => this.#breathe(),
      charge: (count) => this.#charge(bucket, count),
      send: (kind, fields) => this.sent.push(decodeControl(encodeControl(kind, fields))),
      onMatched: (key) => this.events.push(`matched ${key}`),
      onUnmatched: (key) => this.events.push(`unmatched ${key}`),
    });
  }

  #charge(bucket, count) {
    const wait = bucket?.wait(count) ?? 0;
    if (wait > 0) return wait;
    bucket?.take(count);
    this.charged += count;
    return 0;
  }

  /** R computes only when the dialogue says that it sends, so that messages cross as they do there. */
  #breathe() {
    if (this.role === 'I' || this.#gate.open) return Promise.resolve();
    return new Promise((resolve) => this.#gate.wake.push(resolve));
  }

  async settle({ compute }) {
    this.#gate.open = compute;
    if (compute) for (const wake of this.#gate.wake.splice(0)) wake();
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    this.#gate.open = false;
  }

  run(promise) {
    promise?.catch((fault) => (this.fault ??= fault));
  }

  async pass(ms) {
    const end = this.now + ms;
    for (;;) {
      this.#timers.sort((a, b) => a.at - b.at);
      if (!this.#timers.length || this.#timers[0].at > end) break;
      const { at, run } = this.#timers.shift();
      this.now = at;
      run();
      await this.settle({ compute: false });
    }
    this.now = end;
  }
}

/** What R says of a step of `send`, or I: compared as the file's own words tell. */
function compare(said, step, { channels }) {
  assert.equal(said?.kind, step.type.toLowerCase());
  const expected = decodeControl(bytes(step.frame));
  if (said.kind === 'leave' || said.kind === 'busy') return assert.deepEqual(said, expected);
  if (said.kind === 'query') {
    assert.equal(said.blinded.length, expected.blinded.length);
    return assert.equal(said.seq, expected.seq);
  }
  if (said.kind === 'answer') {
    assert.equal(said.seq, expected.seq);
    assert.deepEqual(said.evaluated, expected.evaluated);
  }
  const list = said.kind === 'answer' ? 'offer' : 'tags';
  assert.equal(said[list].length, expected[list].length, 'another number of entries');
  if (said.parts) said[list] = said.parts;
  const tagName = said.kind === 'accept' ? 'tag_i' : 'tag_r';
  const ofChannels = step.entries.filter(({ channel }) => channel).map(({ channel }) => channels.get(channel)[tagName]);
  const known = new Set([...channels.values()].map((channel) => channel[tagName]));
  return assert.deepEqual(hexes(said[list], 16).filter((tag) => known.has(tag)).sort(), ofChannels.sort());
}

/** Our I looks at waiting tags as soon as it may, and says an Accept for each part: here they are taken for one. */
function joinParts(accept, others) {
  assert.equal(accept.tags.length % 64, 0); // four entries, or eight
  const tags = [accept.tags];
  while (others[0]?.kind === 'accept') tags.push(others.shift().tags);
  if (tags.length > 1) assert.ok(tags.every((part) => part.length === 64));
  accept.parts = Buffer.concat(tags);
}

/** A message of R for our I: its own Query is evaluated, the rest is the case's; in an invalid case the last is as it is. */
function forInitiator(step, lastQuery, key, asItIs) {
  const message = decodeControl(bytes(step.frame));
  if (message.kind !== 'answer' || asItIs) return message;
  const evaluated = Buffer.concat(entries(lastQuery.blinded, 32).map((element) => elements.evaluate(key, element)));
  return { ...message, evaluated };
}

async function play(role, vector) {
  const { ekm, network_key: networkKey } = vector.session[role];
  const secret = linkSecret({
    exported: bytes(ekm),
    helloI: bytes(vector.session.hello_i),
    helloR: bytes(vector.session.hello_r),
    networkKey: networkKey === null ? null : bytes(networkKey),
  });
  assert.equal(secret.toString('hex'), vector.l[role]);
  const end = new End(role, vector);
  const messages = new Map();
  const lastDeliver = vector.steps.filter(({ step, to }) => step === 'deliver' && to === role).at(-1);
  let lastQuery = null;
  let started = role === 'R';
  const events = [];
  for (const step of vector.steps) {
    const ours = step.at === role || step.from === role || step.to === role;
    if (step.step === 'send') messages.set(step.message, step);
    if (step.step === 'wait') await end.pass(step.ms);
    if (step.charged !== undefined && ours) end.expected = (end.expected ?? 0) + step.charged;
    if (!ours) continue;
    if (step.step === 'join') {
      const { kind, name } = end.channels.get(step.channel);
      if (kind !== 'local') end.run(end.matching.join({ kind, name, key: step.channel })); // T-9: links.mjs keeps it away
    }
    if (step.step === 'leave' && end.channels.get(step.channel).kind !== 'local') end.matching.leave(step.channel);
    if (step.step === 'event' && step.left !== 'here') events.push(`${step.event} ${step.channel}`);
    if (step.step === 'deliver') {
      const asItIs = vector.result === 'invalid' && step === lastDeliver;
      const sent = messages.get(step.message);
      const message = role === 'I' ? forInitiator(sent, lastQuery, bytes(vector.key.scalar), asItIs) : decodeControl(bytes(sent.frame));
      end.run(end.matching.receive(message));
    }
    if (step.step === 'send') {
      if (!started) end.run(end.matching.start());
      started = true;
      await end.settle({ compute: true });
      const said = end.sent.shift();
      if (vector.flags.includes('Waits') && said?.kind === 'accept') joinParts(said, end.sent);
      if (said?.kind === 'query') lastQuery = said;
      if (step.frame) compare(said, step, end);
    } else await end.settle({ compute: step.step === 'close' });
    if (step.step === 'close') {
      closesWith(end.fault?.code, step);
      return closesWith(end.fault.code, vector);
    }
  }
  if (vector.result === 'invalid') return undefined; // the other end is at fault
  await end.settle({ compute: true });
  assert.equal(end.fault, null);
  assert.deepEqual(end.events.sort(), events.sort());
  assert.equal(end.charged, end.expected ?? 0);
  return assert.deepEqual(end.sent, []);
}

for (const role of ['I', 'R']) {
  test(`dialogues.json at ${role}`, async (t) => {
    for (const vector of casesOf('dialogues')) {
      const checked = vector.checks ?? vector.steps.find(({ step }) => step === 'close')?.at ?? role;
      if (checked !== role) continue; // what the other end does there is arbitrary
      await t.test(vector.id, () => play(role, vector));
    }
  });
}
