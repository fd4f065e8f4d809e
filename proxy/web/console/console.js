// The console: joins the parts of the page, and decides nothing that one of them could.

import { Announcer } from "./announcer.js";
import { KINDS, channelKey } from "./channel-kinds.js";
import { ChannelSet } from "./channel-set.js";
import { ChannelsView } from "./channels-view.js";
import { oncePerFrame } from "./frame.js";
import { JoinForm } from "./join-form.js";
import { showLinks } from "./links-table.js";
import { PeersView } from "./peers-view.js";
import { Picture } from "./picture.js";
import { SendForm } from "./send-form.js";
import { StatusWatch } from "./status.js";
import { TrafficLog } from "./traffic-log.js";
import { TrafficView } from "./traffic-view.js";
import { troubles } from "./troubles.js";
import { TroublesView } from "./troubles-view.js";
import { duration, plural } from "./units.js";

const element = (id) => /** @type {any} */ (document.getElementById(id));

const announcer = new Announcer(element("announcer"));
const log = new TrafficLog();
const traffic = new TrafficView(log);

/** @type {import("./channel-set.js").Channel | undefined} */
let selected;

/** @type {import("./channel-set.js").ChannelHost} */
const host = {
  traffic(channel, { direction, from = "", to = "", data, raw, note }) {
    const json = raw === undefined && note === undefined && (direction === "in" || direction === "out");
    // What was sent without data is shown as nothing, which JSON has no word for.
    const text = raw ?? note ?? (json ? (JSON.stringify(data) ?? "") : "");
    record(channel, { direction, from, to, text, json: json && text !== "" });
    if (direction === "came") announcer.count(`came into ${channel.name}`);
    if (direction === "left") announcer.count(`left ${channel.name}`);
    if (direction === "in") announcer.count(`received in ${channel.name}`);
    if (direction === "error") announcer.say(`Error: ${note}`);
  },
  changed(channel, change) {
    channelsView.changed();
    if (channel === selected) {
      peersView.changed();
      if (change !== "peers") sendForm.draw();
    }
    if (change === "joined") {
      record(channel, { direction: "note", from: "", to: "", text: "joined", json: false });
      announcer.say(`Joined ${channel.name}.`);
    }
    if (change === "lost") {
      record(channel, { direction: "note", from: "", to: "", text: `lost: ${channel.fault}`, json: false });
      announcer.say(`Lost ${channel.name}.`);
    }
    // What the proxy says has changed with it.
    if (change === "joined" || change === "lost" || change === "left") watch?.soon();
    showTroubles();
  },
};

function record(channel, what) {
  log.add({ time: Date.now(), channel: channelKey(channel.kind, channel.name), kind: channel.kind, name: channel.name, ...what });
  traffic.grown();
}

const channels = new ChannelSet(host);

const channelsView = new ChannelsView(element("channels"), () => channels.all, {
  select,
  leave(channel) {
    channels.leave(channel);
    listChannels();
    if (channel === selected) select(channels.all.at(-1));
    element("join-name").focus();
  },
});

const sendForm = new SendForm({
  sent: (channel, to, what) => host.traffic(channel, { direction: "out", from: channel.id, to, ...what }),
  toAll: () => peersView.toAll(),
});

const peersView = new PeersView((to) => sendForm.address(selected, to));

new JoinForm((kind, name) => {
  const channel = channels.join(kind, name);
  listChannels();
  select(channel);
});

function select(channel) {
  selected = channel;
  channelsView.select(channel);
  peersView.select(channel);
}

function listChannels() {
  traffic.offer(channels.all.map(({ kind, name }) => ({ key: channelKey(kind, name), label: KINDS[kind].path + name })));
  channelsView.changed();
}

// Where there is room beside the traffic, the table is open from the start.
element("links").open = matchMedia("(min-width: 75rem)").matches;
const picture = new Picture(element("picture"));
const troublesView = new TroublesView(element("troubles"), (sentence) => announcer.say(sentence));
const showTroubles = oncePerFrame(() => watch && troublesView.show(troubles(watch, channels.all, location.host)));

let instance = "";
const watch = new StatusWatch(({ status, state }) => {
  const pill = element("proxy");
  pill.dataset.state = { there: "good", gone: "bad", refused: "bad", asking: "starting" }[state];
  pill.textContent = status ? `proxy ${status.version} · port ${status.port} · up ${duration(status.uptime_ms)}` : "no answer from the proxy";
  if (status && instance && status.instance !== instance) announcer.say("The proxy was started again.");
  instance = status?.instance ?? instance;
  element("network-count").textContent = status ? `${plural(status.links.length, "link")} · ${plural(status.known_proxies, "known proxy", "known proxies")}` : "";
  picture.show(status);
  element("links").hidden = !status?.links.length;
  showLinks(element("links-rows"), status?.links ?? []);
  showTroubles();
});

channels.restore();
listChannels();
select(channels.all.at(-1));
