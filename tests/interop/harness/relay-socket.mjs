// Run inside of a network namespace: a WebSocket whose text messages are lines of standard input and output.
// usage: node relay-socket.mjs ws://127.0.0.1:PORT/CHANNEL

import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const socket = new WebSocket(process.argv[2]);
socket.on('open', () => console.log('open'));
socket.on('message', (data) => console.log(data.toString()));
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(1));
createInterface(process.stdin)
  .on('line', (line) => socket.send(line))
  .on('close', () => socket.close());
