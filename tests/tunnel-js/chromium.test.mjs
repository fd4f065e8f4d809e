// The tunnel's classes in pages of a real browser, at a real relay, with each other and with Node; and the example.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { closeBrowser, hasText, openPage } from "../browser/harness/browser.mjs";
import { Proxy } from "../browser/harness/proxy.mjs";
import { configure, join } from "./first-dialect.mjs";
import { arrivals, dial, echo, ending, messages, serve } from "./parties.mjs";
import { SECRET, startLine, startRelay } from "./relay.mjs";

/** What a browser writes when a connection to a relay is cut, or there is none. */
const CUT = /WebSocket connection to .* failed/;
const RELAY_IS_GONE = /WebSocket connection to .* failed|ERR_CONNECTION_REFUSED/;

describe("in Chromium", { timeout: 600_000 }, () => {
  const proxy = new Proxy([]);
  before(() => proxy.start());
  after(async () => {
    await closeBrowser();
    await proxy.stop();
  });

  /** A page with the tunnel's module as `globalThis.tunnel`. */
  async function page(t, complaints) {
    const opened = await openPage(t, `${proxy.origin}/examples/tunnel/`, { complaints });
    await opened.evaluate(async () => (globalThis.tunnel = await import("/lib/network-web-sockets-tunnel.mjs")));
    return opened;
  }

  /** In the page: becomes a server that echoes on some ports, with the port in front of text. */
  const pageAsServer = (opened, url, ports) =>
    opened.evaluate(
      async ([url, ports]) => {
        const server = (globalThis.server = await globalThis.tunnel.ForwardingServerWebSocket.newThrough(url, {
          resume: { minDelay: 20, maxDelay: 100 },
        }));
        for (const port of ports) {
          server.listen(port, (socket) => {
            socket.binaryType = port % 2 ? "arraybuffer" : "blob";
            socket.onmessage = ({ data }) => socket.send(typeof data === "string" ? `${port} heard ${data}` : data);
          });
        }
        globalThis.resumed = 0;
        server.onresume = () => (globalThis.resumed += 1);
        return server.serverId;
      },
      [url, ports],
    );

  /** In the page: says text and bytes on a port. @returns The text that came back, and whether the bytes were equal. */
  const pageAsClient = (opened, url, id, port, words) =>
    opened.evaluate(
      async ([url, id, port, words]) => {
        const socket = await globalThis.tunnel.PeerToPeerWebSocket.toPort(port, id, url).opened;
        socket.binaryType = "arraybuffer";
        const answers = socket[Symbol.asyncIterator]();
        socket.send(words);
        const bytes = new Uint8Array(300_000);
        for (let at = 0; at < bytes.length; at += 60_000) crypto.getRandomValues(bytes.subarray(at, at + 60_000));
        socket.send(bytes);
        socket.send(new Blob([bytes, "tail"]));
        const text = (await answers.next()).value.data;
        const first = new Uint8Array((await answers.next()).value.data);
        const second = new Uint8Array((await answers.next()).value.data);
        const same = (other) => bytes.every((byte, at) => byte === other[at]);
        const equal = first.length === bytes.length && same(first) && second.length === bytes.length + 4 && same(second);
        const closed = new Promise((done) => (socket.onclose = ({ code, reason, wasClean }) => done([code, reason, wasClean])));
        socket.close(3000, "thanks");
        return { text, equal, closed: await closed };
      },
      [url, id, port, words],
    );

  it("a page as server, pages and Node as clients, several ports", { timeout: 180_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await page(t);
    const id = await pageAsServer(server, relay.url, [80, 81]);
    const clients = [await page(t), await page(t)];
    const answers = await Promise.all(
      clients.flatMap((client, at) => [80, 81].map((port) => pageAsClient(client, relay.url, id, port, `page ${at} ü`))),
    );
    const closed = [3000, "thanks", true];
    assert.deepEqual(
      answers,
      [0, 1].flatMap((at) => [80, 81].map((port) => ({ text: `${port} heard page ${at} ü`, equal: true, closed }))),
    );
    const node = await dial(t, relay, id, 81).opened;
    const came = messages(node, 1);
    node.send("Node");
    assert.deepEqual(await came, ["81 heard Node"]);
    await assert.rejects(dial(t, relay, id, 82).opened, { code: "refused" });
    assert.equal(await server.evaluate(() => globalThis.server.connections.length), 1);
    const gone = ending(node);
    await server.evaluate(() => globalThis.server.close());
    await gone;
  });

  it("Node as server, pages as clients: codes, refusal, and a server that leaves", { timeout: 180_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    server.listen(80, echo);
    server.listen(81, (socket) => socket.close(4000, "not now"));
    server.onconnection = (event) => event.port === 22 && event.refuse("no shell here");
    const client = await page(t);
    const how = (port, id = server.serverId) =>
      client.evaluate(
        ([url, id, port]) =>
          new Promise((done) => {
            const socket = globalThis.tunnel.PeerToPeerWebSocket.toPort(port, id, url);
            const error = [];
            socket.onerror = (event) => error.push(event.code);
            socket.onclose = (event) => done([event instanceof CloseEvent, event.code, event.reason, event.wasClean, ...error]);
          }),
        [relay.url, id, port],
      );
    assert.deepEqual(await how(81), [true, 4000, "not now", true]);
    assert.deepEqual((await how(22)).toSpliced(2, 1), [true, 1006, false, "refused"]);
    assert.match((await how(22))[2], /no shell here/);
    assert.equal((await how(80, 12_345)).at(-1), "unknown_server");
    const there = new Promise((resolve) => server.listen(80, resolve));
    const left = how(80);
    await there;
    await server.close();
    assert.equal((await left)[0], true);
  });

  it("a page whose connection to the relay is cut comes back, and nobody notices", { timeout: 240_000 }, async (t) => {
    const relay = await startRelay(t);
    const line = await startLine(t, relay);
    const server = await page(t, CUT);
    const id = await pageAsServer(server, line.url, [80]);
    const client = await page(t);
    await client.evaluate(
      async ([url, id]) => {
        const socket = (globalThis.socket = await globalThis.tunnel.PeerToPeerWebSocket.toPort(80, id, url).opened);
        globalThis.heard = [];
        socket.onmessage = ({ data }) => globalThis.heard.push(data);
        globalThis.ended = [];
        socket.onclose = ({ code }) => globalThis.ended.push(code);
      },
      [relay.url, id],
    );
    const MANY = 600;
    const body = "y".repeat(2000);
    for (let round = 0; round < 4; round += 1) {
      const sending = client.evaluate(
        async ([from, count, body]) => {
          const { socket, heard } = globalThis;
          for (let n = from; n < from + count; n += 1) {
            socket.send(`${n} ${body}`);
            // Some are always under way.
            while (heard.length < n - 40) await new Promise((done) => socket.addEventListener("message", done, { once: true }));
          }
        },
        [round * (MANY / 4), MANY / 4, body],
      );
      line.cut();
      await sending;
      await server.waitForFunction((least) => globalThis.resumed >= least, round + 1);
    }
    await client.waitForFunction((count) => globalThis.heard.length >= count, MANY);
    const heard = await client.evaluate(() => globalThis.heard.map((text) => text.split(" ", 4).slice(0, 3).join(" ")));
    assert.deepEqual(heard, Array.from({ length: MANY }, (_, n) => `80 heard ${n}`));
    assert.deepEqual(await client.evaluate(() => globalThis.ended), []);
    assert.ok((await server.evaluate(() => globalThis.resumed)) >= 4);
  });

  it("a slow page gets all of 300 messages, and holds up nobody", { timeout: 180_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    const arrived = arrivals(server, 80);
    server.listen(81, echo);
    const slow = await page(t);
    const reading = slow.evaluate(
      async ([url, id]) => {
        const other = await globalThis.tunnel.PeerToPeerWebSocket.toPort(81, id, url).opened;
        const socket = await globalThis.tunnel.PeerToPeerWebSocket.toPort(80, id, url).opened;
        const got = [];
        for await (const { data } of socket) {
          got.push(data.slice(0, data.indexOf(" ")));
          // Another connection of the same page is quick in the meantime: this one waits for it each time.
          const answer = new Promise((done) => (other.onmessage = done));
          other.send("quick");
          await answer;
        }
        return got;
      },
      [relay.url, server.serverId],
    );
    const socket = await (await arrived()).opened;
    const body = "z".repeat(5000);
    for (let n = 0; n < 300; n += 1) socket.send(`${n} ${body}`);
    assert.ok(socket.bufferedAmount > 300 * 5000 - 2 * 512 * 1024);
    socket.finish();
    assert.deepEqual(await reading, Array.from({ length: 300 }, (_, n) => String(n)));
  });

  it("a relay that is killed is told to pages", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await page(t, RELAY_IS_GONE);
    const id = await pageAsServer(server, relay.url, [80]);
    const client = await page(t, RELAY_IS_GONE);
    const told = client.evaluate(
      async ([url, id]) => {
        const socket = await globalThis.tunnel.PeerToPeerWebSocket.toPort(80, id, url).opened;
        document.title = "connected";
        const error = new Promise((done) => (socket.onerror = ({ code }) => done(code)));
        const close = new Promise((done) => (socket.onclose = ({ code, wasClean }) => done([code, wasClean])));
        return [await error, await close];
      },
      [relay.url, id],
    );
    await client.waitForFunction(() => document.title === "connected");
    const over = server.evaluate(
      () =>
        new Promise((done) => {
          const log = [];
          for (const type of ["lost", "error", "close"])
            globalThis.server.addEventListener(type, (event) => log.push(`${type} ${event.code ?? event.detail.code}`) === 3 && done(log));
        }),
    );
    await server.evaluate(() => globalThis.server.readyState);
    await relay.kill();
    assert.deepEqual(await told, ["lost", [1006, false]]);
    await relay.start();
    assert.deepEqual(await over, ["lost 1006", "error bad_credential", "close 1006"]);
  });

  it("a page as server of a client of the first dialect", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    await configure(t, relay, SECRET, "|");
    const server = await page(t);
    const id = await pageAsServer(server, relay.url, [80]);
    const client = await join(t, relay);
    assert.equal((await client.instruct("connect to server", [id, 80]))[2], "1");
    assert.equal((await client.instruct("forward to server", [id, "from 2017"]))[2], "1");
    assert.equal(await client.next(), `from:data: ${id}|80 heard from 2017`);
  });

  describe("the example", () => {
    const example = (t, relay, more = {}, options = {}) =>
      openPage(t, `${proxy.origin}/examples/tunnel/#${new URLSearchParams({ relay: relay.url, ...more })}`, options);
    const inside = (opened) => opened.frameLocator("iframe#site");

    async function serving(opened) {
      await opened.getByRole("button", { name: "Serve a site from this page" }).click();
      await hasText(opened, "#serving[data-state=good]", "serving");
      return opened.locator("#id").textContent();
    }

    it("serves pages, a picture and a guestbook to other pages, and stays when its line is cut", { timeout: 240_000 }, async (t) => {
      const relay = await startRelay(t);
      const line = await startLine(t, relay);
      const server = await example(t, line, {}, { complaints: CUT });
      const id = await serving(server);
      const one = await example(t, relay);
      await one.getByLabel("Server", { exact: true }).fill(id);
      await one.getByRole("button", { name: "Visit", exact: true }).click();
      await hasText(one, "#visiting[data-state=good]", /connected, [\d.]+ ms there and back/);
      await inside(one).getByRole("heading", { name: "Good day" }).waitFor();
      await inside(one).getByRole("link", { name: "a picture" }).click();
      await one.waitForFunction(() => {
        const { contentDocument } = /** @type {HTMLIFrameElement} */ (document.querySelector("iframe#site"));
        return contentDocument.querySelector("img")?.naturalWidth === 640;
      });
      const paper = await one.locator("iframe#site").evaluate((frame) => getComputedStyle(frame.contentDocument.body).backgroundColor);
      assert.equal(paper, "rgb(253, 248, 238)", "its own style");

      line.cut();
      await hasText(server, "#log", "all visitors are still connected");
      await inside(one).getByRole("link", { name: "Guestbook", exact: true }).click();
      await inside(one).getByLabel("Name").fill("Anna <b>");
      await inside(one).getByLabel("Words").fill('<img src=x onerror="parent.hacked = 1"> hello');
      await inside(one).getByRole("button", { name: "Sign" }).click();
      await inside(one).locator("blockquote", { hasText: "hello" }).waitFor();
      const two = await example(t, relay, { server: id });
      await inside(two).getByText("with 1 entry").waitFor();
      await inside(two).getByRole("link", { name: "a guestbook" }).click();
      await inside(two).locator("blockquote", { hasText: "Anna <b>" }).waitFor();
      await hasText(server, "#log", "127.0.0.1 POST /guestbook 200");

      await server.getByRole("button", { name: "Stop" }).click();
      await hasText(server, "#serving", "not serving");
      await hasText(two, "#visiting[data-state=bad]", "not connected");
      assert.equal(await two.locator("iframe#site").isVisible(), false);
    });

    it("shows another picture when one is chosen", { timeout: 120_000 }, async (t) => {
      const relay = await startRelay(t);
      const server = await example(t, relay);
      const id = await serving(server);
      const picture = fileURLToPath(new URL("../../proxy/web/console.png", import.meta.url));
      await server.getByLabel("Show another picture").setInputFiles(picture);
      const visitor = await example(t, relay, { server: id });
      await inside(visitor).getByRole("link", { name: "a picture" }).click();
      await visitor.waitForFunction(() => {
        const { contentDocument } = /** @type {HTMLIFrameElement} */ (document.querySelector("iframe#site"));
        return contentDocument.querySelector("img")?.naturalWidth > 640;
      });
    });

    it("nothing of a hostile site runs, or leads anywhere", { timeout: 120_000 }, async (t) => {
      const relay = await startRelay(t);
      const server = await serve(t, relay);
      const body = `<!doctype html><html><head><title>x</title><base href="https://evil.example/">
        <meta http-equiv="refresh" content="0;url=/"><style>@import "https://evil.example/x.css"</style>
        <script>parent.hacked = 1</script></head><body onload="parent.hacked = 2">
        <p id="end" style="position:fixed" onclick="parent.hacked = 11">end</p>
        <script>top.hacked = 3</script><img src="https://evil.example/x.png" onerror="parent.hacked = 4">
        <img src=/x onerror="parent.hacked = 5"><iframe srcdoc="<script>parent.parent.hacked = 6</script>"></iframe>
        <svg><a xlink:href="javascript:parent.hacked = 7"><text>s</text></a><script>parent.hacked = 8</script></svg>
        <a id="js" href="javascript:parent.hacked = 9">run</a> <a id="out" href="https://evil.example/" target="_top">out</a>
        <form id="form" action="https://evil.example/"><input name="attributes" value="a"><input name="action"><button formaction="javascript:1">hand in</button></form>
        <object data="/examples/"></object><embed src="/examples/"><math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=parent.hacked=10&gt;"></table></math></body></html>`;
      const asked = [];
      server.listen(80, (socket) => {
        socket.onmessage = ({ data }) => {
          const { path, form } = JSON.parse(data);
          asked.push(form ? [path, form] : path);
          socket.send(JSON.stringify({ status: 200, type: "text/html" }));
          socket.send(path === "/" ? body : "<script>parent.hacked = 12</script><p>other");
        };
      });
      // The browser says of what it would not have done anyway, as the page is looked at by a parser.
      const opened = await example(t, relay, { server: server.serverId }, { complaints: /Content Security Policy/ });
      const requests = [];
      opened.on("request", (request) => requests.push(request.url()));
      await inside(opened).locator("#end").click();
      await inside(opened).locator("#js").click();
      await inside(opened).locator("#out").click();
      const frame = await opened.locator("iframe#site").evaluate((each) => [each.getAttribute("sandbox"), each.contentDocument.body.innerHTML]);
      assert.equal(frame[0], "allow-same-origin allow-forms");
      assert.doesNotMatch(frame[1], /script|on\w+=|javascript|evil|style|srcdoc|<iframe|<svg|<object|<embed|<math/);
      assert.equal(await opened.evaluate(() => globalThis.hacked), undefined);
      assert.deepEqual(asked.filter((each) => each !== "/"), ["/x"]);
      assert.equal(new URL(opened.url()).pathname, "/examples/tunnel/");
      assert.deepEqual(requests.filter((url) => !url.startsWith("blob:") && !url.endsWith("/console/icon.svg")), []);
    });

    it("says what to do without a relay, and without the server", { timeout: 120_000 }, async (t) => {
      const relay = await startRelay(t);
      const opened = await example(t, relay, { server: 4711 }, { complaints: CUT });
      await hasText(opened, "#problem", /server/);
      await hasText(opened, "#visiting[data-state=bad]", "not connected");
      await relay.kill();
      const alone = await example(t, relay, {}, { complaints: RELAY_IS_GONE });
      await alone.getByRole("button", { name: "Serve a site from this page" }).click();
      await hasText(alone, "#problem", "nws relay");
    });

    it("is no wider than the window, in both themes and on a phone", { timeout: 240_000 }, async (t) => {
      const relay = await startRelay(t);
      const id = await serving(await example(t, relay));
      for (const [look, options] of Object.entries({
        light: { width: 1360, height: 820 },
        dark: { width: 1360, height: 820, scheme: "dark" },
        "phone-light": { width: 360, height: 740 },
        "phone-dark": { width: 360, height: 740, scheme: "dark" },
      })) {
        if (!process.env.SCREENSHOTS && !["light", "phone-dark"].includes(look)) continue;
        const both = await example(t, relay, { server: id }, options);
        await serving(both);
        await inside(both).getByRole("link", { name: "a picture" }).click();
        await inside(both).locator("img").waitFor();
        const visitor = await example(t, relay, { server: await both.locator("#id").textContent() });
        await inside(visitor).getByRole("link", { name: "Guestbook", exact: true }).click();
        await hasText(both, "#log", "/guestbook");
        await both.locator("figure pre span").first().waitFor();
        assert.equal(await both.evaluate(() => document.documentElement.scrollWidth), options.width);
        if (!process.env.SCREENSHOTS) continue;
        await both.screenshot({ path: `${process.env.SCREENSHOTS}/tunnel-${look}.png`, fullPage: true });
      }
    });
  });
});
