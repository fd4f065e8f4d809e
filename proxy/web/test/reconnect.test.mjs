// Connecting again, on a clock that the test moves.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { NetworkWebSocket } from "../dist/network-web-sockets.mjs";
import { FakeWebSocket, made } from "./fake-websocket.mjs";

const plain = { WebSocket: FakeWebSocket, reconnect: { minDelay: 100, maxDelay: 1000, factor: 2, jitter: 0 } };
const microtasks = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

function watched(options = plain) {
  const socket = new NetworkWebSocket("chat", options);
  const log = [];
  for (const type of ["open", "close"]) socket.addEventListener(type, () => log.push(type));
  socket.addEventListener("error", ({ code }) => log.push(`error ${code}`));
  socket.addEventListener("connect", ({ detail }) => log.push(`connect ${detail.target.id}`));
  socket.addEventListener("disconnect", ({ detail }) => log.push(`disconnect ${detail.target.id}`));
  socket.addEventListener("reconnecting", ({ detail: { attempt, delay } }) =>
    log.push(`reconnecting ${attempt} in ${delay}`),
  );
  return { socket, log };
}

beforeEach(() => made.splice(0));

describe("reconnect", () => {
  it("is off unless asked for", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    for (const reconnect of [undefined, false]) {
      const { log } = watched({ WebSocket: FakeWebSocket, reconnect });
      made.at(-1).accept();
      made.at(-1).end(1001);
      t.mock.timers.tick(100_000);
      assert.deepEqual(log, ["open", "close"]);
    }
    assert.equal(made.length, 2);
  });

  it("joins again: peers go, then it waits, then open, then peers come", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const { socket, log } = watched();
    made[0].accept("v1");
    made[0].say({ action: "connect", source: "me", target: "p" });
    await microtasks();
    const [peer] = socket.peers;
    const first = socket.opened;
    const states = [];
    socket.ondisconnect = () => states.push(socket.readyState);
    socket.onreconnecting = ({ detail }) => states.push(socket.readyState, detail.code, detail.reason);
    made[0].end(1001, "going away");
    assert.deepEqual(log, ["open", "connect p", "disconnect p", "reconnecting 0 in 100"]);
    assert.deepEqual(states, [0, 0, 1001, "going away"]);
    assert.equal(peer.readyState, 3);
    assert.equal(socket.id, "");
    assert.throws(() => socket.send("x"), { name: "InvalidStateError" });
    assert.notEqual(socket.opened, first);

    t.mock.timers.tick(99);
    assert.equal(made.length, 1);
    t.mock.timers.tick(1);
    assert.equal(made.length, 2);
    assert.equal(made[1].url, made[0].url);
    assert.equal(socket.readyState, 0);
    log.splice(0);
    made[1].accept();
    made[1].say({ action: "connect", source: "me again", target: "p2" });
    assert.equal(socket.id, "me again");
    assert.deepEqual(log, ["open", "connect p2"]);
    assert.equal(await socket.opened, socket);
    socket.send("x");
    assert.deepEqual(made[1].told, [{ action: "broadcast", data: "x" }]);
  });

  it("keeps trying, ever more slowly, and tells each failure", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const { socket, log } = watched();
    for (const delay of [100, 200, 400, 800, 1000, 1000]) {
      made.at(-1).end(1006, "", false);
      assert.equal(log.pop(), `reconnecting ${made.length - 1} in ${delay}`);
      assert.equal(log.pop(), "error unreachable");
      assert.equal(socket.readyState, 0);
      t.mock.timers.tick(delay);
    }
    assert.deepEqual(log, []);
    assert.equal(made.length, 7);
    made.at(-1).accept();
    t.mock.timers.tick(5000);
    made.at(-1).end(1006, "", false);
    assert.deepEqual(log, ["open", "error lost", "reconnecting 0 in 100"]);
  });

  it("does not take a connection that breaks at once for a good one", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const { log } = watched();
    for (const delay of [100, 200, 400]) {
      made.at(-1).accept();
      made.at(-1).end(1013, "too slow");
      assert.match(log.at(-1), new RegExp(`in ${delay}$`));
      t.mock.timers.tick(delay);
    }
  });

  it("leaves a part of the wait to chance", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    t.mock.method(Math, "random", () => 0.999);
    const { log } = watched({ ...plain, reconnect: true });
    made[0].end(1001);
    assert.equal(log.at(-1), "reconnecting 0 in 250");
    t.mock.timers.tick(250);
    assert.equal(made.length, 2);
  });

  it("ends when it is closed meanwhile, in any state", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const waiting = watched();
    made[0].end(1006, "", false);
    let event;
    waiting.socket.onclose = (close) => (event = close);
    const rejected = assert.rejects(waiting.socket.opened, { code: "closed" });
    waiting.socket.close(4000, "enough");
    assert.equal(waiting.socket.readyState, 2);
    await rejected;
    assert.deepEqual([event.code, event.reason, event.wasClean], [4000, "enough", true]);
    t.mock.timers.tick(100_000);
    assert.equal(made.length, 1);
    assert.deepEqual(waiting.log, ["error unreachable", "reconnecting 0 in 100", "close"]);

    const open = watched();
    made[1].accept();
    open.socket.close();
    made[1].end(1005);
    t.mock.timers.tick(100_000);
    assert.equal(made.length, 2);
    assert.deepEqual(open.log, ["open", "close"]);

    const connecting = watched();
    connecting.socket.close();
    await microtasks();
    t.mock.timers.tick(100_000);
    assert.equal(made.length, 3);
    assert.deepEqual(connecting.log, ["error closed", "close"]);

    const byHandler = watched();
    byHandler.socket.onerror = () => byHandler.socket.close();
    made[3].end(1006, "", false);
    await microtasks();
    t.mock.timers.tick(100_000);
    assert.equal(made.length, 4);
    assert.deepEqual(byHandler.log, ["error unreachable", "close"]);
  });

  it("carries iterators over", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const { socket } = watched();
    const iterator = socket[Symbol.asyncIterator]();
    for (const [at, text] of ["before", "after"].entries()) {
      made[at].accept();
      made[at].say({ action: "broadcast", source: "p", data: text });
      made[at].end(1006, "", false);
      t.mock.timers.tick(1000);
    }
    assert.equal((await iterator.next()).value.data, "before");
    assert.equal((await iterator.next()).value.data, "after");
  });

  it("refuses numbers that make no sense", () => {
    for (const reconnect of [
      { minDelay: 0 },
      { minDelay: 10, maxDelay: 5 },
      { factor: 0.5 },
      { jitter: 2 },
      { jitter: -1 },
      { minDelay: NaN },
    ]) {
      assert.throws(
        () => new NetworkWebSocket("chat", { ...plain, reconnect }),
        { name: "RangeError" },
        JSON.stringify(reconnect),
      );
    }
    assert.equal(made.length, 0);
  });
});
