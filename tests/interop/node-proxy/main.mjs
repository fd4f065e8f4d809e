// A proxy of Network Web Sockets, in JavaScript. See README.md for what is in which file.

import { withoutTickets } from './no-tickets.mjs';
import { readOptions } from './options.mjs';
import { startProxy } from './proxy.mjs';

const options = readOptions(process.argv.slice(2));
await withoutTickets();

const text = ({ address, family, port }) => (family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`);
const proxy = await startProxy(options);
console.log(`clients: ws://${text(proxy.clientAddress)}/`);
console.log(`links: tcp://${text(proxy.linkAddress)}`);
console.log('ready');

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    if (stopping) process.exit(1);
    stopping = true;
    await proxy.stop();
    process.exit(0);
  });
}
