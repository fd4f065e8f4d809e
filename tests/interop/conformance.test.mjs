// `nws conformance` against the Node proxy, and against the same with one fault each: the first passes, all others are
// caught, with the number of the requirement that they break.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, it, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { conformance } from './harness/conformance.mjs';

const FAULTY = fileURLToPath(new URL('faulty.mjs', import.meta.url));
const FAULTS = new URL('faults/', import.meta.url);

const failedOf = (report) => report.checks.filter(({ outcome }) => outcome === 'failed');
const numbersOf = (checks) => new Set(checks.flatMap(({ requirements }) => requirements.map(({ number }) => number)));

test('the Node proxy passes', async () => {
  const { status, report, words } = await conformance({});
  assert.deepEqual(failedOf(report), []);
  assert.equal(status, 0, words);
});

// Mostly they wait, each for a proxy of its own.
describe('each fault is caught', { concurrency: 3 }, () => {
  for (const file of readdirSync(FAULTS)) {
    const name = file.replace(/\.mjs$/, '');
    const breaks = /breaks = '([^']+)'/.exec(readFileSync(new URL(file, FAULTS), 'utf8'))[1];
    it(`${name}: ${breaks}`, async () => {
      const { status, report, words } = await conformance({ entry: [FAULTY, name], args: ['--only', breaks] });
      assert.equal(status, 1, words);
      assert.ok(numbersOf(failedOf(report)).has(breaks), `${breaks} is not among what failed`);
    });
  }
});
