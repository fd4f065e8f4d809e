// What clients say, as it travels on data lanes: `format` says how to read `data` (04 section 2).

import { malformed } from './codes.mjs';

export const Format = { Json: 0, Text: 1, Binary: 2 };

/** The text of UTF-8 bytes, byte for byte; null when they are none. */
export function utf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Is it one JSON value? JSON.parse of V8 does not recurse, so that any depth will do. */
export function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const FORMATS = { network: [Format.Json], broadcast: [Format.Text, Format.Binary] };

/** M-4: raw relays know broadcasts only. */
export function checkFits(channelKind, { kind }) {
  const forNetwork = kind === 'direct' || kind === 'undeliverable';
  if (forNetwork && channelKind !== 'network') throw malformed(`${kind} on a raw relay`);
}

/** M-3, M-4: what a Broadcast or Direct brings, for clients of a channel of this kind: a text, bytes, or undefined. */
export function readPayload(channelKind, { format, data }) {
  if (!FORMATS[channelKind].includes(format)) throw malformed(`payload kind ${format} in a ${channelKind} channel`);
  if (format === Format.Binary) return data;
  if (format === Format.Json && data.length === 0) return undefined; // the client gave no data
  const text = utf8(data);
  if (text === null) throw malformed('a payload that is not UTF-8');
  if (format === Format.Text) return text;
  if (!isJson(text)) throw malformed('a payload that is not JSON');
  return trimmed(text);
}

const isSpace = (character) => character === ' ' || character === '\t' || character === '\r' || character === '\n';

/** Without the white space of JSON around it. (An expression with `+$` would take time by the square of a length.) */
function trimmed(text) {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text[start])) start += 1;
  while (end > start && isSpace(text[end - 1])) end -= 1;
  return text.slice(start, end);
}
