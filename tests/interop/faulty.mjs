// A proxy with one fault: node faulty.mjs NAME [options of main.mjs]. Each file of faults/ replaces one function of one
// module and says which requirement it breaks.

import { withoutTickets } from './node-proxy/no-tickets.mjs';

await withoutTickets();
const [name] = process.argv.splice(2, 1);
await import(`./faults/${name}.mjs`);
await import('./node-proxy/main.mjs');
