// The pure parts of the Node proxy against spec/vectors: frames, messages, derivations, the function, ids, names, and
// what clients say. Dialogues and membership are in dialogues.test.mjs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { bytes, casesOf, closesWith } from './harness/vectors.mjs';
import { tell, readClientMessage } from './node-proxy/client-json.mjs';
import { channelInput, channelSecrets, dummyInput, linkSecret } from './node-proxy/derive.mjs';
import { FrameReader, encodeFrame } from './node-proxy/frames.mjs';
import { idFromText, idToText, isSmaller } from './node-proxy/ids.mjs';
import { decodeControl, decodeData, encodeControl, encodeData } from './node-proxy/messages.mjs';
import { channelOfPath, isChannelName } from './node-proxy/names.mjs';
import { Format, checkFits, readPayload } from './node-proxy/payloads.mjs';
import { elements, evaluateInput, keyFromSeed } from './node-proxy/voprf.mjs';

/** One test for each file, which names the case that fails. */
function vectors(name, check) {
  test(`${name}.json`, async () => {
    for (const vector of casesOf(name)) {
      try {
        await check(vector);
      } catch (error) {
        error.message = `${vector.id}: ${error.message}`;
        throw error;
      }
    }
  });
}

const refuses = (use, vector) =>
  assert.throws(use, (error) => {
    closesWith(error.code, vector);
    return true;
  });

vectors('frames', async (vector) => {
  const { stream, max_frame_bytes: limit, result, frames } = vector;
  for (const size of [1, 7, 1 << 20]) {
    const all = bytes(stream);
    const rest = Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.subarray(at * size, (at + 1) * size));
    const reader = new FrameReader({ read: async () => rest.shift() ?? null });
    const found = [];
    let end = 'valid';
    try {
      for (let frame; (frame = await reader.next(limit)) !== null; ) found.push(frame);
    } catch (error) {
      end = error.code === undefined ? 'incomplete' : 'invalid';
      if (end === 'invalid') closesWith(error.code, vector);
    }
    assert.equal(end, result);
    assert.deepEqual(found, frames.map(bytes));
    if (result === 'valid') assert.deepEqual(Buffer.concat(found.map(encodeFrame)), all);
  }
});

const KINDS = { KIND_JSON: Format.Json, KIND_TEXT: Format.Text, KIND_BINARY: Format.Binary };
const camel = (name) => name.replace(/_./g, ([, letter]) => letter.toUpperCase());

/** A message as vectors have it, as the fields of `encode…`. */
function fieldsOf({ type, data_text: _text, data_bytes: _bytes, ...message }) {
  const fields = Object.entries(message).map(([name, value]) => {
    if (name === 'kind') return [name, KINDS[value]];
    if (Array.isArray(value)) return [camel(name), name === 'capabilities' ? value : bytes(value)];
    const isText = name === 'agent' || name === 'reason' || name === 'nonce';
    return [camel(name), typeof value === 'string' && !isText ? bytes(value) : value];
  });
  return [type[0].toLowerCase() + type.slice(1), Object.fromEntries(fields)];
}

/** What the decoder gives, in the same form. */
function decodedFields({ kind, format, ...fields }) {
  if (format !== undefined) fields.kind = format;
  if (fields.nonce !== undefined) fields.nonce = BigInt.asUintN(64, BigInt(fields.nonce.toString())).toString();
  return [kind, fields];
}

const checkMessage = (decode, encode) => (vector) => {
  const { frame, result, message, plain, channel_kind: channelKind } = vector;
  const read = () => {
    const decoded = decode(bytes(frame));
    if (decoded.format !== undefined) {
      const fitting = decoded.format === Format.Json ? 'network' : 'broadcast';
      readPayload(channelKind ?? fitting, decoded);
    }
    if (channelKind) checkFits(channelKind, decoded);
    return decoded;
  };
  if (result === 'invalid') return refuses(read, vector);
  const expected = fieldsOf(message);
  const decoded = decodedFields(read());
  if (message.data_bytes !== undefined) {
    assert.equal(decoded[1].data.length, message.data_bytes); // too long to be written there
    expected[1].data = decoded[1].data;
  }
  assert.deepEqual(decoded, expected);
  if (message.nonce === '0') expected[1].nonce = 0; // as a text it would be written
  if (plain) assert.deepEqual(encode(...expected), bytes(frame));
};

vectors('control', checkMessage(decodeControl, encodeControl));
vectors('data', checkMessage(decodeData, encodeData));

/** The element that an input is hashed to, and what becomes of it by a blind that is given. */
function blinded(input, blind) {
  const element = ristretto255_hasher.hashToCurve(input, { DST: 'HashToGroup-OPRFV1-\x00-ristretto255-SHA512' });
  const scalar = BigInt(`0x${Buffer.from(blind).reverse().toString('hex')}`);
  return { element: Buffer.from(element.toBytes()).toString('hex'), blinded: Buffer.from(element.multiply(scalar).toBytes()) };
}

