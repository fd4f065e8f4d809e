// Where the library looks for the proxy.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NetworkWebSocket } from "../dist/network-web-sockets.mjs";
import { FakeWebSocket } from "./fake-websocket.mjs";
import { page } from "./page.mjs";

const where = (at, more) => new (page(at, more).window.NetworkWebSocket)("c").url.replace(/\/c$/, "");

describe("the proxy's address", () => {
  it("is localhost's usual port for pages from elsewhere", () => {
    for (const at of [
      "https://example.org/",
      "http://192.168.1.5:9009/",
      "file:///home/me/page.html",
      "http://localhost:5173/",
      "http://localhost.example.org:9009/",
    ]) {
      assert.equal(where(at), "ws://localhost:9009", at);
    }
  });

  it("is the page's origin on loopback with that port", () => {
    assert.equal(where("http://localhost:9009/examples/chat/"), "ws://localhost:9009");
    assert.equal(where("http://127.0.0.1:9009/"), "ws://127.0.0.1:9009");
    assert.equal(where("http://[::1]:9009/"), "ws://[::1]:9009");
    assert.equal(where("https://localhost:9009/"), "wss://localhost:9009");
  });

  it("is the origin of the script where a proxy serves it", () => {
    assert.equal(
      where("http://localhost:4711/www/", { script: "http://localhost:4711/network-web-sockets.js" }),
      "ws://localhost:4711",
    );
    for (const path of ["namedwebsockets.js", "networkwebsockets.js", "network-web-sockets.js", "network-web-sockets.mjs"]) {
      assert.equal(
        where("http://localhost:4711/www/", { script: `http://localhost:4711/lib/${path}` }),
        "ws://localhost:4711",
      );
    }
    assert.equal(
      where("https://example.org/", { script: "http://127.0.0.1:9009/network-web-sockets.js" }),
      "ws://127.0.0.1:9009",
    );
    assert.equal(
      where("https://example.org/", { script: "https://localhost:4711/network-web-sockets.js" }),
      "wss://localhost:4711",
    );
    assert.equal(where("https://example.org/", { script: "http://localhost:9009/any/copy.js" }), "ws://localhost:9009");
  });

  it("is not a development server, or any other", () => {
    assert.equal(
      where("http://localhost:5173/", {
        script: "http://localhost:5173/node_modules/.vite/deps/network-web-sockets.js",
      }),
      "ws://localhost:9009",
    );
    assert.equal(
      where("https://example.org/", { script: "https://example.org/network-web-sockets.js" }),
      "ws://localhost:9009",
    );
    assert.equal(
      where("https://example.org:9009/", { script: "https://cdn.example/network-web-sockets.js" }),
      "ws://localhost:9009",
    );
  });

  it("can be told for all sockets, and for one", () => {
    const globals = { NETWORK_WEB_SOCKETS_PROXY: "ws://localhost:4711" };
    assert.equal(where("http://localhost:9009/", { globals }), "ws://localhost:4711");
    const { window } = page("http://localhost:9009/", { globals });
    assert.equal(new window.NetworkWebSocket("c", { proxy: "wss://box.local:1" }).url, "wss://box.local:1/c");
    const forms = {
      "http://localhost:1": "ws://localhost:1/c",
      "https://box.example/": "wss://box.example/c",
      "https://box.example/nws/?x#y": "wss://box.example/nws/c",
      "ws://[::1]:1/": "ws://[::1]:1/c",
    };
    for (const [proxy, url] of Object.entries(forms)) {
      assert.equal(new NetworkWebSocket("c", { proxy, WebSocket: FakeWebSocket }).url, url);
      assert.equal(new NetworkWebSocket("c", { proxy: new URL(proxy), WebSocket: FakeWebSocket }).url, url);
    }
    for (const proxy of ["localhost:9009", "ftp://localhost", "ws://", "/path"]) {
      assert.throws(
        () => new NetworkWebSocket("c", { proxy, WebSocket: FakeWebSocket }),
        { name: "SyntaxError" },
        proxy,
      );
    }
    assert.throws(() => new NetworkWebSocket("c", { proxy: "ws://a:b:c", WebSocket: FakeWebSocket }));
  });
});

describe("the classic script", () => {
  it("sets three globals and leaves alone those that are there", () => {
    const { window } = page("https://example.org/");
    for (const name of ["NetworkWebSocket", "LocalWebSocket", "BroadcastWebSocket"]) {
      assert.equal(typeof window[name], "function");
      const own = class {};
      assert.equal(page("https://example.org/", { globals: { [name]: own } }).window[name], own);
    }
  });
});
