// The parts of the console that need no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { layout } from "../../proxy/web/console/picture-layout.js";
import { KEPT_CHARACTERS, KEPT_ENTRIES, TrafficLog, TrafficSelection } from "../../proxy/web/console/traffic-log.js";
import { troubles } from "../../proxy/web/console/troubles.js";

const HOST = "localhost:9009";
const LINK = { instance: "a" };

function said({ state = "there", discovery = "visible", words = "", known = 0, links = [], channels = [] }) {
  const status = state === "there" ? { discovery: { state: discovery, words }, known_proxies: known, links } : undefined;
  return troubles(/** @type {any} */ ({ state, status }), /** @type {any} */ (channels), HOST).map(({ level, what, remedy }) => `${level}: ${what} ${remedy}`);
}

test("what is wrong is said in plain words, with what to do", () => {
  assert.deepEqual(said({ links: [LINK] }), []);
  assert.match(said({ state: "gone" })[0], /^error: The proxy at localhost:9009 does not answer\. Start it on this machine: nws\./);
  assert.match(said({ state: "refused" })[0], /^error: What answers at localhost:9009 does not tell its status/);
  assert.match(said({})[0], /^note: No other proxy was seen yet: .* Run nws on another machine of this network\. .*nws --peer/);
  assert.match(said({ discovery: "off" })[0], /^note: No other proxy is linked, and none is searched for.*--peer/);
  assert.match(said({ known: 2 })[0], /^warning: 2 other proxies were found, but none can be linked to\. A firewall/);
  assert.match(said({ discovery: "not_visible", words: "no answer on eth0", links: [LINK] })[0], /^warning: This proxy is not visible on the network: no answer on eth0\. Guest Wi-Fi/);
  assert.match(said({ discovery: "failed", words: "no interface", links: [LINK] })[0], /^error: Other proxies can't be searched for: no interface\./);
  assert.deepEqual(said({ discovery: "starting" }), [], "it is too early to say anything");
  const waiting = { name: "chat", state: "waiting", fault: "The browser does not let this page reach the proxy" };
  assert.match(said({ links: [LINK], channels: [waiting] })[0], /^error: Not in the channel chat: The browser does not let this page reach the proxy\./);
});

const entry = (text, direction = "in") =>
  /** @type {any} */ ({ time: 0, channel: "network/a", kind: "network", name: "a", direction, from: "f", to: "", text, json: false });
const ALL = { channel: "", direction: "", words: "" };

test("the log keeps the newest, by number and by size, and says how many it dropped", () => {
  const log = new TrafficLog();
  for (let count = 0; count < KEPT_ENTRIES + 5; count += 1) log.add(entry(String(count)));
  assert.deepEqual([log.entries.length, log.dropped, log.entries[0].text], [KEPT_ENTRIES, 5, "5"]);
  log.add(entry("x".repeat(KEPT_CHARACTERS)));
  assert.equal(log.entries.length, 1);
  log.clear();
  assert.deepEqual([log.entries.length, log.dropped], [0, 0]);
});

test("a selection brought up to date by steps is the one made anew", () => {
  for (const filter of [ALL, { ...ALL, words: "7" }, { ...ALL, direction: "out" }, { ...ALL, channel: "network/b" }]) {
    const log = new TrafficLog();
    const steps = new TrafficSelection();
    steps.filter(filter, log);
    for (let round = 0; round < 40; round += 1) {
      for (let count = 0; count < round * 7; count += 1) log.add(entry(`${round} ${count}`, count % 3 ? "in" : "out"));
      const before = steps.shown.length ? steps.shown[0].seq : -1;
      const gone = steps.update(log);
      const anew = new TrafficSelection();
      anew.filter(filter, log);
      assert.deepEqual(steps.shown, anew.shown);
      assert.ok(gone === 0 || before < log.entries[0].seq);
    }
  }
});

test("the picture fits its width, whatever there is to draw", () => {
  for (const width of [240, 320, 900]) {
    for (const links of [0, 1, 3, 8, 500]) {
      for (const channels of [0, 1, 30]) {
        const places = layout(width, links, channels);
        for (const { x, y } of [...places.links, places.proxy, ...places.channels]) {
          assert.ok(x > 0 && x < width && y > 0 && y < places.height);
        }
        assert.equal(places.links.length + places.moreLinks, links);
        assert.equal(places.channels.length + places.moreChannels, channels);
        assert.ok(places.dots.from + places.dots.most * places.dots.step <= width);
      }
    }
  }
});
