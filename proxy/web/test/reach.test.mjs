// Pages that the browser may keep from this machine, and what they are told.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { made, settle } from "./fake-websocket.mjs";
import { page } from "./page.mjs";

const refused = async () => {
  throw new TypeError("Failed to fetch");
};

/** Opens a channel that fails, and gives the error event. */
async function failure(at, more, options) {
  const { window } = page(at, more);
  const socket = new window.NetworkWebSocket("secret", options);
  const told = new Promise((resolve) => (socket.onerror = resolve));
  await settle();
  made[0].end(1006, "", false);
  const { code, message } = await told;
  assert.doesNotMatch(message, /secret/);
  return { code, message };
}

describe("a page from elsewhere", () => {
  it("fetches /health first, so that the browser asks, and opens whatever comes of it", async () => {
    for (const health of [undefined, refused]) {
      const { window, fetched } = page("https://example.org/", health && { health });
      const socket = new window.NetworkWebSocket("c");
      assert.deepEqual(
        fetched.map(([url]) => url),
        ["http://localhost:9009/health"],
      );
      assert.equal(fetched[0][1].mode, "no-cors");
      assert.equal(made.length, 0);
      assert.equal(socket.readyState, 0);
      await settle();
      assert.equal(made.length, 1);
      made[0].accept();
      assert.equal(socket.readyState, 1);
    }
  });

  it("waits as long as the user does, and can give up", async () => {
    let answer;
    const health = () => new Promise((resolve) => (answer = resolve));
    const { window } = page("https://example.org/", { health });
    const socket = new window.NetworkWebSocket("c");
    await settle();
    assert.equal(made.length, 0);
    let event;
    socket.onclose = (close) => (event = close);
    socket.close();
    await assert.rejects(socket.opened, { code: "closed" });
    assert.deepEqual([event.code, event.wasClean], [1005, true]);
    answer({});
    await settle();
    assert.equal(made.length, 0);
  });

  it("fetches from a proxy with TLS by https", async () => {
    const { window, fetched } = page("https://example.org/");
    new window.NetworkWebSocket("c", { proxy: "wss://localhost:9010" });
    assert.deepEqual(
      fetched.map(([url]) => url),
      ["https://localhost:9010/health"],
    );
    await settle();
    assert.equal(made[0].url, "wss://localhost:9010/c");
  });

  it("is told to allow it", async () => {
    for (const permission of [
      { "loopback-network": "denied" },
      { "loopback-network": "prompt" },
      { "local-network-access": "denied" },
    ]) {
      const { code, message } = await failure("https://example.org/", { health: refused, permission });
      assert.equal(code, "permission");
      assert.match(message, /does not let this page reach the proxy at ws:\/\/localhost:9009\. Allow it/);
    }
  });

  it("is told to start the proxy if it is allowed, or if the browser knows no such permission", async () => {
    for (const permission of [{ "loopback-network": "granted" }, {}]) {
      const { code, message } = await failure("https://example.org/", { health: refused, permission });
      assert.equal(code, "unreachable");
      assert.match(message, /Start it on this machine: nws/);
      assert.match(message, /Content-Security-Policy of this page must list ws:\/\/localhost:9009 in connect-src/);
      assert.match(message, /Safari/);
    }
    const { message } = await failure("https://example.org/", { health: refused }, { proxy: "wss://localhost:9010" });
    assert.doesNotMatch(message, /Safari/);
  });

  it("is told to use https", async () => {
    const { code, message } = await failure("http://example.org/", { health: refused });
    assert.equal(code, "permission");
    assert.match(message, /plain http.*Serve it by https, or let the proxy serve it: nws --www/);
  });

  it("is told that something answers, but no channel opens", async () => {
    const { code, message } = await failure("https://example.org/");
    assert.equal(code, "unreachable");
    assert.match(message, /answers, but opens no channel/);
  });
});

describe("a page that needs no permission", () => {
  it("connects at once", () => {
    for (const at of [
      "http://localhost:9009/",
      "http://127.0.0.1:5173/",
      "http://[::1]/",
      "https://app.localhost/",
      "file:///page.html",
    ]) {
      const { window, fetched } = page(at);
      new window.NetworkWebSocket("c");
      assert.equal(made.length, 1, at);
      assert.deepEqual(fetched, [], at);
    }
    const { window, fetched } = page("https://example.org/");
    new window.NetworkWebSocket("c", { proxy: "wss://proxy.example" });
    assert.equal(made.length, 1);
    assert.deepEqual(fetched, []);
  });

  it("is told to start the proxy, and of its own policy", async () => {
    const { message } = await failure("http://localhost:5173/");
    assert.match(message, /Start it on this machine: nws.*connect-src/);
    assert.doesNotMatch((await failure("file:///page.html")).message, /connect-src/);
  });
});
