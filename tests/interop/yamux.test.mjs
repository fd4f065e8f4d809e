// The yamux of the Node proxy by itself: two sessions on one connection, and frames that a violator would send.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { LaneGone } from './node-proxy/codes.mjs';
import { YamuxSession } from './node-proxy/yamux.mjs';

const MIB = 1024 * 1024;

/** Two ends of a connection on loopback. */
async function sockets(t) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect(server.address().port, '127.0.0.1');
  const [far] = await once(server, 'connection');
  server.close();
  for (const socket of [near, far]) t.after(() => socket.destroy());
  return [near, far];
}

async function sessions(t) {
  const [near, far] = await sockets(t);
  return [new YamuxSession(near, { isClient: true, onBytes() {} }), new YamuxSession(far, { isClient: false, onBytes() {} })];
}

async function readAll(stream) {
  const chunks = [];
  for (let chunk; (chunk = await stream.read()) !== null; ) chunks.push(chunk);
  stream.end();
  return Buffer.concat(chunks);
}

test('streams of both ends carry megabytes at once, and end', async (t) => {
  const [client, server] = await sessions(t);
  const carry = async (from, to, byte) => {
    const stream = await from.open();
    const taken = await to.accept();
    const written = stream.write(Buffer.alloc(3 * MIB, byte)).then(() => stream.end());
    const [bytes] = await Promise.all([readAll(taken), written]);
    assert.ok(bytes.length === 3 * MIB && bytes.every((other) => other === byte));
  };
  await Promise.all([carry(client, server, 1), carry(server, client, 2)]);
});

test('a stream that is not read stops at its window, and others go on', async (t) => {
  const [client, server] = await sessions(t);
  const stuck = await client.open();
  const unread = await server.accept();
  let isWritten = false;
  const writing = stuck.write(Buffer.alloc(MIB)).then(() => (isWritten = true));
  const other = await client.open();
  await other.write(Buffer.from('still here'));
  other.end();
  assert.equal((await readAll(await server.accept())).toString(), 'still here');
  assert.equal(isWritten, false);
  const reading = readAll(unread);
  await writing;
  stuck.end();
  assert.equal((await reading).length, MIB);
});

test('a reset reaches reader and writer', async (t) => {
  const [client, server] = await sessions(t);
  const stream = await client.open();
  const taken = await server.accept();
  const writing = stream.write(Buffer.alloc(MIB));
  taken.reset();
  await assert.rejects(writing, LaneGone);
  const next = await client.open();
  const nextTaken = await server.accept();
  const reading = nextTaken.read();
  next.reset();
  await assert.rejects(reading, LaneGone);
});

test('a stream waits to be opened while 256 are not acknowledged', async (t) => {
  const [client, server] = await sessions(t);
  for (let n = 0; n < 256; n++) await client.open();
  let isOpen = false;
  const opening = client.open().then(() => (isOpen = true));
  await new Promise(setImmediate);
  assert.equal(isOpen, false);
  await server.accept();
  await opening;
});

const frame = (type, flags, id, length, body = '') => {
  const header = Buffer.alloc(12);
  header[1] = type;
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(id, 4);
  header.writeUInt32BE(length, 8);
  return Buffer.concat([header, Buffer.from(body)]);
};

const violations = {
  'another version of the header': Buffer.concat([Buffer.from([1]), frame(0, 1, 1, 0).subarray(1)]),
  'an unknown type': frame(4, 0, 0, 0),
  'a stream with an id of the other parity': frame(1, 1, 2, 0),
  'the stream 0': frame(1, 1, 0, 0),
  'a stream opened twice': Buffer.concat([frame(1, 1, 1, 0), frame(1, 1, 1, 0)]),
  'a body of more than 1 MiB': frame(0, 1, 1, MIB + 1),
  'more than the window': Buffer.concat([frame(0, 1, 1, 200_000, Buffer.alloc(200_000)), frame(0, 0, 1, 100_000, Buffer.alloc(100_000))]),
  'bytes after FIN': Buffer.concat([frame(0, 1 | 4, 1, 1, 'a'), frame(0, 0, 1, 1, 'b')]),
};

for (const [name, bytes] of Object.entries(violations)) {
  test(`${name}: the connection is closed`, async (t) => {
    const [near, far] = await sockets(t);
    const session = new YamuxSession(far, { isClient: false, onBytes() {} });
    near.on('error', () => {}); // a connection that is closed with bytes unread may be reset
    near.resume();
    near.write(bytes);
    await session.closed;
    assert.ok(session.ended);
  });
}

test('a ping is answered with its value', async (t) => {
  const [near, far] = await sockets(t);
  new YamuxSession(far, { isClient: false, onBytes() {} });
  near.write(frame(2, 1, 0, 0x01020304));
  const [answer] = await once(near, 'data');
  assert.deepEqual(answer, frame(2, 2, 0, 0x01020304));
});
