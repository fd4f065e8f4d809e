// `for await` over a socket.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { NetworkWebSocket } from "../dist/network-web-sockets.mjs";
import { FakeWebSocket, made, settle } from "./fake-websocket.mjs";

const broadcast = (data) => ({ action: "broadcast", source: "p", data });

function opened(more = {}) {
  const socket = new NetworkWebSocket("chat", { WebSocket: FakeWebSocket, ...more });
  made.at(-1).accept();
  return { socket, wire: made.at(-1) };
}

beforeEach(() => made.splice(0));

describe("iteration", () => {
  it("gives the messages in order, waits for more, and ends with the socket", async () => {
    const { socket, wire } = opened();
    const got = [];
    const reading = (async () => {
      for await (const { data, senderId } of socket) got.push(`${senderId} ${data}`);
    })();
    wire.say(broadcast(1));
    wire.say(broadcast(2));
    await settle();
    wire.say(broadcast(3));
    socket.close();
    wire.end();
    await reading;
    assert.deepEqual(got, ["p 1", "p 2", "p 3"]);
  });

  it("gives what has come before the end, then the error", async () => {
    const { socket, wire } = opened();
    const got = [];
    const reading = (async () => {
      for await (const { data } of socket) got.push(data);
    })();
    wire.say(broadcast(1));
    wire.say(broadcast(2));
    wire.end(1006, "", false);
    await assert.rejects(reading, { code: "lost" });
    assert.deepEqual(got, [1, 2]);
  });

  it("ends for all that wait", async () => {
    const { socket, wire } = opened();
    const iterator = socket[Symbol.asyncIterator]();
    const all = [iterator.next(), iterator.next(), iterator.next()];
    wire.say(broadcast(1));
    wire.end();
    assert.deepEqual(
      (await Promise.all(all)).map(({ done }) => done),
      [false, true, true],
    );
    assert.equal((await iterator.next()).done, true);
  });

  it("fails a loop over a socket that never opens", async () => {
    const socket = new NetworkWebSocket("chat", { WebSocket: FakeWebSocket });
    const next = socket[Symbol.asyncIterator]().next();
    made[0].end(1006, "", false);
    await assert.rejects(next, { code: "unreachable" });
  });

  it("ends at once on a socket that is closed", async () => {
    const { socket, wire } = opened();
    wire.end();
    for await (const _ of socket) assert.fail();
  });

  it("can be left without closing the socket, and gives each reader everything", async () => {
    const { socket, wire } = opened();
    const other = socket[Symbol.asyncIterator]();
    setImmediate(() => [1, 2, 3].forEach((data) => wire.say(broadcast(data))));
    for await (const { data } of socket) if (data === 2) break;
    assert.equal(socket.readyState, 1);
    assert.deepEqual(
      [(await other.next()).value.data, (await other.next()).value.data, (await other.next()).value.data],
      [1, 2, 3],
    );
    await other.return();
    wire.say(broadcast(4));
    assert.equal((await other.next()).done, true);
  });

  it("fails a reader that falls behind, and nobody else", async () => {
    const { socket, wire } = opened({ iteratorBuffer: 1000 });
    const slow = socket[Symbol.asyncIterator]();
    let heard = 0;
    socket.onmessage = () => (heard += 1);
    for (let count = 0; count < 100; count += 1) wire.say(broadcast("x".repeat(50)));
    await assert.rejects(slow.next(), { code: "behind", message: /faster than they were read/ });
    assert.equal((await slow.next()).done, true);
    assert.equal(heard, 100);
    assert.equal(socket.readyState, 1);
    const next = socket[Symbol.asyncIterator]().next();
    wire.say(broadcast("still"));
    assert.equal((await next).value.data, "still");
  });

  it("makes room by reading", async () => {
    const { socket, wire } = opened({ iteratorBuffer: 200 });
    const iterator = socket[Symbol.asyncIterator]();
    for (let count = 0; count < 100; count += 1) {
      wire.say(broadcast(count));
      wire.say(broadcast("second"));
      assert.equal((await iterator.next()).value.data, count);
      assert.equal((await iterator.next()).value.data, "second");
    }
  });

  it("works on a peer too, and ends when the peer goes", async () => {
    const { socket, wire } = opened();
    wire.say({ action: "connect", source: "me", target: "p" });
    const [peer] = socket.peers;
    await peer.opened;
    const got = [];
    const reading = (async () => {
      for await (const { data } of peer) got.push(data);
    })();
    wire.say({ action: "message", source: "p", target: "me", data: "direct" });
    wire.say(broadcast("to all"));
    wire.say({ action: "disconnect", source: "me", target: "p" });
    await reading;
    assert.deepEqual(got, ["direct"]);
  });
});
