// Node has no option that keeps a TLS server from sending session tickets (L-13), but its OpenSSL has one, which is read
// from a file at start. So a program that was started without that file starts itself again with it.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const FLAG = `--openssl-config=${fileURLToPath(new URL('no-tickets.cnf', import.meta.url))}`;

/** Returns in the process that has the setting, and never in another one. */
export async function withoutTickets() {
  if (process.execArgv.includes(FLAG)) {
    process.on('disconnect', () => process.exit(1)); // whoever started it is gone
    return;
  }
  const child = spawn(process.execPath, [FLAG, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal));
  await new Promise((resolve) => child.once('exit', resolve));
  process.exit(child.exitCode ?? 1);
}
