// Each example with two pages: on one proxy, and on two that are linked.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PROXY_IS_GONE, closeBrowser, hasText, openPage } from "./harness/browser.mjs";
import { SETTINGS, startProxy } from "./harness/proxy.mjs";

after(closeBrowser);

for (const { where, start } of SETTINGS) {
  test(`chat ${where}: names, a word to all, a word to one, and a farewell`, async (t) => {
    const [first, second] = await start(t);
    const anna = await openPage(t, `${first.origin}/examples/chat/#room`);
    const berta = await openPage(t, `${second.origin}/examples/chat/#room`);
    const clara = await openPage(t, `${second.origin}/examples/chat/#room`);
    for (const [page, name] of [[anna, "Anna"], [berta, "Berta"], [clara, "Clara"]]) {
      await hasText(page, "#state", "2 others here");
      await page.getByLabel("Your name").fill(name);
      await page.getByLabel("Your name").press("Enter");
    }
    await anna.getByRole("button", { name: "Clara" }).waitFor();
    await anna.getByLabel("Message").fill("to all");
    await anna.getByLabel("Message").press("Enter");
    for (const page of [berta, clara]) await hasText(page, "#lines .theirs", /Anna\s*to all/);
    await anna.getByRole("button", { name: "Berta" }).click();
    await anna.getByLabel("Message").fill("for you");
    await anna.getByLabel("Message").press("Enter");
    await hasText(berta, "#lines .theirs", /to you alone\s*for you/);
    // What came to all after it shows that the third did not get it before.
    await anna.getByRole("button", { name: "Everyone" }).click();
    await anna.getByLabel("Message").fill("end");
    await anna.getByLabel("Message").press("Enter");
    await hasText(clara, "#lines .theirs", "end");
    assert.equal(await clara.locator("#lines .theirs", { hasText: "for you" }).count(), 0);
    await clara.goto("about:blank");
    await hasText(anna, "#lines .note", "Clara has left.");
  });

  test(`pubsub ${where}: a log-in follows across windows, into one that is opened later, and out again`, async (t) => {
    const [first, second] = await start(t);
    const one = await openPage(t, `${first.origin}/examples/pubsub/#room`);
    const two = await openPage(t, `${second.origin}/examples/pubsub/#room`);
    await hasText(two, "#state", "1 other here");
    await one.getByLabel("Your name").fill("Anna");
    await one.getByRole("button", { name: "Log in" }).click();
    await hasText(two, "#session", "Logged in as Anna");
    await two.getByRole("button", { name: "Add a thing" }).click();
    await hasText(one, "#basket", "1 thing in");
    const late = await openPage(t, `${second.origin}/examples/pubsub/#room`);
    await hasText(late, "#session", "Logged in as Anna");
    await hasText(late, "#basket", "1 thing in");
    await late.getByLabel("This window subscribes to").selectOption("offers");
    for (const [topic, text] of [["news/weather", "rain"], ["offers", "cheap"]]) {
      await one.getByLabel("Topic").selectOption(topic);
      await one.getByLabel("Headline").fill(text);
      await one.getByRole("button", { name: "Publish" }).click();
    }
    await hasText(two, "#news", "rain");
    await hasText(late, "#news", "cheap");
    assert.equal(await late.locator("#news li", { hasText: "rain" }).count(), 0, "it subscribed to offers only");
    await late.getByRole("button", { name: "Log out" }).click();
    for (const page of [one, two]) await hasText(page, "#session", "Logged out");
  });

  test(`webrtc ${where}: pictures move both ways, and a call ends with its window`, async (t) => {
    const [first, second] = await start(t);
    const pages = [await openPage(t, `${first.origin}/examples/webrtc/#room`), await openPage(t, `${second.origin}/examples/webrtc/#room`)];
    await Promise.all(pages.map((page) => page.getByRole("button", { name: "Join with camera" }).click()));
    for (const page of pages) {
      await page.locator(".face:not(.own)[data-state=connected]").waitFor();
      await page.waitForFunction(() => {
        const video = /** @type {HTMLVideoElement} */ (document.querySelector(".face:not(.own) video"));
        return video.videoWidth > 0 && video.currentTime > 0.2;
      });
    }
    const viewer = await openPage(t, `${second.origin}/examples/webrtc/#room`);
    await viewer.getByRole("button", { name: "Only watch" }).click();
    await viewer.locator(".face[data-state=connected]").nth(1).waitFor();
    await pages[0].getByRole("button", { name: "Leave" }).click();
    await hasText(pages[1], "#state", "1 other here");
    await pages[1].locator(".face[data-state=connected]:not(.own)").first().waitFor();
    assert.equal(await viewer.locator(".face").count(), 1);
  });

  test(`canvas ${where}: pointers and lines arrive, a late page gets the picture, and clearing is for all`, async (t) => {
    const [first, second] = await start(t);
    const one = await openPage(t, `${first.origin}/examples/canvas/#room`);
    const two = await openPage(t, `${second.origin}/examples/canvas/#room`);
    await hasText(two, "#state", "1 other here");
    const box = await one.locator("#glass").boundingBox();
    await one.mouse.move(box.x + 40, box.y + 40);
    await one.mouse.down();
    for (let step = 1; step <= 20; step += 1) await one.mouse.move(box.x + 40 + step * 10, box.y + 40 + step * 5);
    await one.mouse.up();
    // The last of it is sent with the next frame; the figure that is written after that is the final one.
    await one.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await one.evaluate(() => (document.getElementById("rate").textContent = ""));
    const lines = Number(/(\d+) lines/.exec(await one.locator("#rate", { hasText: /[1-9]\d* lines/ }).textContent())[1]);
    await hasText(two, "#rate", new RegExp(`1 pointers.* ${lines} lines`));
    const late = await openPage(t, `${first.origin}/examples/canvas/#room`);
    await hasText(late, "#rate", ` ${lines} lines`);
    const inked = (page) => page.evaluate(() => {
      const paper = /** @type {HTMLCanvasElement} */ (document.getElementById("paper"));
      return paper.getContext("2d").getImageData(0, 0, paper.width, paper.height).data.some((value) => value !== 0);
    });
    assert.equal(await inked(late), true);
    await late.getByRole("button", { name: "Clear for all" }).click();
    for (const page of [one, two]) await hasText(page, "#rate", " 0 lines");
    assert.equal(await inked(two), false);
    await two.getByRole("button", { name: "Add 10 robots" }).click();
    await hasText(one, "#rate", /1[0-2] pointers/);
  });
}

