// The whole proxy, put together.

import { makeCertificate } from './certificate.mjs';
import { Code } from './codes.mjs';
import { Dialer } from './dialer.mjs';
import { Gateway } from './gateway.mjs';
import { Hub } from './hub.mjs';
import { newId } from './ids.mjs';
import { Links } from './links.mjs';
import { listenForLinks } from './listener.mjs';
import { Budgets } from './matching/budgets.mjs';

const AROUND_A_MESSAGE = 1024; // bytes that a frame needs besides

/** Starts a proxy; gives `{ linkAddress, clientAddress, stop }`. */
export async function startProxy(options) {
  const self = {
    instanceId: newId(), // T-3
    agent: 'nws-node-proxy/1',
    maxFrameBytes: Math.max(65_536, options.maxMessageBytes + AROUND_A_MESSAGE),
    networkKey: options.networkKey,
    pingMs: options.pingMs,
    silenceMs: options.silenceMs,
    budgets: new Budgets(),
    warn: (words) => process.stderr.write(`${words}\n`),
    log: options.verbose ? (words) => process.stderr.write(`${words}\n`) : () => {},
  };
  const hub = new Hub();
  const links = new Links(self, hub);
  hub.links = links;
  const gateway = new Gateway(hub, options);
  const clientAddress = await gateway.listen(options.clients);
  const listener = await listenForLinks(options.listen, await makeCertificate(), links);
  const dialers = options.peers.map((peer) => new Dialer(peer, links));
  for (const dialer of dialers) void dialer.run();

  /** Goodbye to links and clients. */
  async function stop() {
    listener.stop();
    for (const dialer of dialers) dialer.stop();
    await gateway.close(); // clients part first, so that the other proxies see them go
    await links.closeAll(Code.GoingAway, 'shutting down');
    listener.close();
  }

  return { linkAddress: listener.address, clientAddress, stop };
}
