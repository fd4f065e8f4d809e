// Takes connections of other proxies: TLS as server, and how many may be on their way to be a link (02 section 9).

import tls from 'node:tls';
import { alpn, serverSettings } from './tls-settings.mjs';

const MOST_GREETING = 64;
const MOST_GREETING_OF_ADDRESS = 16;

/** Listens; gives `{ address, close }`. */
export async function listenForLinks({ host, port }, certificate, links) {
  const greeting = new Map(); // link -> address, until it is established or gone
  const sockets = new Set();
  const server = tls.createServer(serverSettings(certificate), (socket) => {
    socket.on('error', () => {});
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    for (const [link] of greeting) if (link.state === 'established' || !link.isOpen) greeting.delete(link);
    const address = socket.remoteAddress;
    const ofAddress = [...greeting.values()].filter((other) => other === address).length;
    const tooMany = greeting.size >= MOST_GREETING || ofAddress >= MOST_GREETING_OF_ADDRESS;
    if (!address || !alpn.isAgreed(socket) || tooMany) return socket.destroy(); // L-3
    socket.setNoDelay(true);
    const link = links.begin(socket, 'responder', address);
    greeting.set(link, address);
    return void link.run();
  });
  server.on('tlsClientError', () => {});
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { address: server.address(), stop: () => server.close(), close };
}
