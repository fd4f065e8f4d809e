// Byte-exact derivations: the secret of a link, inputs of the function, secrets of a channel (03 sections 4 to 6).

import { createHash, createHmac, hkdfSync } from 'node:crypto';

const sha512 = (bytes) => createHash('sha512').update(bytes).digest();

/** `lp(x)`: two bytes of length, then the bytes. */
export function lp(bytes) {
  const body = Buffer.from(bytes);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length); // throws over 65535 (T-1)
  return Buffer.concat([length, body]);
}

/** L: binds the TLS session, both Hellos as they travelled, and the network key. */
export function linkSecret({ exported, helloI, helloR, networkKey }) {
  const info = Buffer.concat([lp('nws/1 link'), lp(sha512(helloI)), lp(sha512(helloR))]);
  return Buffer.from(hkdfSync('sha512', exported, networkKey ?? Buffer.alloc(0), info, 32));
}

export function channelInput(secret, kind, name) {
  if (kind !== 'network' && kind !== 'broadcast') throw new Error(`${kind} channels are not made known to any link`); // T-9
  return Buffer.concat([lp('nws/1 channel'), lp(secret), lp(kind), lp(Buffer.from(name, 'ascii'))]);
}

export const dummyInput = (random32) => Buffer.concat([lp('nws/1 dummy'), lp(random32)]);

/** From the output y of the function: tags, channel id and key. */
export function channelSecrets(secret, y) {
  const okm = Buffer.from(hkdfSync('sha512', y, secret, 'nws/1 channel secrets', 72));
  return {
    tagR: okm.subarray(0, 16),
    tagI: okm.subarray(16, 32),
    channelId: okm.subarray(32, 40),
    channelKey: okm.subarray(40, 72),
  };
}

/** A name for a tag within one table that tells nothing to who does not have the table's key (P-42). */
export const keyedHash = (key, tag) => createHmac('sha256', key).update(tag).digest('hex');
