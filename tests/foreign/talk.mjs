// Two clients by the npm package ws, who use the channel as README shows it.
import assert from "node:assert/strict";
import { once } from "node:events";
import WebSocket from "ws";

const port = Number(process.argv[2]);

/** Opens, and keeps all that comes, so that nothing is missed between two waits. */
async function open(path, protocols = []) {
  const socket = new WebSocket(`ws://localhost:${port}/${path}`, protocols);
  const inbox = [];
  let wake = () => {};
  socket.on("message", (data, isBinary) => {
    inbox.push(isBinary ? data : data.toString());
    wake();
  });
  await once(socket, "open");
  const next = async () => {
    while (inbox.length === 0) await new Promise((resolve) => (wake = resolve));
    return inbox.shift();
  };
  const told = async (action) => {
    for (;;) {
      const message = JSON.parse(await next());
      if (message.action === action) return message;
    }
  };
  return { socket, next, told };
}

const deadline = setTimeout(() => {
  console.error("nothing came in time");
  process.exit(1);
}, 100_000);

const a = await open("foreign-node");
const b = await open("foreign-node", ["first", "second"]);
assert.equal(b.socket.protocol, "first");
assert.equal(a.socket.extensions, "");
const met = await a.told("connect");
assert.deepEqual(await b.told("connect"), { action: "connect", source: met.target, target: met.source });

a.socket.send(JSON.stringify({ action: "broadcast", data: { any: [1, "é", null] } }));
assert.deepEqual(await b.told("broadcast"), { action: "broadcast", source: met.source, data: { any: [1, "é", null] } });
b.socket.send(JSON.stringify({ action: "message", target: met.source, data: "x".repeat(300_000) }));
assert.equal((await a.told("message")).data.length, 300_000);
a.socket.send("{}");
assert.equal((await a.told("error")).code, "bad_message");

a.socket.ping("are you there");
const [pong] = await once(a.socket, "pong");
assert.equal(pong.toString(), "are you there");

b.socket.close(4321, "bye");
const [code] = await once(b.socket, "close");
assert.equal(code, 4321);
assert.equal((await a.told("disconnect")).target, met.target);

const [c, d] = [await open("local/foreign"), await open("local/foreign")];
c.socket.send("text");
c.socket.send(Buffer.from([0, 255]));
assert.equal(await d.next(), "text");
assert.deepEqual(await d.next(), Buffer.from([0, 255]));

for (const client of [a, c, d]) client.socket.terminate();
clearTimeout(deadline);
console.log("all is well");
