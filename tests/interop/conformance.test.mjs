// `nws conformance` against the Node proxy, and against the same with one fault each: the first passes, all others are
// caught, with the number of the requirement that they break.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { conformance } from './harness/conformance.mjs';

const FAULTY = fileURLToPath(new URL('faulty.mjs', import.meta.url));
const FAULTS = new URL('faults/', import.meta.url);

const failedOf = (report) => report.checks.filter(({ outcome }) => outcome === 'failed');
const numbersOf = (checks) => new Set(checks.flatMap(({ requirements }) => requirements.map(({ number }) => number)));

// One proxy for each document: a run spends guesses, and the budgets of a proxy are those of the documents.
for (const document of ['D', 'L', 'P', 'M', 'C']) {
  test(`the Node proxy passes: document ${document}`, async () => {
    const { status, report, words } = await conformance({ args: ['--only', document] });
    assert.deepEqual(failedOf(report), []);
    assert.equal(status, 0, words);
  });
}

for (const file of readdirSync(FAULTS)) {
  const name = file.replace(/\.mjs$/, '');
  const breaks = /breaks = '([^']+)'/.exec(readFileSync(new URL(file, FAULTS), 'utf8'))[1];
  test(`${name} is caught: ${breaks}`, async () => {
    const { status, report, words } = await conformance({ entry: [FAULTY, name], args: ['--only', breaks] });
    assert.equal(status, 1, words);
    assert.ok(numbersOf(failedOf(report)).has(breaks), `${breaks} is not among what failed`);
  });
}
