// The client as root, what is refused before any connection, and the size of it all.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { BootstrapClient } from "../dist/network-web-sockets-bootstrap.mjs";
import { client, offer, options } from "./bootstrap-parties.mjs";
import { made, settle } from "./fake-websocket.mjs";

describe("the root", () => {
  function rooted(secret = "s3cret") {
    const requests = [];
    const told = [];
    const bootstrap = client();
    const root = bootstrap.root(
      secret,
      (request) => requests.push(request),
      (error) => told.push(error),
    );
    return { bootstrap, root, socket: made.at(-1), requests, told };
  }

  it("is told the requests, and nothing else", () => {
    const { socket, requests, told } = rooted();
    assert.equal(socket.url, "ws://localhost:5000/s3cret/webrtc-bootstrap-root");
    assert.deepEqual(told, []);
    socket.accept();
    assert.deepEqual(told, [null]);
    socket.say("heartbeat");
    for (const raw of ["not json", "", "5", "null", "[]", '{"signal":{}}', '{"origin":5,"signal":{}}']) socket.raw(raw);
    for (const signal of [null, 5, "text"]) socket.say({ origin: "them", signal });
    socket.raw(new ArrayBuffer(4));
    assert.deepEqual(requests, []);
    socket.say(offer("them"));
    assert.deepEqual(requests, [offer("them")]);
  });

  it("sends heartbeats, and takes a server for gone that has stopped to", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const { root, socket } = rooted();
    socket.accept();
    t.mock.timers.tick(15_000);
    assert.deepEqual(socket.sent, ['"heartbeat"']);
    // One that never sent any is not missed.
    t.mock.timers.tick(15_000 * 5);
    assert.equal(socket.sent.length, 6);
    socket.say("heartbeat");
    t.mock.timers.tick(15_000 * 3);
    socket.say(offer("them"));
    t.mock.timers.tick(15_000 * 3);
    assert.equal(socket.closedWith, undefined);
    t.mock.timers.tick(15_000);
    assert.deepEqual(socket.closedWith, []);
    assert.equal((await root.closed).code, "lost");
  });

  it("ends by its own wish, by the server's, by another root's, and is told which", async () => {
    const left = rooted();
    left.socket.accept();
    left.root.close();
    assert.equal(await left.root.closed, undefined);
    assert.deepEqual([left.socket.closedWith, left.told], [[], [null]]);

    const replaced = rooted();
    replaced.socket.accept();
    replaced.socket.end(4000, "another root has taken over");
    assert.match((await replaced.root.closed).message, /another root has taken over/);
    assert.deepEqual(replaced.told, [null]);

    const closed = rooted();
    closed.bootstrap.close();
    assert.deepEqual(
      closed.told.map(({ code }) => code),
      ["closed"],
    );
  });

  it("is refused without a word of the secret", async () => {
    const { root, socket, told } = rooted("w.r-o_n~g!");
    socket.end(1006, "", false, "404");
    const error = await root.closed;
    assert.deepEqual(told, [error]);
    assert.equal(error.code, "unreachable");
    assert.equal(
      error.message,
      "The bootstrap server at ws://localhost:5000 is not there, or refuses (404; is the secret right?)",
    );

    class Forbidden {
      constructor(url) {
        throw new SyntaxError(`bad ${url}`);
      }
    }
    const errors = [];
    client({ WebSocket: Forbidden }).root(
      "s3cret",
      () => {},
      (error) => errors.push(error),
    );
    await settle();
    assert.equal(errors[0].code, "unreachable");
    assert.doesNotMatch(errors[0].message, /s3cret/);
  });
});

describe("misuse", () => {
  it("is refused before any connection", () => {
    for (const host of ["", "ws://localhost:5000", "local host", "a?b", "a#b", "me@host", "localhost:x"])
      assert.throws(() => new BootstrapClient(host, options), { name: "SyntaxError" }, host);
    for (const secret of ["", "a/b", "a b", "a%20b", "é", ".", "..", "a".repeat(257)])
      assert.throws(() => client().root(secret, () => {}), { name: "SyntaxError" }, secret);
    assert.throws(() => new BootstrapClient("localhost:5000"), { name: "TypeError", message: /option WebSocket/ });
    assert.throws(() => client().connect(), { name: "TypeError", message: /peerOpts\.wrtc/ });
    assert.equal(made.length, 0);
  });
});

it("is under 5 KB, minified and gzipped", async (t) => {
  const content = await readFile(new URL("../dist/network-web-sockets-bootstrap.mjs", import.meta.url));
  const { length } = gzipSync(content, { level: 9 });
  t.diagnostic(`${length} bytes gzipped, ${content.length} minified`);
  assert.ok(length < 5000, `${length} bytes`);
});
