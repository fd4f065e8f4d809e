// Our client in pages of a real browser, with each other and with the original's client in Node, at both servers; and
// the example's pages.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { answerer, makers, next, peerOpts, root } from "./clients.mjs";
import { pageAsJoiner, pageAsRoot } from "./in-page.mjs";
import { missing, open } from "./pages.mjs";
import { SECRET, kinds, start } from "./servers.mjs";

/** What a browser writes about a server that is not there, and about pages that are closed while they join again. */
const REFUSED = /WebSocket connection to .* failed/;

describe("in Chromium", { skip: missing, timeout: 600_000 }, () => {
  let browser;
  before(async () => (browser = await open()));
  after(() => browser?.end());

  for (const kind of kinds) {
    describe(`at the server (${kind})`, () => {
      let server;
      before(async () => (server = await start(kind)));
      after(() => server?.stop());

      it("a page as root, pages and the original as joiners", { timeout: 120_000 }, async (t) => {
        const rootPage = await browser.page(t, "/");
        await pageAsRoot(rootPage, server.host);
        const pages = await Promise.all([1, 2, 3].map(() => browser.page(t, "/")));
        const answers = await Promise.all([
          ...pages.map((page, at) =>
            pageAsJoiner(page, server.host, `page ${at}`, at === 2 ? { peerOpts: { trickle: false } } : {}),
          ),
          ...["original", "ours", "ours with simple-peer"].map(async (name) => {
            const peer = makers[name](server.host).connect(null, { peerOpts });
            await next(peer, "connect");
            peer.send(name);
            const answer = String(await next(peer, "data"));
            peer.on("error", () => {});
            peer.destroy();
            return answer;
          }),
        ]);
        const said = ["page 0", "page 1", "page 2", "original", "ours", "ours with simple-peer"];
        assert.deepEqual(
          answers,
          said.map((words) => `pong to ${words}`),
        );
        const heard = await rootPage.evaluate(() =>
          globalThis.heard.map((data) => (typeof data === "string" ? data : new TextDecoder().decode(data))),
        );
        assert.deepEqual(heard.sort(), said.sort());
      });

      it("the original as root, a page as joiner", { timeout: 120_000 }, async (t) => {
        const client = makers.original(server.host);
        t.after(() => client.rootSocket?.destroy());
        const connected = [];
        await root(
          client,
          SECRET,
          answerer(client, (newcomer) => {
            connected.push(next(newcomer, "connect"));
            newcomer.on("data", (data) => newcomer.send(`pong to ${data}`));
            newcomer.on("error", () => {});
            t.after(() => newcomer.destroy());
          }),
        );
        const page = await browser.page(t, "/");
        const answer = await pageAsJoiner(page, server.host, "page");
        // Its simple-peer sends all as bytes.
        assert.equal(
          typeof answer === "string" ? answer : Buffer.from(Object.values(answer)).toString(),
          "pong to page",
        );
        await Promise.all(connected);
      });

      it("a page that leaves is gone, and a wrong secret is refused", { timeout: 120_000 }, async (t) => {
        const rootPage = await browser.page(t, "/");
        await pageAsRoot(rootPage, server.host);
        const page = await browser.page(t, "/");
        await pageAsJoiner(page, server.host, "here");
        await page.evaluate(() => {
          globalThis.gone = new Promise((resolve) => globalThis.peer.on("close", () => resolve("gone")));
        });
        await rootPage.goto("about:blank");
        assert.equal(await page.evaluate(() => globalThis.gone), "gone");

        const other = await browser.page(t, "/", REFUSED);
        const refused = await other.evaluate(async (host) => {
          const { BootstrapClient } = await import("/lib/network-web-sockets-bootstrap.mjs");
          return new Promise((resolve) =>
            new BootstrapClient(host).root(
              "wrong",
              () => {},
              ({ code }) => resolve(code),
            ),
          );
        }, server.host);
        assert.equal(refused, "unreachable");
      });

      it("the example: a tree that grows, speaks, and mends itself", { timeout: 240_000 }, async (t) => {
        const address = `/examples/bootstrap/#${encodeURIComponent(`ws://${server.host}`)}`;
        const first = await browser.page(t, address, REFUSED);
        await first.getByLabel("Secret of the server").fill(SECRET);
        await first.getByRole("button", { name: "Be the root" }).click();
        await first.locator("#state[data-state=good]").filter({ hasText: "the root" }).waitFor();
        const others = [];
        for (let count = 2; count <= 6; count += 1) {
          others.push(await browser.page(t, address, REFUSED));
          for (const page of [first, ...others])
            await page
              .locator("#count")
              .filter({ hasText: `${count} pages` })
              .waitFor();
        }
        // Of no node are there more than two children.
        const tree = await others[4].evaluate(() => document.getElementById("picture").getAttribute("aria-label"));
        assert.match(tree, /which is this page/);
        assert.equal(await first.locator("#picture .node").count(), 6);
        assert.equal(await first.locator("#picture .edges path").count(), 5);

        await others[4].getByLabel("Say to the whole tree").fill("good morning");
        await others[4].getByRole("button", { name: "Say" }).click();
        for (const page of [first, ...others])
          await page.locator("#said li").filter({ hasText: "good morning" }).waitFor();
        assert.equal(await others[0].locator("#said li").count(), 1);
        if (process.env.SCREENSHOTS)
          await first.screenshot({ path: `${process.env.SCREENSHOTS}/tree-${kind}.png`, fullPage: true });

        // A child of the root leaves; its children come again.
        await others[0].goto("about:blank");
        for (const page of [first, ...others.slice(1)])
          await page.locator("#count").filter({ hasText: "5 pages" }).waitFor();
        assert.equal(await first.locator("#picture .node").count(), 5);
      });
    });
  }

  it("the example without a server, and without a root, says what to do", { timeout: 120_000 }, async (t) => {
    const server = await start("ours");
    t.after(server.stop);
    const rootless = await browser.page(
      t,
      `/examples/bootstrap/#${encodeURIComponent(`ws://${server.host}`)}`,
      REFUSED,
    );
    await rootless.locator("#problem").filter({ hasText: "nobody is the root" }).waitFor();
    await rootless.getByLabel("Secret of the server").fill("wrong");
    await rootless.getByRole("button", { name: "Be the root" }).click();
    await rootless.locator("#problem").filter({ hasText: "is the secret right?" }).waitFor();
    await server.stop();
    const alone = await browser.page(t, `/examples/bootstrap/#${encodeURIComponent(`ws://${server.host}`)}`, REFUSED);
    await alone.locator("#problem").filter({ hasText: "nws bootstrap --secret" }).waitFor();
  });
});