test("the keyboard draws on the canvas", async (t) => {
  const proxy = await startProxy(t);
  const page = await openPage(t, `${proxy.origin}/examples/canvas/#keys`);
  await hasText(page, "#state", "alone here");
  await page.locator("#glass").focus();
  for (const key of ["Space", "ArrowRight", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
  await hasText(page, "#pen", "The pen is down.");
  await hasText(page, "#rate", /[1-9]\d* lines/);
});

test("the index lists every example, each shows its code, and none is wider than a phone", async (t) => {
  const proxy = await startProxy(t);
  const index = await openPage(t, `${proxy.origin}/examples/`, { width: 360 });
  const links = await index.locator(".cards a").evaluateAll((list) => list.map((link) => link.href));
  assert.deepEqual(links.map((link) => new URL(link).pathname.split("/")[2]), ["chat", "pubsub", "webrtc", "canvas", "bootstrap", "tunnel"]);
  for (const link of [index.url(), ...links]) {
    // That one looks for a bootstrap server, and there is none here.
    const complaints = link.endsWith("/bootstrap/") ? /ERR_CONNECTION_REFUSED/ : undefined;
    const page = await openPage(t, link, { width: 360, height: 740, scheme: "dark", complaints });
    await page.locator("figure pre span.own, figure pre span.word").first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, `${link} scrolls sideways`);
  }
});

test("a room whose name is not allowed is refused in words", async (t) => {
  const proxy = await startProxy(t);
  const page = await openPage(t, `${proxy.origin}/examples/chat/#not%20allowed`, { complaints: /A channel's name has/ });
  await hasText(page, "#problem", "A channel's name has 1 to 255 of the characters");
});

test("a chat survives a proxy that is killed and started again", async (t) => {
  const proxy = await startProxy(t);
  const one = await openPage(t, `${proxy.origin}/examples/chat/#room`, { complaints: PROXY_IS_GONE });
  const two = await openPage(t, `${proxy.origin}/examples/chat/#room`, { complaints: PROXY_IS_GONE });
  await hasText(two, "#state", "1 other here");
  await proxy.kill();
  await hasText(one, "#state", "connecting");
  await hasText(one, "#problem", /lost|No proxy answers/);
  await proxy.start();
  for (const page of [one, two]) await hasText(page, "#state", "1 other here");
  await one.getByLabel("Message").fill("again");
  await one.getByLabel("Message").press("Enter");
  await hasText(two, "#lines .theirs", "again");
});
