// The vectors of spec/vectors, for Node's test runner.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Code } from '../node-proxy/codes.mjs';

/** Long bytes are lists of texts and of `{ hex, times }`. */
const spelt = (hex) => [hex].flat().map((part) => (typeof part === 'string' ? part : part.hex.repeat(part.times))).join('');

export const bytes = (hex) => Buffer.from(spelt(hex), 'hex');

/** All cases of a file; fails when the file does not hold as many as it says. */
export function casesOf(name) {
  const file = JSON.parse(readFileSync(new URL(`../../../spec/vectors/${name}.json`, import.meta.url), 'utf8'));
  if (file.cases.length !== file.count || file.count === 0) throw new Error(`${name}.json: ${file.cases.length} cases of ${file.count}`);
  return file.cases;
}

/** A code is what a case, or a step of one, says of the link's end: by number and by name. */
export function closesWith(code, said) {
  assert.equal(code, said.code);
  assert.equal(code, Code[said.code_name], `${said.code_name} has another number`);
}
