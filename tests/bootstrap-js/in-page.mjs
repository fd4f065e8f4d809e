// What pages of Chromium do with our client, told from Node.

import { SECRET } from "./servers.mjs";

/** In the page: becomes a root that answers every ping, with the client's own table of peers. */
export async function pageAsRoot(page, host, options = {}) {
  await page.evaluate(
    async ([host, secret, options]) => {
      const { BootstrapClient } = await import("/lib/network-web-sockets-bootstrap.mjs");
      const bootstrap = new BootstrapClient(host, options);
      const peers = new Set();
      globalThis.heard = [];
      await new Promise((resolve, reject) => {
        const onRequest = (request) => {
          const peer = bootstrap.connect(request);
          if (peers.has(peer)) return;
          peers.add(peer);
          peer.on("data", (data) => (globalThis.heard.push(data), peer.send(`pong to ${data}`)));
        };
        const root = bootstrap.root(secret, onRequest, (error) => (error ? reject(error) : resolve()));
        globalThis.root = root;
      });
    },
    [host, SECRET, options],
  );
}

/** In the page: joins, says something, and gives what comes back, or the error's name and code. */
export function pageAsJoiner(page, host, words, more = {}, options = {}) {
  return page.evaluate(
    async ([host, words, more, options]) => {
      const { BootstrapClient } = await import("/lib/network-web-sockets-bootstrap.mjs");
      return new Promise((resolve) => {
        const cb = (error) => error && resolve(`${error.name} ${error.code}`);
        const peer = new BootstrapClient(host, options).connect(null, { cb, ...more });
        globalThis.peer = peer;
        peer.on("connect", () => peer.send(words));
        peer.on("data", resolve);
      });
    },
    [host, words, more, options],
  );
}
