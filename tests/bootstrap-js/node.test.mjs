// The npm package webrtc-bootstrap and our client, as root and as joiner, at our server and at the original's: every
// one with every other.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import WebSocket from "ws";
import { answerer, makers, names, next, peerOpts, root } from "./clients.mjs";
import { SECRET, kinds, start } from "./servers.mjs";

/** What is to be ended after each test. */
function scope(t) {
  const ends = [];
  t.after(() => ends.reverse().forEach((end) => end()));
  const peer = (made) => (made.on("error", () => {}), ends.push(() => made.destroyed || made.destroy()), made);
  const client = (name, host) => {
    const made = makers[name](host);
    // The original keeps its root's connection; only the next root ends it.
    ends.push(() => (made.close ? made.close() : made.rootSocket?.destroy()));
    return made;
  };
  return { peer, client };
}

for (const kind of kinds) {
  describe(`at the server (${kind})`, { timeout: 600_000 }, () => {
    let server;
    before(async () => (server = await start(kind)));
    after(() => server.stop());

    for (const rootName of names) {
      for (const joinerName of names) {
        it(`root: ${rootName}, joiner: ${joinerName}`, { timeout: 60_000 }, async (t) => {
          const { peer, client } = scope(t);
          const at = client(rootName, server.host);
          const heard = [];
          const connected = [];
          const onRequest = answerer(at, (newcomer) => {
            connected.push(next(newcomer, "connect"));
            peer(newcomer).on("data", (data) => (heard.push(String(data)), newcomer.send("pong")));
          });
          await root(at, SECRET, (request) => {
            assert.match(request.origin, /^[0-9a-f]{32}$/);
            onRequest(request);
          });
          const told = [];
          const joiner = peer(
            client(joinerName, server.host).connect(null, { peerOpts, cb: (error, made) => told.push(error, made) }),
          );
          await next(joiner, "connect");
          joiner.send("ping");
          assert.equal(String(await next(joiner, "data")), "pong");
          assert.deepEqual(heard, ["ping"]);
          assert.deepEqual(told, [null, joiner]);
          // The simple-peer of the original, destroyed before it has told this, throws later.
          await Promise.all(connected);
        });
      }
    }

    it("several joiners at once, each routed to its own peer", { timeout: 90_000 }, async (t) => {
      const { peer, client } = scope(t);
      const at = client("ours", server.host);
      const peers = new Set();
      // Without a table of one's own: the client knows which peer a request is for.
      await root(at, SECRET, (request) => {
        const newcomer = at.connect(request, { peerOpts });
        if (peers.has(newcomer)) return;
        peers.add(peer(newcomer));
        newcomer.on("data", (data) => newcomer.send(`${data} is welcome`));
      });
      const joiners = Array.from({ length: 9 }, (_, at) => {
        const name = names[at % names.length];
        const joiner = peer(client(name, server.host).connect(null, { peerOpts }));
        joiner.once("connect", () => joiner.send(`${at} ${name}`));
        return next(joiner, "data").then((data) => assert.equal(String(data), `${at} ${name} is welcome`));
      });
      await Promise.all(joiners);
      assert.equal(peers.size, 9);
    });

    it("a root that delegates: a child of the tree answers", { timeout: 60_000 }, async (t) => {
      const { peer, client } = scope(t);
      const at = client("ours", server.host);
      let child;
      let childOrigin;
      await root(at, SECRET, (request) => {
        if (!child) {
          childOrigin = request.origin;
          child = peer(at.connect(request, { peerOpts }));
        } else if (request.origin === childOrigin) at.connect(request);
        else child.send(JSON.stringify(request));
      });
      const childClient = client("ours", server.host);
      const up = peer(childClient.connect(null, { peerOpts }));
      const grandchildren = new Set();
      up.on("data", (text) => {
        const grandchild = childClient.connect(JSON.parse(text), { peerOpts });
        if (grandchildren.has(grandchild)) return;
        grandchildren.add(peer(grandchild));
        grandchild.on("data", (data) => grandchild.send(`the child heard ${data}`));
      });
      await next(up, "connect");
      for (const name of names) {
        const joiner = peer(client(name, server.host).connect(null, { peerOpts }));
        await next(joiner, "connect");
        joiner.send(name);
        assert.equal(String(await next(joiner, "data")), `the child heard ${name}`);
      }
      assert.equal(grandchildren.size, names.length);
    });

    for (const [rootName, joinerName] of [
      ["ours", "ours"],
      ["ours", "original"],
      ["original", "ours"],
    ]) {
      it(
        `without trickle, and with bytes; root: ${rootName}, joiner: ${joinerName}`,
        { timeout: 60_000 },
        async (t) => {
          const { peer, client } = scope(t);
          const at = client(rootName, server.host);
          let requests = 0;
          const connected = [];
          const onRequest = answerer(
            at,
            (newcomer) => {
              connected.push(next(newcomer, "connect"));
              peer(newcomer).on("data", (data) => newcomer.send(Uint8Array.from(data).reverse()));
            },
            { trickle: false },
          );
          await root(at, SECRET, (request) => ((requests += 1), onRequest(request)));
          const joiner = peer(
            client(joinerName, server.host).connect(null, { peerOpts: { ...peerOpts, trickle: false } }),
          );
          await next(joiner, "connect");
          joiner.send(Uint8Array.from({ length: 60_000 }, (_, at) => at));
          const back = await next(joiner, "data");
          assert.ok(back instanceof Uint8Array);
          assert.deepEqual([back.length, back[0], back[59_999], requests], [60_000, 59_999 & 255, 0, 1]);
          await Promise.all(connected);
        },
      );
    }

    it("a wrong secret, and no server", { timeout: 60_000 }, async (t) => {
      const { client } = scope(t);
      for (const name of names)
        await assert.rejects(
          root(client(name, server.host), "wrong", () => {}),
          name,
        );
      const { host, stop } = await start(kind);
      await stop();
      await assert.rejects(
        root(client("ours", host), SECRET, () => {}),
        { code: "unreachable", message: /secret/ },
      );
      const error = await new Promise((cb) => client("ours", host).connect(null, { peerOpts, cb }));
      assert.equal(error.code, "unreachable");
      assert.match(error.message, /ECONNREFUSED/);
    });

    it("a root that leaves and returns", { timeout: 60_000 }, async (t) => {
      const { peer, client } = scope(t);
      const at = client("ours", server.host);
      const newcomers = [];
      const onRequest = answerer(at, (newcomer) => newcomers.push(peer(newcomer)));
      const first = await root(at, SECRET, onRequest);
      const before = peer(client("ours", server.host).connect(null, { peerOpts }));
      await next(before, "connect");
      first.close();
      assert.equal(await first.closed, undefined);
      // Which the server knows when it has answered.
      await gone(server.host);
      // The original does not say that nobody is there, so the client's own time is waited for.
      const [expected, timeout] = kind === "ours" ? ["undelivered", 50_000] : ["timeout", 2000];
      const error = await new Promise((cb) => client("ours", server.host).connect(null, { peerOpts, cb, timeout }));
      assert.equal(error.code, expected);
      assert.equal(before.connected, true);

      await root(at, SECRET, onRequest);
      const later = peer(client("original", server.host).connect(null, { peerOpts }));
      await next(later, "connect");
      assert.equal(newcomers.length, 2);
      // Who was connected needs no server.
      const heard = next(newcomers[0], "data");
      before.send("still here");
      assert.equal(await heard, "still here");
    });

    it("a second root takes over", { timeout: 60_000 }, async (t) => {
      const { peer, client } = scope(t);
      const requests = [];
      const first = await root(client("ours", server.host), SECRET, (request) => requests.push(["first", request]));
      const at = client("ours", server.host);
      const onRequest = answerer(at, (newcomer) => peer(newcomer));
      await root(at, SECRET, (request) => (requests.push(["second", request]), onRequest(request)));
      if (kind === "ours") assert.match((await first.closed).message, /another root/);
      await next(peer(client("ours", server.host).connect(null, { peerOpts })), "connect");
      assert.deepEqual([...new Set(requests.map(([which]) => which))], ["second"]);
    });
  });

  describe(`at the server (${kind}) with little time`, { timeout: 600_000 }, () => {
    it("nobody answers", { timeout: 60_000 }, async (t) => {
      const server = await start(kind, { timeout: 2000 });
      t.after(server.stop);
      const { client } = scope(t);
      const requests = [];
      await root(client("ours", server.host), SECRET, (request) => requests.push(request));
      const [byServer, byClient] = await Promise.all(
        [undefined, 300].map(
          (timeout) => new Promise((cb) => client("ours", server.host).connect(null, { peerOpts, cb, timeout })),
        ),
      );
      assert.equal(byServer.code, "lost");
      assert.match(byServer.message, /time for joiners is over/);
      assert.equal(byClient.code, "timeout");
      assert.ok(requests.length >= 2);
    });

    it("the server dies in the middle, and peers find each other all the same", { timeout: 60_000 }, async (t) => {
      const server = await start(kind);
      let stopped;
      t.after(() => stopped ?? server.stop());
      const { peer, client } = scope(t);
      const at = client("ours", server.host);
      const lone = await root(at, SECRET, () => {});
      const error = new Promise((cb) => client("ours", server.host).connect(null, { peerOpts, cb }));
      stopped = server.stop();
      assert.match((await error).code, /lost|unreachable/);
      assert.equal((await lone.closed).code, "lost");
      await stopped;

      const again = await start(kind, { port: server.port });
      t.after(again.stop);
      const answered = answerer(at, (newcomer) => peer(newcomer));
      await root(at, SECRET, answered);
      await next(peer(client("ours", again.host).connect(null, { peerOpts })), "connect");
    });
  });
}

/** Waits until the server has seen what came before: it answers a ping of a new joiner, and then another. */
async function gone(host) {
  for (let round = 0; round < 2; round += 1) {
    const socket = new WebSocket(`ws://${host}/join`);
    await once(socket, "open");
    socket.ping();
    await once(socket, "pong");
    socket.close();
    await once(socket, "close");
  }
}
