// What a receiver of data lanes tells its clients, against the traces of spec/vectors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, casesOf, closesWith } from './harness/vectors.mjs';
import { Channel } from './node-proxy/channel.mjs';
import { LaneGone } from './node-proxy/codes.mjs';
import { idToText } from './node-proxy/ids.mjs';
import { encodeData } from './node-proxy/messages.mjs';

/** A lane whose frames are given by the test. */
class Lane {
  #frames = [];
  #wake = () => {};
  fault = null;
  link = { fail: (error) => (this.fault = error), lanes: { keeps() {}, notify() {} } };

  give(frame) {
    this.#frames.push(frame);
    this.#wake();
  }

  async next() {
    while (this.#frames.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    const frame = this.#frames.shift();
    if (frame === 'gone') throw new LaneGone('given up');
    return frame;
  }

  end() {}

  giveUp() {
    this.give('gone');
  }
}

/** The channel of one case, whose clients and own lanes only take down what they get. */
class Stage {
  channel = new Channel({ kind: 'network', name: 'chat', key: 'network/chat' });
  lanes = new Map();
  tells = [];
  delivered = [];
  answers = [];
  errors = [];

  constructor(peers) {
    this.peers = peers;
    this.names = new Map(Object.entries(peers).map(([name, id]) => [id, name]));
    const note = (what, tell) => (peer) => {
      this.tells.push([what, this.names.get(peer)]);
      tell(peer);
    };
    this.channel.tellConnect = note('connect', this.channel.tellConnect.bind(this.channel));
    this.channel.tellDisconnect = note('disconnect', this.channel.tellDisconnect.bind(this.channel));
    for (const instance of ['P', 'Q']) this.channel.lanes.set(instance, { send: (...message) => this.answer(message) });
  }

  answer([kind, fields]) {
    if (kind === 'undeliverable') this.answers.push(encodeData(kind, fields));
    return true;
  }

  join(name) {
    const client = {
      id: bytes(this.peers[name]),
      queued: 0,
      connect() {},
      disconnect() {},
      broadcast: () => this.delivered.push(name),
      message: () => this.delivered.push(name),
      unknownTarget: (target) => this.errors.push([name, target]),
    };
    this.channel.join(client);
  }

  part(name) {
    this.channel.leave(this.channel.clients.get(this.peers[name]));
  }

  begin(instance) {
    const lane = new Lane();
    this.lanes.set(instance, lane);
    this.channel.remote(instance).attach(lane);
  }
}

const inOrderOfNames = (tells) => [...tells.filter(([what]) => what === 'disconnect').sort(), ...tells.filter(([what]) => what === 'connect').sort()];

async function play({ peers, steps }) {
  const stage = new Stage(peers);
  for (const step of steps) {
    for (const list of [stage.tells, stage.delivered, stage.answers, stage.errors]) list.length = 0;
    const lane = stage.lanes.get(step.from);
    // An id of 128 random bits is never taken, and is not compared with others when it is drawn.
    if (step.input === 'join' && !step.taken) stage.join(step.peer);
    if (step.input === 'part') stage.part(step.peer);
    if (step.input === 'lane_begins') stage.begin(step.from);
    if (step.input === 'frame') lane.give(bytes(step.frame));
    if (step.input === 'lane_finished') lane.give(null);
    if (step.input === 'lane_given_up') lane.give('gone');
    if (step.input === 'expired') stage.channel.remote(step.from).expire();
    await new Promise(setImmediate);
    if (step.close) {
      closesWith(lane.fault?.code, step.close);
      continue; // the peers are gone with the fault already: the next step says who
    }
    if (lane?.fault && step.input === 'lane_given_up') continue;
    if (step.tell) assert.deepEqual(inOrderOfNames(stage.tells), inOrderOfNames(step.tell));
    if (step.input === 'frame') assert.equal(lane.fault, null);
    assert.deepEqual(stage.delivered.sort(), step.deliver_to ?? []);
    assert.deepEqual(stage.answers, step.answer ? [bytes(step.answer)] : []);
    assert.deepEqual(stage.errors.map(([name]) => name), step.error_to ? [step.error_to] : []);
    if (step.error_to) assert.equal(stage.errors[0][1], idToText(bytes(peers[step.target])));
  }
}

test('membership.json', async (t) => {
  for (const vector of casesOf('membership')) await t.test(vector.id, () => play(vector));
});
