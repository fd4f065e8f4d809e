// Starts proxies of both kinds for tests, on loopback with free ports, and ends each of them by its process id.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
export const NWS = process.env.NWS_BIN ?? at('../../../target/debug/nws');
const NODE_PROXY = at('../node-proxy/main.mjs');
const TICKETS = `--openssl-config=${at('../node-proxy/no-tickets.cnf')}`;
const READY_MS = 60_000;

/** A running proxy: `link` is its HOST:PORT for other proxies, `client` the address that channel names are put behind. */
class Proxy {
  constructor(kind, child, lines) {
    Object.assign(this, { kind, child, lines });
    this.errors = '';
    child.stderr.on('data', (data) => (this.errors += data));
    this.exited = once(child, 'exit').then(([code, signal]) => code ?? signal);
  }

  /** Ends as a user would; the exit code. */
  async stop() {
    this.child.kill('SIGTERM');
    return this.exited;
  }

  async kill() {
    this.child.kill('SIGKILL');
    return this.exited;
  }

  signal(name) {
    this.child.kill(name);
  }
}

/** `inside`: a command and its arguments to start it with, such as `ip netns exec NAME`. */
async function start(kind, command, inside) {
  const [program, ...args] = [...inside, ...command];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = [];
  const proxy = new Proxy(kind, child, lines);
  const ready = (async () => {
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      if (line === 'ready') return true;
    }
    return false;
  })();
  const timeout = new Promise((resolve) => setTimeout(resolve, READY_MS, false).unref());
  if (!(await Promise.race([ready, timeout]))) {
    child.kill('SIGKILL');
    throw new Error(`${kind} did not start: ${lines.join('\n')}\n${proxy.errors}`);
  }
  child.stdout.resume();
  return proxy;
}

const matching = (lines, pattern) => lines.map((line) => pattern.exec(line)).find(Boolean)[1];

export async function startNws(args = [], { inside = [], listen = '127.0.0.1:0', discovery = 'off' } = {}) {
  const command = [NWS, '--discovery', discovery, '--transport', 'tcp', '--port', '0', '--link-listen', listen, ...args];
  const proxy = await start('nws', command, inside);
  proxy.client = `ws://127.0.0.1:${matching(proxy.lines, /console: http:\/\/localhost:(\d+)/)}/`;
  proxy.link = matching(proxy.lines, /links: tcp on (\S+?),?$/);
  return proxy;
}

/** `entry`: another program than main.mjs, with its own first arguments. */
export async function startNode(args = [], { inside = [], listen = '127.0.0.1:0', entry = [NODE_PROXY] } = {}) {
  const proxy = await start('node', [process.execPath, TICKETS, ...entry, '--listen', listen, ...args], inside);
  proxy.client = matching(proxy.lines, /clients: (\S+)/);
  proxy.link = matching(proxy.lines, /links: tcp:\/\/(\S+)/);
  return proxy;
}

/** Ports that were given out by this process: what is free for the moment may be another test's that has not begun to listen. */
const given = new Set();

/** Addresses on which nothing listens; below the ports that systems give out by themselves, so that none is taken meanwhile. */
export async function freeAddresses(count) {
  const servers = [];
  while (servers.length < count) {
    const port = randomInt(20_000, 32_000);
    if (given.has(port)) continue;
    const server = createServer();
    const listening = new Promise((resolve) => server.once('listening', () => resolve(true)).once('error', () => resolve(false)));
    given.add(port);
    server.listen(port, '127.0.0.1');
    if (await listening) servers.push(server);
  }
  const addresses = servers.map((server) => `127.0.0.1:${server.address().port}`);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return addresses;
}
