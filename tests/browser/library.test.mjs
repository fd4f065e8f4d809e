// The library's three classes in a page of another origin, loaded as such a page would, and the words it has for what
// goes wrong. What it does in detail is tested in proxy/web/test.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { afterwards } from "./harness/cleanup.mjs";
import { PROXY_IS_GONE, closeBrowser, launchOwn, openPage } from "./harness/browser.mjs";
import { startLinked, startProxy } from "./harness/proxy.mjs";

after(closeBrowser);

/** An origin that is not the proxy's, with an empty page. */
async function elsewhere(t) {
  const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><title>elsewhere</title>"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterwards(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}/`;
}

async function pageWithLibrary(t, proxy, options) {
  const page = await openPage(t, await elsewhere(t), options);
  await page.addScriptTag({ url: `${proxy.origin}/network-web-sockets.js` });
  return page;
}

test("NetworkWebSocket, LocalWebSocket and BroadcastWebSocket between pages of other origins, across two proxies", async (t) => {
  const [first, second] = await startLinked(t);
  const one = await pageWithLibrary(t, first);
  const two = await pageWithLibrary(t, second);

  await two.evaluate(async () => {
    const heard = (globalThis.heard = []);
    const channel = (globalThis.channel = new globalThis.NetworkWebSocket("classes"));
    channel.onmessage = ({ data, senderId }) => heard.push(["all", data, senderId]);
    channel.onconnect = ({ detail: { target: peer } }) => {
      peer.onopen = () => heard.push(["open", peer.id]);
      peer.onmessage = ({ data }) => heard.push(["one", data, peer.id]);
    };
    await channel.opened;
  });
  const id = await one.evaluate(async () => {
    const channel = new globalThis.NetworkWebSocket("classes");
    const peer = await new Promise((done) => (channel.onconnect = ({ detail }) => done(detail.target)));
    await peer.opened;
    channel.send({ any: ["JSON", 1, null] });
    peer.send("you alone");
    return channel.id;
  });
  await two.waitForFunction(() => globalThis.heard.length === 3);
  assert.deepEqual(await two.evaluate(() => globalThis.heard), [["open", id], ["all", { any: ["JSON", 1, null] }, id], ["one", "you alone", id]]);

  for (const [name, reaches] of [["BroadcastWebSocket", true], ["LocalWebSocket", false]]) {
    await two.evaluate(async (name) => {
      const socket = new globalThis[name]("raw");
      socket.binaryType = "arraybuffer";
      globalThis.raw = [];
      socket.onmessage = ({ data }) => globalThis.raw.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
      await new Promise((done) => (socket.onopen = done));
    }, name);
    await one.evaluate(async (name) => {
      const socket = (globalThis.socket = new globalThis[name]("raw"));
      await new Promise((done) => (socket.onopen = done));
    }, name);
    const both = () => one.evaluate(() => (globalThis.socket.send("text"), globalThis.socket.send(new Uint8Array([0, 255, 128]))));
    if (reaches) {
      // Nobody says when the other proxy has joined in: it is sent until it arrives.
      while (!(await two.evaluate(() => globalThis.raw.length >= 2))) await both();
      const arrived = await two.evaluate(() => globalThis.raw);
      assert.deepEqual(arrived.slice(arrived.indexOf("text")).slice(0, 2), ["text", [0, 255, 128]]);
    } else {
      await both();
      // What goes over the link afterwards shows that nothing came before it.
      await two.evaluate(() => globalThis.channel.send("after"));
      assert.deepEqual(await two.evaluate(() => globalThis.raw), []);
    }
  }
});

test("no proxy: the error says so, and what to do", async (t) => {
  const proxy = await startProxy(t);
  const page = await pageWithLibrary(t, proxy, { complaints: PROXY_IS_GONE });
  await proxy.kill();
  const told = await page.evaluate(
    () =>
      new Promise((done) => {
        const events = [];
        const channel = new globalThis.NetworkWebSocket("any");
        channel.onerror = ({ code, message }) => events.push(code, message);
        channel.onclose = ({ code, wasClean }) => done([...events, code, wasClean]);
      }),
  );
  assert.equal(told[0], "unreachable");
  assert.match(told[1], new RegExp(`^No proxy answers at ws://localhost:${proxy.port}. Start it on this machine: nws.`));
  assert.deepEqual(told.slice(2), [1006, false]);
});

test("a public page by plain http: the error says that the browser keeps it from the proxy", async (t) => {
  const proxy = await startProxy(t);
  const { port } = new URL(await elsewhere(t));
  // To this browser the page's server is somewhere on the internet.
  const browser = await launchOwn(t, "--host-resolver-rules=MAP page.test 127.0.0.1", `--ip-address-space-overrides=127.0.0.1:${port}=public`);
  const page = await browser.newPage();
  await page.goto(`http://page.test:${port}/`);
  await page.addScriptTag({ path: fileURLToPath(new URL("../../proxy/web/dist/network-web-sockets.js", import.meta.url)) });
  const told = await page.evaluate(
    (proxy) =>
      new Promise((done) => {
        const channel = new globalThis.NetworkWebSocket("any", { proxy });
        channel.onopen = () => done(["open"]);
        channel.onerror = ({ code, message }) => done([code, message]);
      }),
    proxy.origin,
  );
  assert.equal(told[0], "permission");
  assert.match(told[1], /^This page came by plain http, so the browser may keep it from the proxy at .* nws --www FOLDER/);
});

test("a bad name is an exception before anything is connected", async (t) => {
  const proxy = await startProxy(t);
  const page = await pageWithLibrary(t, proxy);
  for (const name of ["NetworkWebSocket", "LocalWebSocket", "BroadcastWebSocket"]) {
    const fault = await page.evaluate((name) => {
      try {
        return void new globalThis[name]("not allowed");
      } catch (error) {
        return [error.name, error.message];
      }
    }, name);
    assert.deepEqual(fault, ["SyntaxError", "A channel's name has 1 to 255 of the characters A-Z a-z 0-9 + = * . _ -"]);
  }
});

test("a proxy that dies: the peers go first, then the channel, and with reconnection all are back", async (t) => {
  const proxy = await startProxy(t);
  const page = await pageWithLibrary(t, proxy, { complaints: PROXY_IS_GONE });
  await page.evaluate(async () => {
    const events = (globalThis.events = []);
    const options = { reconnect: { minDelay: 50, maxDelay: 200 } };
    const channel = new globalThis.NetworkWebSocket("dies", options);
    globalThis.other = new globalThis.NetworkWebSocket("dies", options);
    for (const type of ["open", "connect", "disconnect", "error", "reconnecting", "close"]) {
      channel.addEventListener(type, () => events.at(-1) !== type && events.push(type));
    }
    await new Promise((done) => channel.addEventListener("connect", done, { once: true }));
  });
  await proxy.kill();
  await page.waitForFunction(() => globalThis.events.includes("reconnecting"));
  await proxy.start();
  await page.waitForFunction(() => globalThis.events.filter((type) => type === "connect").length === 2);
  const events = await page.evaluate(() => globalThis.events);
  assert.deepEqual(events.slice(0, 5), ["open", "connect", "disconnect", "error", "reconnecting"]);
  assert.deepEqual(events.slice(-2), ["open", "connect"]);
});
