// Our client by wss, at our server with a certificate made here: in Node, and in pages of a real browser.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import WebSocket from "ws";
import { BootstrapClient } from "../../proxy/web/dist/network-web-sockets-bootstrap.mjs";
import { makeCertificate } from "./certificate.mjs";
import { answerer, next, peerOpts, root } from "./clients.mjs";
import { pageAsJoiner, pageAsRoot } from "./in-page.mjs";
import { missing, open } from "./pages.mjs";
import { SECRET, start } from "./servers.mjs";

const certificate = await makeCertificate();

/** A WebSocket that takes this server for itself, and no other. */
class Trusting extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { ca: certificate.cert });
  }
}

const secure = (host, Constructor = Trusting) => new BootstrapClient(host, { secure: true, WebSocket: Constructor });

/** What a joiner is told that never gets to the server. */
const refused = (client) => new Promise((cb) => client.connect(null, { peerOpts, cb }));

describe("by wss", { timeout: 600_000 }, () => {
  let server;
  before(async () => (server = await start("ours", { certificate })));
  after(() => server?.stop());

  it("a root and joiners in Node meet", { timeout: 60_000 }, async (t) => {
    const at = secure(server.host);
    t.after(() => at.close());
    const requests = [];
    const onRequest = answerer(at, (newcomer) => {
      t.after(() => newcomer.destroy());
      newcomer.on("error", () => {}).on("data", (data) => newcomer.send(`pong to ${data}`));
    });
    await root(at, SECRET, (request) => (requests.push(request.origin), onRequest(request)));
    for (const words of ["one", "two"]) {
      const joiner = secure(server.host).connect(null, { peerOpts });
      t.after(() => joiner.destroy());
      await next(joiner, "connect");
      joiner.on("error", () => {}).send(words);
      assert.equal(String(await next(joiner, "data")), `pong to ${words}`);
    }
    assert.equal(new Set(requests).size, 2);
  });

  it("takes no certificate that is not trusted, and nobody without TLS", { timeout: 60_000 }, async (t) => {
    const distrusted = await refused(secure(server.host, WebSocket));
    assert.equal(distrusted.code, "unreachable");
    assert.match(distrusted.message, /^The bootstrap server at wss:.*self-signed certificate/);
    await assert.rejects(
      root(secure(server.host, WebSocket), SECRET, () => {}),
      (error) => error.code === "unreachable" && /self-signed/.test(error.message) && !error.message.includes(SECRET),
    );

    const inTheOpen = await refused(new BootstrapClient(server.host, { WebSocket }));
    assert.equal(inTheOpen.code, "unreachable");
    assert.match(inTheOpen.message, /at ws:/);

    const plain = await start("ours");
    t.after(plain.stop);
    assert.equal((await refused(secure(plain.host))).code, "unreachable");
  });

  describe("in Chromium", { skip: missing }, () => {
    let browser;
    before(async () => (browser = await open(`--ignore-certificate-errors-spki-list=${certificate.keyHash}`)));
    after(() => browser?.end());

    it("pages meet, also one in Node", { timeout: 120_000 }, async (t) => {
      const rootPage = await browser.page(t, "/");
      await pageAsRoot(rootPage, server.host, { secure: true });
      const page = await browser.page(t, "/");
      assert.equal(await pageAsJoiner(page, server.host, "page", {}, { secure: true }), "pong to page");
      const joiner = secure(server.host).connect(null, { peerOpts });
      t.after(() => joiner.destroy());
      await next(joiner, "connect");
      joiner.on("error", () => {}).send("node");
      assert.equal(String(await next(joiner, "data")), "pong to node");
    });

    it("a page takes no certificate of another key", { timeout: 120_000 }, async (t) => {
      const other = await start("ours", { certificate: await makeCertificate() });
      t.after(other.stop);
      const page = await browser.page(t, "/", /WebSocket connection to .* failed/);
      assert.equal(
        await pageAsJoiner(page, other.host, "page", {}, { secure: true }),
        "BootstrapError unreachable",
      );
    });
  });
});
