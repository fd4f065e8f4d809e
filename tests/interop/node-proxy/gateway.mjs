// HTTP and WebSocket for programs of this machine (05 sections 2, 3 and 9): who may come in, and to which channel.

import http from 'node:http';
import { WebSocketServer } from 'ws';
import { JsonClient, RelayClient } from './client.mjs';
import { channelOfPath } from './names.mjs';
import './websocket-lengths.mjs';

const PING_MS = 54_000;
const PONG_MS = 10_000;
const MOST_CLIENTS = 16_384;
const NAMES = ['localhost', '127.0.0.1', '[::1]'];

export class Gateway {
  #hub;
  #clients = new Set();
  #servers = [];
  #port;
  #sockets;

  constructor(hub, { maxMessageBytes }) {
    this.#hub = hub;
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false, // C-11
      maxPayload: maxMessageBytes, // closes with 1009
      handleProtocols: (offered) => [...offered][0], // C-10
    });
  }

  /** Listens on loopback only, by IPv4 and IPv6 on the same port (C-4); gives the address of the first. */
  async listen({ host, port }) {
    const first = await this.#listenOn(host, port);
    this.#port = first.port;
    if (host === '127.0.0.1') await this.#listenOn('::1', first.port).catch(() => {}); // a machine may have no IPv6
    return first;
  }

  async #listenOn(host, port) {
    const server = http.createServer({ maxHeaderSize: 16 * 1024, headersTimeout: 10_000 });
    server.on('request', (request, response) => this.#onRequest(request, response));
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
    this.#servers.push(server);
    return server.address();
  }

  async close() {
    for (const server of this.#servers) server.close();
    const ends = [...this.#clients].map((client) => new Promise((resolve) => client.socket.once('close', resolve)));
    for (const client of this.#clients) client.close(1001, 'the proxy is shutting down');
    await Promise.race([Promise.all(ends), new Promise((resolve) => setTimeout(resolve, 500))]);
    for (const server of this.#servers) server.closeAllConnections();
    for (const client of this.#clients) client.socket.terminate();
  }

  /** C-5 to C-7, before anything else: `{ path }`, or `{ refusal }` with a status. */
  #address({ rawHeaders, headers, url }) {
    const allowed = (host) => NAMES.some((name) => host === `${name}:${this.#port}` || (this.#port === 80 && host === name));
    if (countOf(rawHeaders, 'host') !== 1) return { refusal: 400 };
    if (!allowed(headers.host.toLowerCase())) return { refusal: 403 };
    if (url.startsWith('/')) return { path: url.split('?')[0] };
    const absolute = /^http:\/\/([^/?]*)([^?]*)/i.exec(url);
    if (!absolute) return { refusal: 400 };
    return allowed(absolute[1].toLowerCase()) ? { path: absolute[2] || '/' } : { refusal: 403 };
  }

  #onRequest(request, response) {
    const answer = (status, headers, text = '') => {
      const plain = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
      response.writeHead(status, { ...plain, 'Content-Length': Buffer.byteLength(text), ...headers });
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const { path, refusal } = this.#address(request);
    if (refusal) return answer(refusal, {}, 'use localhost as the name of this proxy\n');
    if (path === '/health') return this.#health(request, answer);
    const channel = channelOfPath(path);
    if (!channel) return answer(404, {}, 'nothing is here\n');
    if (!reads) return answer(405, { Allow: 'GET' }, 'open a WebSocket here\n'); // C-14
    return answer(426, { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' }, 'open a WebSocket here\n');
  }

  /** C-15 to C-17 */
  #health({ method }, answer) {
    const any = { 'Access-Control-Allow-Origin': '*' };
    const allow = { Allow: 'GET, HEAD, OPTIONS' };
    if (method === 'OPTIONS') {
      const allowed = { 'Access-Control-Allow-Methods': 'GET, HEAD', 'Access-Control-Allow-Headers': '*' };
      return answer(204, { ...any, ...allow, ...allowed, 'Access-Control-Allow-Private-Network': 'true' });
    }
    if (method !== 'GET' && method !== 'HEAD') return answer(405, allow, 'only GET\n');
    return answer(200, { ...any, 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }, '{"status":"ok"}');
  }

  #onUpgrade(request, socket, head) {
    socket.on('error', () => {});
    const refuse = (status, headers = '', connection = 'close') => {
      const body = 'this is no way to a channel\n';
      const rest = `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: ${connection}\r\n`;
      socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${rest}${headers}\r\n${body}`);
    };
    const { path, refusal } = this.#address(request);
    if (refusal) return refuse(refusal);
    if (request.method !== 'GET') return refuse(405, 'Allow: GET\r\n');
    const address = channelOfPath(path);
    if (!address) return refuse(404); // C-2
    const { headers, rawHeaders, httpVersion } = request;
    const hasBody = 'transfer-encoding' in headers || Number(headers['content-length'] ?? 0) > 0;
    if (httpVersion !== '1.1' || hasBody) return refuse(400);
    const isVersion13 = countOf(rawHeaders, 'sec-websocket-version') === 1 && headers['sec-websocket-version'] === '13';
    if (!isVersion13) return refuse(426, 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n', 'Upgrade'); // C-13
    if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(headers['sec-websocket-key'] ?? '')) return refuse(400);
    if (this.#clients.size >= MOST_CLIENTS) return refuse(503);
    return this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#onClient(webSocket, address));
  }

  /** Called in the same turn in which the 101 is written, so that nothing is said in between (C-12). */
  #onClient(webSocket, address) {
    const client = new (address.kind === 'network' ? JsonClient : RelayClient)(webSocket, this.#hub, address);
    this.#clients.add(client);
    webSocket.once('close', () => this.#clients.delete(client));
    this.#watch(client);
  }

  /** C-41: who is silent is pinged, and who then stays silent is closed; not while it is held back. */
  #watch({ socket }) {
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        socket.ping();
        timer = setTimeout(() => (socket.isPaused ? heard() : socket.close(1011, 'no answer to pings')), PONG_MS);
        timer.unref();
      }, PING_MS);
      timer.unref();
    };
    for (const event of ['message', 'ping', 'pong']) socket.on(event, heard);
    socket.once('close', () => clearTimeout(timer));
    heard();
  }
}

const countOf = (rawHeaders, name) => rawHeaders.filter((header, at) => at % 2 === 0 && header.toLowerCase() === name).length;
