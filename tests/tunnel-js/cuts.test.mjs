// A server's line to the relay is cut at any moment, also while it resumes, with connections that come and go: whatever was
// said arrives once, and in order. Random, by a seed that a failure prints; NWS_SEED repeats one.

import assert from "node:assert/strict";
import { it } from "node:test";
import { dial, ending, next, serve, turn } from "./parties.mjs";
import { startLine, startRelay } from "./relay.mjs";

const CONNECTIONS = 150;
/** The line is cut when some have passed, up to this many: few much more often than many. */
const MOST_BYTES = 3_000_000;
/** What a client does not wait for any more before it says more. */
const ENOUGH_BYTES = 50_000;
/** What connecting may fail of while the server is away. */
const AWAY = ["server_away", "gone", "timeout"];

const seed = Number(process.env.NWS_SEED ?? Math.floor(Math.random() * 2 ** 31));
let state = seed;
/** From 0 to under 1: mulberry32. */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

function numbered(n, size) {
  if (n % 2) return `${n} ${"x".repeat(size)}`;
  const bytes = new DataView(new ArrayBuffer(4 + size));
  bytes.setUint32(0, n);
  return bytes;
}
const number = (data) => (typeof data === "string" ? parseInt(data) : new DataView(data).getUint32(0));

it(`a line that is cut at any moment, seed ${seed}`, { timeout: 240_000 }, async (t) => {
  const relay = await startRelay(t);
  const line = await startLine(t, relay);
  const server = await serve(t, line, { resume: { minDelay: 5, maxDelay: 20 } });
  const faults = [];
  let resumed = 0;
  server.onresume = () => (resumed += 1);
  server.onclose = ({ reason }) => faults.push(`the server ended: ${reason}`);
  const endings = [];
  server.listen(80, async (socket) => {
    endings.push(ending(socket));
    socket.binaryType = "arraybuffer";
    let count = 0;
    try {
      for await (const { data } of socket) {
        if (number(data) !== count++) faults.push(`channel ${socket.channel}: ${number(data)} came for ${count - 1}`);
        socket.send(data);
        if (random() < 0.1) await turn();
      }
      socket.close(3000, String(count));
    } catch ({ code }) {
      faults.push(`channel ${socket.channel}: ${code}`);
    }
  });

  let left = CONNECTIONS;
  async function client() {
    while (left-- > 0) {
      const socket = dial(t, relay, server, 80, { alone: random() < 0.3 });
      try {
        await socket.opened;
      } catch ({ code }) {
        if (!AWAY.includes(code)) faults.push(`connecting: ${code}`);
        left += 1;
        if (server.readyState === 0) await Promise.race([next(server, "resume"), next(server, "close")]);
        continue;
      }
      const many = Math.floor(random() * 200);
      const size = Math.floor(random() * 5000);
      let count = 0;
      socket.onmessage = ({ data }) => number(data) === count++ || faults.push(`${number(data)} came back for ${count - 1}`);
      const over = ending(socket);
      for (let n = 0; n < many; n += 1) {
        socket.send(numbered(n, size));
        // Not all at once, so that the line is cut in the middle of it.
        do await turn();
        while (socket.readyState === 1 && socket.bufferedAmount > ENOUGH_BYTES);
      }
      socket.finish();
      const { code, reason } = await over;
      if (code !== 3000 || reason !== String(many) || count !== many) faults.push(`${code} ${reason}: ${count} of ${many}`);
    }
  }

  const clients = Promise.all([1, 2, 3, 4, 5, 6].map(client)).then(() => "done");
  const passed = () => line.passed(Math.ceil(random() ** 3 * MOST_BYTES));
  while ((await Promise.race([passed(), clients])) !== "done") line.cut();
  await Promise.all(endings);
  t.diagnostic(`${CONNECTIONS} connections, ${resumed} resumptions`);
  assert.deepEqual(faults, []);
  assert.equal(server.connections.length, 0);
  assert.ok(resumed > 5);
});
