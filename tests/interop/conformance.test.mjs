// `nws conformance` against the Node proxy, and against the same with one fault each: the first passes, all others are
// caught, with the number of the requirement that they break.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, it, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { conformance } from './harness/conformance.mjs';

const FAULTY = fileURLToPath(new URL('faulty.mjs', import.meta.url));
const FAULTS = new URL('faults/', import.meta.url);

/** Of QUIC, which this proxy does not speak, and of pages, which it does not have; and what takes more than a minute. */
const NOT_RUN = ['quic-version', 'quic-one-stream', 'pace-stalled', 'http-console', 'ws-silent'];

const of = (report, outcome) => report.checks.filter((check) => check.outcome === outcome);
const idsOf = (report, outcome) => of(report, outcome).map(({ id }) => id);
const proves = (number) => ({ requirements }) => requirements.some((requirement) => requirement.number === number);

test('the Node proxy passes', async () => {
  const { status, report, words } = await conformance({});
  assert.deepEqual(of(report, 'failed'), []);
  assert.equal(status, 0, words);
  assert.deepEqual(idsOf(report, 'not run').sort(), [...NOT_RUN].sort());
  assert.ok(idsOf(report, 'passed').length > 200, words);
});

// Mostly they wait, each for two proxies of its own. What fails for another reason than the fault, a busy machine say,
// fails without the fault too.
describe('each fault is caught', { concurrency: 2 }, () => {
  for (const file of readdirSync(FAULTS)) {
    const name = file.replace(/\.mjs$/, '');
    const breaks = /breaks = '([^']+)'/.exec(readFileSync(new URL(file, FAULTS), 'utf8'))[1];
    it(`${name}: ${breaks}`, async () => {
      const args = ['--only', breaks];
      const [faulty, healthy] = await Promise.all([conformance({ entry: [FAULTY, name], args }), conformance({ args })]);
      assert.equal(faulty.status, 1, faulty.words);
      const caught = of(faulty.report, 'failed').filter(proves(breaks));
      assert.ok(caught.length > 0, `${breaks} is not among what failed`);
      assert.deepEqual(of(healthy.report, 'failed'), []);
      const passed = idsOf(healthy.report, 'passed');
      for (const { id } of caught) assert.ok(passed.includes(id), `${id} says nothing: it was not run without the fault`);
    });
  }
});