vectors('derivations', (vector) => {
  const { operation, result } = vector;
  if (operation === 'link') {
    const secret = linkSecret({
      exported: bytes(vector.ekm),
      helloI: bytes(vector.hello_i),
      helloR: bytes(vector.hello_r),
      networkKey: vector.network_key === null ? null : bytes(vector.network_key),
    });
    return assert.equal(secret.toString('hex'), vector.l);
  }
  const secret = bytes(vector.l);
  if (result === 'invalid') {
    return assert.throws(() => {
      assert.ok(isChannelName(vector.name));
      channelInput(secret, vector.kind, vector.name);
    });
  }
  const input = operation === 'dummy' ? dummyInput(bytes(vector.random)) : channelInput(secret, vector.kind, vector.name);
  assert.equal(input.toString('hex'), vector.input);
  const { blinded: query } = blinded(input, bytes(vector.blind));
  assert.equal(query.toString('hex'), vector.blinded);
  const evaluated = elements.evaluate(bytes(vector.key), query);
  assert.equal(evaluated.toString('hex'), vector.evaluated);
  const y = elements.finalize(input, bytes(vector.blind), evaluated);
  assert.equal(y.toString('hex'), evaluateInput(bytes(vector.key), input).toString('hex'));
  if (vector.y) assert.equal(y.toString('hex'), vector.y);
  const secrets = channelSecrets(secret, y);
  assert.equal(secrets.tagR.toString('hex'), vector.tag_r);
  if (operation === 'dummy') return undefined;
  assert.equal(secrets.tagI.toString('hex'), vector.tag_i);
  assert.equal(secrets.channelId.toString('hex'), vector.channel_id);
  return assert.equal(secrets.channelKey.toString('hex'), vector.channel_key);
});

vectors('voprf', (vector) => {
  if (vector.operation === 'element') {
    const both = [
      () => elements.evaluate(keyFromSeed(Buffer.alloc(32, 1), Buffer.from('test')), bytes(vector.element)),
      () => elements.finalize(Buffer.from('input'), Buffer.alloc(32).fill(1, 0, 1), bytes(vector.element)),
    ];
    for (const use of both) {
      if (vector.result === 'invalid') refuses(use, vector);
      else use();
    }
    return;
  }
  const key = keyFromSeed(bytes(vector.seed), bytes(vector.info));
  assert.equal(Buffer.from(key).toString('hex'), vector.key);
  const { element, blinded: query } = blinded(bytes(vector.input), bytes(vector.blind));
  assert.equal(element, vector.input_element);
  assert.equal(query.toString('hex'), vector.blinded);
  assert.equal(elements.evaluate(key, query).toString('hex'), vector.evaluated);
  assert.equal(elements.finalize(bytes(vector.input), bytes(vector.blind), bytes(vector.evaluated)).toString('hex'), vector.y);
  assert.equal(evaluateInput(key, bytes(vector.input)).toString('hex'), vector.y);
  assert.ok(ristretto255.Point.fromHex(vector.evaluated));
});

vectors('ids', (vector) => {
  if (vector.operation === 'order') {
    const smaller = isSmaller(bytes(vector.a), bytes(vector.b)) ? 'a' : 'b';
    return assert.equal(smaller, vector.smaller);
  }
  const id = idFromText(vector.text);
  if (vector.result === 'invalid') return assert.equal(id, null);
  assert.equal(id.toString('hex'), vector.bytes);
  return assert.equal(idToText(bytes(vector.bytes)), vector.text);
});

vectors('names', ({ operation, result, name, path, channel }) => {
  if (operation === 'name') return assert.equal(isChannelName(name), result === 'valid');
  const found = channelOfPath(path);
  if (result === 'invalid') return assert.equal(found, null);
  return assert.deepEqual({ kind: found.kind, name: found.name }, channel);
});

const SENDER = 'a4dqobyha4dqobyha4dqobyha4';

vectors('client', (vector) => {
  if (vector.direction === 'to-client') {
    const { action, you, peer, source, data, code, message, target } = vector.event;
    const text = {
      connect: () => tell.connect(you, peer),
      disconnect: () => tell.disconnect(you, peer),
      broadcast: () => tell.broadcast(source ?? peer, data),
      message: () => tell.message(source ?? peer, target ?? you, data),
      status: () => tell.status(you),
      error: () => tell.error(code, message, target),
    }[action]();
    if (action === 'error') return assert.deepEqual(JSON.parse(text), JSON.parse(vector.text)); // escapes may differ
    return assert.equal(text, vector.text);
  }
  const request = readClientMessage(vector.text);
  if (vector.result === 'invalid') return assert.deepEqual(request, { error: vector.code });
  const { action, target, data } = vector.request;
  assert.deepEqual({ ...request }, { action, ...(action === 'message' ? { target } : {}), ...(action === 'status' ? {} : { data }) });
  if (vector.delivered === undefined) return undefined;
  const delivered = {
    broadcast: () => tell.broadcast(SENDER, data),
    message: () => tell.message(SENDER, target, data),
    status: () => tell.status(SENDER),
  }[action]();
  return assert.equal(delivered, vector.delivered);
});
