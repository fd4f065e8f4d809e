// The JSON that clients of `network` channels send and get (05 sections 4 and 5). Knows texts, no sockets.

import { isJson } from './payloads.mjs';

const SPACE = ' \t\r\n';

/**
 * What a client says: `{ action: 'broadcast', data }`, `{ action: 'message', target, data }`, `{ action: 'status' }`,
 * where `data` is the JSON text as it was sent, or undefined; or `{ error: <code> }`.
 */
export function readClientMessage(text) {
  if (!isJson(text)) return { error: 'bad_json' };
  const members = membersOf(text);
  if (!members) return { error: 'bad_message' };
  const action = stringOf(members.get('action'));
  if (action === null) return { error: 'bad_message' };
  const data = members.get('data');
  if (action === 'broadcast') return { action, data };
  if (action === 'status') return { action };
  if (action !== 'message') return { error: 'unknown_action' };
  const target = stringOf(members.get('target'));
  return target === null ? { error: 'bad_message' } : { action, target, data };
}

const dataMember = (data) => (data === undefined ? '' : `,"data":${data}`);

/** What a client is told; C-23: this order, no white space. */
export const tell = {
  connect: (you, peer) => `{"action":"connect","source":"${you}","target":"${peer}"}`,
  disconnect: (you, peer) => `{"action":"disconnect","source":"${you}","target":"${peer}"}`,
  broadcast: (peer, data) => `{"action":"broadcast","source":"${peer}"${dataMember(data)}}`,
  message: (peer, you, data) => `{"action":"message","source":"${peer}","target":"${you}"${dataMember(data)}}`,
  status: (you) => `{"action":"status","source":"${you}","target":"${you}"}`,
  error(code, message, target) {
    return JSON.stringify({ action: 'error', code, message, ...(target === undefined ? {} : { target }) });
  },
};

/** The string that a JSON text is, or null; half a surrogate pair reads as U+FFFD. */
function stringOf(json) {
  return json?.startsWith('"') ? JSON.parse(json).toWellFormed() : null;
}

/**
 * The members of the object that `text`, which is JSON, is: names in lower case (C-21), and the text of each value as
 * it stands there. Of several with the same name the last one (C-20). null when it is no object.
 */
function membersOf(text) {
  let at = skipSpace(text, 0);
  if (text[at] !== '{') return null;
  const members = new Map();
  at = skipSpace(text, at + 1);
  while (text[at] !== '}') {
    const nameEnd = endOfValue(text, at);
    const name = JSON.parse(text.slice(at, nameEnd)).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1); // past the colon
    const end = endOfValue(text, start);
    members.set(name, text.slice(start, end));
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return members;
}

function skipSpace(text, at) {
  while (at < text.length && SPACE.includes(text[at])) at += 1;
  return at;
}

/** Where the value that begins at `at` ends. */
function endOfValue(text, at) {
  let depth = 0;
  do {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else {
      if (character === '{' || character === '[') depth += 1;
      if (character === '}' || character === ']') depth -= 1;
      at += 1;
    }
  } while (depth > 0);
  const first = text[at - 1];
  if (first === '"' || first === '}' || first === ']') return at;
  while (at < text.length && !`${SPACE},]}`.includes(text[at])) at += 1; // the rest of a number, or of a word
  return at;
}

function endOfString(text, at) {
  for (at += 1; text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
  return at + 1;
}
