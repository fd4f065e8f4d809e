// Two proxies, of both kinds and dialling either way, and what their clients get of each other.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TestClient, introduced } from './harness/client.mjs';
import { freeAddresses, startNode, startNws } from './harness/processes.mjs';

const start = { nws: startNws, node: startNode };

/** Two linked proxies: the second dials the first. */
async function pair(t, dialled, dialling, args = []) {
  const first = await start[dialled](args);
  t.after(() => first.kill());
  const second = await start[dialling](['--peer', first.link, ...args]);
  t.after(() => second.kill());
  return [first, second];
}

/** A client at each of two proxies, in one channel. */
async function both(proxies, channel = 'chat') {
  const clients = await Promise.all(proxies.map(({ client }) => TestClient.open(client, channel)));
  await introduced(...clients);
  return clients;
}

for (const [dialled, dialling] of [
  ['nws', 'node'],
  ['node', 'nws'],
  ['node', 'node'],
]) {
  describe(`${dialling} dials ${dialled}`, () => {
    test('connect, broadcast, direct, disconnect, both ways', async (t) => {
      const proxies = await pair(t, dialled, dialling);
      const [a, b] = await both(proxies);
      a.say('{"action":"broadcast","data":{"n": 1.0,  "n":2e400}}');
      assert.match((await b.next('broadcast')).raw, /"data":\{"n": 1\.0, {2}"n":2e400\}\}$/);
      b.say('{"action":"broadcast"}');
      assert.equal((await a.next('broadcast')).raw, `{"action":"broadcast","source":"${b.id}"}`);
      a.message(b.id, 'psst');
      assert.equal((await b.next('message')).raw, `{"action":"message","source":"${a.id}","target":"${b.id}","data":"psst"}`);
      b.message(a.id, null);
      assert.equal((await a.next('message')).raw, `{"action":"message","source":"${b.id}","target":"${a.id}","data":null}`);
      await b.close();
      assert.equal((await a.next('disconnect')).target, b.id);
      a.message(b.id, 'too late');
      const error = await a.next('error');
      assert.deepEqual([error.code, error.target], ['unknown_target', b.id]);
      for (const proxy of proxies) assert.equal(await proxy.stop(), 0);
    });

    test('leave and come back, either side, many times', async (t) => {
      const proxies = await pair(t, dialled, dialling);
      let [a, b] = await both(proxies);
      for (let round = 0; round < 6; round++) {
        const [left, stays] = round % 2 ? [a, b] : [b, a];
        await left.close();
        assert.equal((await stays.next('disconnect')).target, left.id);
        const back = await TestClient.open(proxies[round % 2 ? 0 : 1].client, 'chat');
        await introduced(back, stays);
        back.broadcast(round);
        assert.equal((await stays.next('broadcast')).data, round);
        stays.message(back.id, round);
        assert.equal((await back.next('message')).data, round);
        [a, b] = round % 2 ? [back, stays] : [stays, back];
      }
    });

    test('500 messages each way at once, broadcasts and direct ones, in order', async (t) => {
      const clients = await both(await pair(t, dialled, dialling));
      const count = 500;
      for (let n = 0; n < count; n++) {
        for (const [client, other] of [clients, [...clients].reverse()]) {
          if (n % 3) client.broadcast(n);
          else client.message(other.id, n);
        }
      }
      for (const client of clients) {
        const heard = await client.take(count, ({ action }) => action === 'broadcast' || action === 'message');
        assert.deepEqual(heard.map(({ data }) => data), [...Array(count).keys()]);
      }
    });

    test('big messages, in both directions', async (t) => {
      const [a, b] = await both(await pair(t, dialled, dialling));
      const big = randomBytes(500_000).toString('hex');
      for (const [from, to] of [[a, b], [b, a]]) {
        from.broadcast(big);
        from.message(to.id, big);
        assert.equal((await to.next('broadcast')).data, big);
        assert.equal((await to.next('message')).data, big);
      }
    });

    test('raw relays: text and bytes, and no presence', async (t) => {
      const proxies = await pair(t, dialled, dialling);
      const [a, b] = await Promise.all(proxies.map(({ client }) => TestClient.open(client, 'broadcast/raw', { raw: true })));
      const timer = setInterval(() => a.socket.send('are you there?'), 100); // a relay tells nobody who is there
      await b.next('text');
      clearInterval(timer);
      b.socket.send(Buffer.from([0, 255, 1]));
      assert.deepEqual([...(await a.next('binary')).data], [0, 255, 1]);
      b.socket.send('');
      assert.equal((await a.next('text')).data.length, 0);
    });

    test('many channels, some in common', async (t) => {
      const proxies = await pair(t, dialled, dialling);
      const names = [...Array(20).keys()].map((n) => `channel-${n}`);
      const open = (proxy, list) => Promise.all(list.map((name) => TestClient.open(proxy.client, name)));
      const a = await open(proxies[0], names.slice(0, 14));
      const b = await open(proxies[1], names.slice(6));
      for (let n = 6; n < 14; n++) await introduced(a[n], b[n - 6]);
      assert.ok([...a.slice(0, 6), ...b.slice(8)].every(({ heard }) => heard.every(({ action }) => action !== 'connect')));
    });

    test('a network key keeps others out', async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'nws-interop-'));
      t.after(() => rmSync(folder, { recursive: true }));
      const [ours, other] = ['ours', 'other'].map((name) => {
        writeFileSync(join(folder, name), randomBytes(32).toString('hex'), { mode: 0o600 });
        return ['--network-key-file', join(folder, name)];
      });
      const first = await start[dialled](ours);
      const friend = await start[dialling](['--peer', first.link, ...ours]);
      const stranger = await start[dialling](['--peer', first.link, ...other]);
      for (const proxy of [first, friend, stranger]) t.after(() => proxy.kill());
      const outside = await TestClient.open(stranger.client, 'chat');
      await both([first, friend]);
      assert.deepEqual(outside.heard, []);
    });

    for (const killed of [0, 1]) {
      test(`the ${['dialled', 'dialling'][killed]} one is killed: its peers are gone`, async (t) => {
        const proxies = await pair(t, dialled, dialling);
        const clients = await both(proxies);
        await proxies[killed].kill();
        assert.equal((await clients[1 - killed].next('disconnect')).target, clients[killed].id);
      });
    }

    test('the dialled one goes and comes back at the same address', async (t) => {
      const [first, second] = await pair(t, dialled, dialling);
      const [a, b] = await both([first, second]);
      await first.stop();
      assert.equal((await b.next('disconnect')).target, a.id);
      const again = await start[dialled]([], { listen: first.link });
      t.after(() => again.kill());
      await introduced(await TestClient.open(again.client, 'chat'), b);
    });

    test('one that is stopped is dropped, and found again', async (t) => {
      const quick = { nws: ['--link-ping', '500ms', '--link-silence', '3s'], node: ['--link-ping', '500', '--link-silence', '3000'] };
      const first = await start[dialled](quick[dialled]);
      t.after(() => first.kill());
      const second = await start[dialling](['--peer', first.link, ...quick[dialling]]);
      t.after(() => second.kill());
      const [a, b] = await both([first, second]);
      second.signal('SIGSTOP');
      assert.equal((await a.next('disconnect')).target, b.id);
      second.signal('SIGCONT');
      await introduced(a, b);
    });

    test('both dial at once while clients talk: nothing is lost, nothing comes twice, nobody is gone', async (t) => {
      const [here, there] = await freeAddresses(2);
      const proxies = await Promise.all([
        start[dialled](['--peer', there], { listen: here }),
        start[dialling](['--peer', here], { listen: there }),
      ]);
      for (const proxy of proxies) t.after(() => proxy.kill());
      const clients = await Promise.all(proxies.map(({ client }) => TestClient.open(client, 'chat')));
      let n = 0;
      const talk = setInterval(() => {
        for (const end = n + 10; n < end; n++) for (const client of clients) client.broadcast(n);
      }, 5);
      t.after(() => clearInterval(talk));
      for (const client of clients) {
        const heard = await client.take(3000, () => true);
        assert.deepEqual(heard.filter(({ action }) => action !== 'broadcast').map(({ action }) => action), ['connect']);
        const numbers = heard.slice(1).map(({ data }) => data);
        assert.deepEqual(numbers, numbers.map((_, at) => numbers[0] + at));
      }
    });

    test('a slow reader holds its sender back, and gets all of it', async (t) => {
      const [a, b] = await both(await pair(t, dialled, dialling));
      b.socket.pause();
      const count = 400;
      const big = 'x'.repeat(100_000);
      for (let n = 0; n < count; n++) a.broadcast({ n, big });
      await a.until(() => a.socket.bufferedAmount < count * 100_000); // it was begun
      b.socket.resume();
      const heard = await b.take(count, 'broadcast');
      assert.deepEqual(heard.map(({ data }) => data.n), [...Array(count).keys()]);
    });
  });
}

test('a proxy that is told its own address dials it once, and is none the worse for it', async (t) => {
  const [address] = await freeAddresses(1);
  const proxy = await startNode(['--peer', address, '--verbose'], { listen: address });
  t.after(() => proxy.kill());
  const other = await startNws(['--peer', address]);
  t.after(() => other.kill());
  await both([proxy, other]);
  while (!proxy.errors.includes('this is me')) await once(proxy.child.stderr, 'data'); // it may not have been read yet
  const dialledItself = proxy.errors.split('\n').filter((line) => line.includes('this is me'));
  assert.ok(dialledItself.length >= 1 && dialledItself.length <= 2, proxy.errors); // at one end, or at both
});
