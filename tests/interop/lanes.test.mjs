// How long the lanes of a channel last that one end has left, and when a lane that was stopped is opened again (04 section 4), in
// time that is stepped.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bell } from './node-proxy/bell.mjs';
import { LaneGone } from './node-proxy/codes.mjs';
import { encodeFrame } from './node-proxy/frames.mjs';
import { LaneIn } from './node-proxy/lane-in.mjs';
import { LaneOut } from './node-proxy/lane-out.mjs';
import { decodeData, encodeData } from './node-proxy/messages.mjs';

const QUIET_MS = 5_000;
const REST_MS = 1_000;
const PEER = Buffer.alloc(16, 7);

/** Steps all clocks of a test. */
function clock(t) {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return async (ms) => {
    for (let passed = 0; passed < ms; passed += 100) {
      now += 100;
      t.mock.timers.tick(100);
      await new Promise(setImmediate);
    }
  };
}

/** A stream whose bytes are given by the test, and which keeps what is written. */
class Stream {
  chunks = [];
  written = [];
  isGone = false;
  isEnded = false;
  lastMoved = 0;
  #bell = new Bell();

  give(chunk) {
    this.chunks.push(chunk);
    this.#bell.ring();
  }

  async read() {
    while (this.chunks.length === 0) {
      if (this.isGone) throw new LaneGone('reset');
      await this.change();
    }
    this.lastMoved = performance.now();
    return this.chunks.shift();
  }

  async write(bytes) {
    this.written.push(bytes);
  }

  end() {
    this.isEnded = true;
  }

  reset() {
    this.isGone = true;
    this.#bell.ring();
  }

  change(ms) {
    return this.#bell.rung(ms);
  }
}

test('the lane of a channel that was left there is given up when nothing comes any more, and not while it is not read', async (t) => {
  const pass = clock(t);
  const stream = new Stream();
  const lane = new LaneIn({ self: { maxFrameBytes: 65_536 } }, stream);
  let next = lane.next();
  void lane.giveUpWhenQuiet(QUIET_MS);
  for (let said = 0; said < 5; said++) {
    await pass(QUIET_MS - 100);
    stream.give(encodeFrame(encodeData('join', { peerId: PEER })));
    assert.equal(decodeData(await next).kind, 'join');
    if (said < 4) next = lane.next();
  }
  await pass(4 * QUIET_MS); // a client that is slow: the next message is not asked for
  assert.ok(!stream.isGone);
  next = lane.next();
  void next.catch(() => {});
  await pass(QUIET_MS - 100);
  assert.ok(!stream.isGone);
  await pass(100);
  assert.ok(stream.isGone);
  await assert.rejects(next, LaneGone);
});

function laneOut(restMs) {
  const streams = [];
  const link = {
    peer: { maxFrameBytes: 65_536 },
    matching: { channelId: () => Buffer.alloc(8, 1) },
    after: (ms, run) => setTimeout(run, ms),
    openLane() {
      streams.push(new Stream());
      return Promise.resolve(streams.at(-1));
    },
  };
  const channel = { key: 'network/x', clients: new Map([['07', { id: PEER }]]), wake() {} };
  const lane = new LaneOut(link, channel, { restMs, onStopped() {} });
  return { lane, streams };
}

const settled = () => new Promise(setImmediate);
const saidOn = (stream) => stream.written.map((frame) => decodeData(frame.subarray(1)).kind);

test('a lane that rests has the list of its beginning, and what came after it', async (t) => {
  const pass = clock(t);
  const { lane, streams } = laneOut(REST_MS);
  lane.send('part', { peerId: PEER });
  await pass(REST_MS - 100);
  assert.equal(streams.length, 0);
  assert.ok(lane.isResting);
  await pass(100);
  assert.deepEqual(saidOn(streams[0]), ['open', 'members', 'part']);
  assert.ok(!lane.isResting && !streams[0].isEnded);
});

test('a lane that rests is opened at once when it is to be finished', async (t) => {
  clock(t);
  const { lane, streams } = laneOut(REST_MS);
  lane.finish();
  await settled();
  assert.deepEqual(saidOn(streams[0]), ['open', 'members']);
  assert.ok(streams[0].isEnded);
});

test('a lane that rests is never opened when it is given up', async (t) => {
  const pass = clock(t);
  const { lane, streams } = laneOut(REST_MS);
  lane.reset();
  await pass(2 * REST_MS);
  assert.equal(streams.length, 0);
  await lane.ended();
});
