// Three proxies of mixed kind in one channel: on loopback, and as three hosts of one network.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TestClient, introduced, welcomed } from './harness/client.mjs';
import { makeNetwork } from './harness/networks.mjs';
import { startNode, startNws } from './harness/processes.mjs';

const COUNT = 150;

/** Everybody speaks at once, to all and to each; everybody gets all of it, in the order of each sender. */
async function talk(clients) {
  for (let n = 0; n < COUNT; n++) {
    for (const client of clients) {
      client.broadcast(n);
      if (n % 50 === 0) for (const other of clients) if (other !== client) client.message(other.id, `${n} for you`);
    }
  }
  const expected = [...Array(COUNT).keys()].flatMap((n) => (n % 50 === 0 ? [n, `${n} for you`] : [n]));
  for (const client of clients) {
    const others = clients.filter((other) => other !== client);
    const heard = await client.take(expected.length * others.length, ({ action }) => action === 'broadcast' || action === 'message');
    for (const { id } of others) {
      assert.deepEqual(heard.filter(({ source }) => source === id).map(({ data }) => data), expected);
    }
  }
}

/** What all arrangements of three are put through. `open(n)`: a client at proxy n. */
async function exercise(proxies, open) {
  const clients = await Promise.all(proxies.map((_, n) => open(n)));
  await introduced(...clients);
  await talk(clients);
  for (const n of [0, 1, 2]) {
    await clients[n].close();
    const stay = clients.filter((_, at) => at !== n);
    for (const client of stay) assert.equal((await client.next('disconnect')).target, clients[n].id);
    clients[n] = await open(n);
    await welcomed(clients[n], stay);
    clients[n].broadcast('back');
    for (const client of stay) assert.equal((await client.next('broadcast')).data, 'back');
  }
  await proxies[1].kill();
  for (const n of [0, 2]) assert.equal((await clients[n].next('disconnect')).target, clients[1].id);
  clients[0].broadcast('two are left');
  assert.equal((await clients[2].next('broadcast')).data, 'two are left');
  assert.equal(await proxies[0].stop(), 0);
  assert.equal(await proxies[2].stop(), 0);
}

describe('on loopback', () => {
  for (const kinds of ['nws nws node', 'node node nws', 'nws node nws', 'node nws node']) {
    test(kinds, async (t) => {
      const proxies = [];
      for (const kind of kinds.split(' ')) {
        const peers = proxies.flatMap(({ link }) => ['--peer', link]);
        const proxy = await (kind === 'nws' ? startNws : startNode)(peers);
        t.after(() => proxy.kill());
        proxies.push(proxy);
      }
      await exercise(proxies, (n) => TestClient.open(proxies[n].client, 'chat'));
    });
  }
});

describe('three hosts in network namespaces', () => {
  for (const kinds of ['nws nws node', 'node node nws']) {
    test(kinds, async (t) => {
      const network = await makeNetwork(3);
      t.after(() => network.remove());
      const proxies = [];
      for (const [n, kind] of kinds.split(' ').entries()) {
        const host = network.hosts[n];
        // Among themselves nws find each other by multicast DNS; the Node proxy has none, and is told addresses.
        const named = proxies.filter((proxy) => kind === 'node' || proxy.kind === 'node');
        const peers = named.flatMap(({ link }) => ['--peer', link]);
        const place = { inside: host.inside, listen: `${host.address}:9010` };
        const proxy = kind === 'nws' ? await startNws(peers, { ...place, discovery: 'mdns' }) : await startNode(peers, place);
        t.after(() => proxy.kill());
        proxies.push(proxy);
      }
      await exercise(proxies, (n) => TestClient.open(proxies[n].client, 'chat', { inside: network.hosts[n].inside }));
    });
  }
});
