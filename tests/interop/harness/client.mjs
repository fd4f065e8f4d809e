// A client of either proxy for tests: what it was told, in order, and promises for what is to come.

import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';

const DEADLINE_MS = 60_000;
const RELAY = fileURLToPath(new URL('relay-socket.mjs', import.meta.url));

/** As a WebSocket, but opened inside of a network namespace. */
class SocketInside extends EventEmitter {
  constructor(inside, address) {
    super();
    const [program, ...args] = [...inside, process.execPath, RELAY, address];
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.once('exit', (code) => this.emit('close', code));
    this.child.stdin.on('error', () => {});
    createInterface(this.child.stdout).on('line', (line) => {
      if (line === 'open') this.emit('open');
      else this.emit('message', line, false);
    });
  }

  send(text) {
    this.child.stdin.write(`${text}\n`);
  }

  close() {
    this.child.stdin.end();
  }
}

export class TestClient {
  heard = []; // messages, parsed; `raw` is the text
  #wake = [];

  /** Opens `address` + `channel`; resolves when it is in the channel, and knows its own id. */
  static async open(address, channel, { raw = false, inside } = {}) {
    const client = new TestClient();
    client.socket = inside ? new SocketInside(inside, address + channel) : new WebSocket(address + channel);
    client.closed = new Promise((resolve) => client.socket.once('close', (code) => resolve(code)));
    client.socket.on('message', (data, isBinary) => client.#hear(data, isBinary, raw));
    client.socket.on('close', () => client.#notify());
    await new Promise((resolve, reject) => client.socket.once('open', resolve).once('error', reject));
    client.socket.on('error', () => {});
    if (!raw) {
      client.say({ action: 'status' });
      const isStatus = ({ action }) => action === 'status';
      await client.until(() => client.heard.some(isStatus));
      const [{ source }] = client.heard.splice(client.heard.findIndex(isStatus), 1); // peers may have been told before
      client.id = source;
    }
    return client;
  }

  say(message) {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  broadcast(data) {
    this.say({ action: 'broadcast', data });
  }

  message(target, data) {
    this.say({ action: 'message', target, data });
  }

  async close() {
    this.socket.close();
    await this.closed;
  }

  /** The next message for which `wanted` (an action, or a function) holds; what came before it is dropped. */
  async next(wanted) {
    const [found] = await this.take(1, wanted);
    return found;
  }

  /** The next `count` such messages. */
  async take(count, wanted) {
    const fits = typeof wanted === 'string' ? ({ action }) => action === wanted : wanted;
    const found = [];
    await this.until(() => {
      for (let message; found.length < count && (message = this.heard.shift()); ) if (fits(message)) found.push(message);
      return found.length === count;
    });
    return found;
  }

  /** Waits until `holds()`, which is asked again after each message. */
  async until(holds) {
    const deadline = Date.now() + DEADLINE_MS;
    while (!holds()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`not heard in time; last: ${JSON.stringify(this.heard.slice(-5)).slice(0, 500)}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #hear(data, isBinary, raw) {
    this.heard.push(raw ? { action: isBinary ? 'binary' : 'text', data } : { ...JSON.parse(data.toString()), raw: data.toString() });
    this.#notify();
  }

  #notify() {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** All of these clients come to know of each other. */
export const introduced = (...clients) => Promise.all(clients.map((client) => knows(client, clients)));

/** A client that came, and those that were there, who know of each other already. */
export const welcomed = (client, there) => Promise.all([knows(client, there), ...there.map((other) => knows(other, [client]))]);

async function knows(client, others) {
  const missing = new Set(others.filter((other) => other !== client).map(({ id }) => id));
  await client.until(() => {
    for (const { action, target } of client.heard) if (action === 'connect') missing.delete(target);
    return missing.size === 0;
  });
  client.heard = client.heard.filter(({ action }) => action !== 'connect');
}
