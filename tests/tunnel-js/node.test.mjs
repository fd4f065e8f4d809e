// The tunnel's classes in Node, with the npm package ws, at a real relay.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { PeerToPeerWebSocket } from "../../proxy/web/dist/network-web-sockets-tunnel.mjs";
import { arrivals, dial, drained, echo, ending, messages, next, serve, turn } from "./parties.mjs";
import { startLine, startRelay } from "./relay.mjs";

const hash = (data) => createHash("sha256").update(Buffer.from(data)).digest("hex");
const WINDOW = 512 * 1024;

describe("in Node", { timeout: 600_000 }, () => {
  it("text and bytes arrive as they were, in order, both ways", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    server.listen(80, echo);
    const socket = await dial(t, relay, server).opened;
    const sent = [];
    for (const size of [0, 1, 117, 118, 65_527, 65_528, 300_000, 1_000_000]) {
      sent.push(randomBytes(size), "ü".repeat(Math.min(size, 400_000)), new Blob([randomBytes(size)]));
    }
    sent.push('{"type":"close","channel":1}', "\u0000\ud83d\ude00\u2028\"\\", "");
    const came = messages(socket, sent.length);
    for (const each of sent) socket.send(each);
    assert.ok(socket.bufferedAmount > 0, "it is more than there is credit for");
    const got = await came;
    for (const [at, each] of sent.entries()) {
      if (typeof each === "string") assert.ok(got[at] === each, `text ${at}`);
      else assert.equal(hash(got[at]), hash(each instanceof Blob ? await each.arrayBuffer() : each), `bytes ${at}`);
    }
    assert.equal(socket.bufferedAmount, 0);
  });

  it("several ports and clients are told apart, on one WebSocket and on several", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    for (const port of [80, 81, 65_535]) {
      server.listen(port, (socket) => {
        assert.match(socket.address, /^127\.0\.0\.1$/);
        socket.onmessage = ({ data }) => socket.send(`${port} heard ${data}`);
      });
    }
    const other = await serve(t, relay);
    other.listen(80, (socket) => socket.send("the other"));
    const all = [];
    for (const port of [80, 81, 65_535])
      for (let at = 0; at < 12; at += 1) all.push([port, at, dial(t, relay, server, port, { alone: at % 2 === 0 })]);
    await Promise.all(
      all.map(async ([port, at, socket]) => {
        await socket.opened;
        const came = messages(socket, 20);
        for (let n = 0; n < 20; n += 1) socket.send(`${at} ${n}`);
        assert.deepEqual(await came, Array.from({ length: 20 }, (_, n) => `${port} heard ${at} ${n}`));
      }),
    );
    assert.equal(server.connections.length, all.length);
    assert.deepEqual(await messages(dial(t, relay, other), 1), ["the other"]);
    assert.notEqual(server.serverId, other.serverId);
  });

  it("a server lets in and refuses by port, at once and later, with a reason", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    server.listen(80, echo);
    server.addEventListener("connection", (event) => {
      if (event.port === 21) PeerToPeerWebSocket.throughChannel(event.channel, server).send("through the channel");
      if (event.port === 22) event.refuse("not for everyone");
      if (event.port !== 23) return;
      event.preventDefault();
      setImmediate(() => event.accept().send("after thinking"));
    });
    const refused = dial(t, relay, server, 22);
    const closing = ending(refused);
    await assert.rejects(refused.opened, { code: "refused", message: /not for everyone/ });
    assert.deepEqual({ ...(await closing), reason: "" }, { code: 1006, reason: "", wasClean: false });
    await assert.rejects(dial(t, relay, server, 24).opened, { code: "refused", message: /port 24/ });
    await assert.rejects(dial(t, relay, 999).opened, { code: "unknown_server" });
    assert.deepEqual(await messages(dial(t, relay, server, 21), 1), ["through the channel"]);
    assert.deepEqual(await messages(dial(t, relay, server, 23), 1), ["after thinking"]);
    assert.equal((await dial(t, relay, server, 80).opened).readyState, 1);
  });

  it("close codes and reasons of either end, after all that was sent", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    const arrived = arrivals(server, 80);
    const pair = async (options) => [await dial(t, relay, server, 80, options).opened, await arrived()];
    for (const [code, reason] of [[1000, ""], [3000, "enough"], [4999, "é".repeat(61)], [undefined, undefined]]) {
      for (const which of [0, 1]) {
        const ends = await pair();
        const [closing, other] = which === 0 ? ends : ends.reverse();
        const came = messages(other, 3);
        const both = Promise.all([ending(closing), ending(other)]);
        for (const data of ["1", "2", "3"]) closing.send(data);
        closing.close(code, reason);
        assert.deepEqual(await came, ["1", "2", "3"]);
        const expected = { code: code ?? 1005, reason: reason ?? "", wasClean: true };
        assert.deepEqual(await both, [expected, expected]);
      }
    }
    const [near, there] = await pair();
    const finished = next(there, "finished");
    near.send("last");
    near.finish();
    await finished;
    const last = messages(near, 1);
    const over = Promise.all([ending(near), ending(there)]);
    there.send("still heard");
    there.finish();
    assert.deepEqual(await last, ["still heard"]);
    const clean = { code: 1000, reason: "", wasClean: true };
    assert.deepEqual(await over, [clean, clean]);
  });

  it("finish needs no credit, and what it is about arrives before it", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    const came = new Promise((resolve) => server.listen(80, (socket) => (socket.pause(), resolve(socket))));
    const near = await dial(t, relay, server).opened;
    const there = await came;
    near.send(new Uint8Array(WINDOW + 1));
    near.finish();
    await drained(near);
    // An answer shows that the relay has taken the finish, and has nothing against it.
    const answer = messages(near, 1);
    there.send("not read yet");
    assert.deepEqual(await answer, ["not read yet"]);
    const all = Promise.all([messages(there, 1), next(there, "finished")]);
    there.resume();
    assert.equal((await all)[0][0].size, WINDOW + 1);
  });

  it("who leaves without a word is gone, and a server that closes takes its clients along", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const line = await startLine(t, relay);
    const server = await serve(t, relay);
    const came = new Promise((resolve) => server.listen(80, resolve));
    const near = await dial(t, line, server).opened;
    const there = await came;
    const ends = Promise.all([ending(near), ending(there)]);
    const errors = Promise.all([next(near, "error"), next(there, "error")]);
    line.cut();
    assert.deepEqual((await errors).map(({ code }) => code), ["lost", "gone"]);
    assert.deepEqual((await ends).map(({ code, wasClean }) => [code, wasClean]), [[1006, false], [1006, false]]);

    server.listen(80, () => {});
    const another = await dial(t, relay, server).opened;
    const end = ending(another);
    await server.close();
    await end;
    await assert.rejects(dial(t, relay, server.serverId).opened, { code: "unknown_server" });
  });

  it("a server whose connection is cut comes back: nothing is lost, nothing comes twice", { timeout: 180_000 }, async (t) => {
    const relay = await startRelay(t);
    const line = await startLine(t, relay);
    const server = await serve(t, line);
    let resumed = 0;
    server.onresume = () => (resumed += 1);
    const arrived = arrivals(server, 80);
    const clients = await Promise.all([1, 2, 3].map((at) => dial(t, relay, server, 80, { alone: at > 1 }).opened));
    const there = await Promise.all([arrived(), arrived(), arrived()]);
    const MANY = 1500;
    const body = "x".repeat(700);
    const sides = [...clients, ...there];
    const heard = sides.map((socket) => {
      const got = [];
      socket.binaryType = "arraybuffer";
      const all = new Promise((resolve) => {
        socket.onmessage = ({ data }) => {
          const count = got.push(typeof data === "string" ? parseInt(data) : new DataView(data).getUint32(0));
          if (count >= MANY) resolve();
        };
      });
      return { got, all };
    });
    for (let n = 0; n < MANY; n += 1) {
      for (const socket of sides) {
        if (n % 3 === 0) {
          const bytes = new DataView(new ArrayBuffer(500));
          bytes.setUint32(0, n);
          socket.send(bytes);
        } else {
          socket.send(`${n} ${body}`);
        }
      }
      if (n % 250 === 200) {
        // Somewhere in the middle of what is under way.
        const back = next(server, "resume");
        line.cut();
        await back;
      } else if (n % 10 === 0) {
        await turn();
      }
    }
    await Promise.all(heard.map(({ all }) => all));
    const expected = Array.from({ length: MANY }, (_, n) => n);
    for (const { got } of heard) assert.deepEqual(got, expected);
    assert.ok(resumed >= 6, `${resumed} resumptions`);
    assert.ok(clients.every(({ readyState }) => readyState === 1));
    assert.equal(server.connections.length, 3);
  });

  it("while a server is away clients wait, newcomers are told, and ends on either side count", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const line = await startLine(t, relay);
    const server = await serve(t, line);
    const arrived = arrivals(server, 80);
    const pair = async () => [await dial(t, relay, server).opened, await arrived()];
    const [[first, firstThere], [second, secondThere], [third, thirdThere]] = [await pair(), await pair(), await pair()];
    line.open = false;
    const lost = next(server, "lost");
    line.cut();
    await lost;
    const toSecond = ending(second);
    first.send("kept");
    firstThere.send("kept too");
    secondThere.close(4001, "closed while away");
    third.close(4002, "left meanwhile");
    await ending(third);
    let code;
    while (code !== "server_away") code = await dial(t, relay, server).opened.catch((error) => error.code);
    const kept = Promise.all([messages(firstThere, 1), messages(first, 1)]);
    const back = next(server, "resume");
    const toThird = ending(thirdThere);
    line.open = true;
    await back;
    assert.deepEqual(await kept, [["kept"], ["kept too"]]);
    assert.deepEqual(await toSecond, { code: 4001, reason: "closed while away", wasClean: true });
    await toThird;
    assert.equal((await dial(t, relay, server).opened).readyState, 1);
  });

  it("a server that another takes up is replaced", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    server.listen(80, echo);
    const before = await dial(t, relay, server).opened;
    const gone = Promise.all([next(server, "error"), ending(before)]);
    const again = await serve(t, relay, { as: { serverId: server.serverId, credential: server.credential } });
    again.listen(80, echo);
    assert.equal((await gone)[0].code, "replaced");
    assert.equal(again.serverId, server.serverId);
    assert.equal((await dial(t, relay, again).opened).readyState, 1);
    const wrong = serve(t, relay, { as: { serverId: server.serverId, credential: "1" } });
    await assert.rejects(wrong, { code: "bad_credential" });
  });

  it("a relay that is killed is told to all, and one that starts anew knows nobody", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const patient = await serve(t, relay);
    const short = await serve(t, relay, { giveUpAfter: 200 });
    patient.listen(80, echo);
    const client = await dial(t, relay, patient).opened;
    const lost = [next(client, "error"), next(patient, "lost"), next(short, "close")];
    await relay.kill();
    const [{ code, message }] = await Promise.all(lost);
    assert.equal(code, "lost");
    assert.match(message, /^The connection to the relay at ws:.* was lost/);
    assert.deepEqual([client.readyState, patient.readyState, short.readyState], [3, 0, 3]);
    await assert.rejects(dial(t, relay, patient).opened, { code: "unreachable", message: /ECONNREFUSED.*nws relay/ });
    const over = next(patient, "error");
    await relay.start();
    assert.equal((await over).code, "bad_credential");
    assert.equal(patient.readyState, 3);
  });

  it("a relay that is stopped says so", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    server.listen(80, echo);
    const client = await dial(t, relay, server).opened;
    const end = ending(client);
    await relay.stop();
    assert.deepEqual(await end, { code: 1001, reason: "The relay was stopped", wasClean: true });
  });

  it("who reads slowly holds up its own connection only, and gets all of it", { timeout: 180_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    const arrived = arrivals(server, 80);
    const slow = await dial(t, relay, server).opened;
    // On the same WebSocket as the slow one, so that only credit keeps them apart.
    const fast = await dial(t, relay, server).opened;
    const there = [await arrived(), await arrived()];
    slow.pause();
    const MANY = 400;
    const body = randomBytes(10_000);
    for (let n = 0; n < MANY; n += 1) {
      for (const socket of there) {
        socket.send(`${n}`);
        socket.send(body);
      }
    }
    const rest = await messages(fast, 2 * MANY);
    assert.equal(rest.at(-2), String(MANY - 1));
    const waiting = there[0].bufferedAmount;
    const all = MANY * body.length;
    assert.ok(waiting > all - 2 * WINDOW - body.length && waiting < all, `${waiting} of ${all} wait`);
    const got = [];
    const reading = slow[Symbol.asyncIterator]();
    slow.resume();
    for await (const { data } of reading) {
      got.push(data);
      // It takes its time, so that much waits for it and for credit.
      if (got.length % 20 === 0) await turn();
      if (got.length === 2 * MANY) break;
    }
    for (let n = 0; n < MANY; n += 1) {
      assert.equal(got[2 * n], String(n));
      assert.equal(Buffer.compare(Buffer.from(got[2 * n + 1]), body), 0);
    }
    await drained(there[0]);
  });
});
