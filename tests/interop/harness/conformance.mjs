// Runs `nws conformance` against a proxy that is started for it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { NWS, freeAddresses, startNode } from './processes.mjs';

const CHANNEL = 'conformance-of-the-second-one';
/** With so many addresses to dial, a whole run takes about a minute: the proxy waits longer and longer between its dials to one. */
const DIALS = 9;

/**
 * Starts a Node proxy by `entry` and runs the runner against it, with `args` besides: `{ status, report, words }`.
 * `dialled`: also the checks in which the proxy dials the runner.
 */
export async function conformance({ entry, args = [], dialled = true }) {
  const addresses = dialled ? await freeAddresses(DIALS) : [];
  const proxy = await startNode(addresses.flatMap((address) => ['--peer', address]), { entry });
  try {
    const listen = dialled ? addresses.flatMap((address) => ['--listen', address]) : ['--no-dialled'];
    const target = ['--target', `tcp://${proxy.link}`, '--channel', CHANNEL, '--client', proxy.client + CHANNEL];
    const runner = spawn(NWS, ['conformance', ...target, ...listen, '--format', 'json', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let words = '';
    runner.stdout.on('data', (data) => (out += data));
    runner.stderr.on('data', (data) => (words += data));
    const [status] = await once(runner, 'close');
    if (out === '') throw new Error(`no report, exit status ${status}: ${words}${proxy.errors}`);
    return { status, report: JSON.parse(out), words: words + proxy.errors };
  } finally {
    await proxy.kill();
  }
}
