// The command line.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const HELP = `usage: node main.mjs [options]
  --listen HOST:PORT         where links are accepted (127.0.0.1:0)
  --clients HOST:PORT        where WebSockets of this machine are accepted (127.0.0.1:0)
  --peer HOST:PORT           a proxy to link to; may be repeated
  --network-key-file FILE    32 bytes: as 64 hex digits, as base64, or as they are
  --link-ping MS             a link is pinged when nothing came for this long (5000)
  --link-silence MS          a link that stays silent this long is closed (15000)
  --max-message-bytes BYTES  largest message of a client (1048576)
  --verbose                  says on standard error what links do`;

export function readOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      listen: { type: 'string', default: '127.0.0.1:0' },
      clients: { type: 'string', default: '127.0.0.1:0' },
      peer: { type: 'string', multiple: true, default: [] },
      'network-key-file': { type: 'string' },
      'link-ping': { type: 'string', default: '5000' },
      'link-silence': { type: 'string', default: '15000' },
      'max-message-bytes': { type: 'string', default: '1048576' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const maxMessageBytes = Number(values['max-message-bytes']);
  return {
    listen: hostAndPort(values.listen),
    clients: hostAndPort(values.clients),
    peers: values.peer.map(hostAndPort),
    networkKey: values['network-key-file'] ? readNetworkKey(readFileSync(values['network-key-file'])) : null,
    pingMs: Number(values['link-ping']),
    silenceMs: Number(values['link-silence']),
    maxMessageBytes,
    verbose: values.verbose,
  };
}

function hostAndPort(text) {
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  if (!parts) throw new Error(`not HOST:PORT: ${text}`);
  return { host: parts[1] ?? parts[2], port: Number(parts[3]) };
}

/** A key of zeros would protect nothing (03 section 4). */
export function readNetworkKey(bytes) {
  const text = bytes.toString('latin1').trim();
  let key = bytes;
  if (/^[0-9a-fA-F]{64}$/.test(text)) key = Buffer.from(text, 'hex');
  else if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) key = Buffer.from(text, 'base64');
  if (key.length !== 32) throw new Error('a network key has 32 bytes');
  if (key.every((byte) => byte === 0)) throw new Error('a network key of zeros protects nothing');
  return key;
}
