// A live picture of the network as this proxy sees it. Drawn anew only when what it shows has changed, and in words for
// those who don't see it.

import { shortId } from "./identity.js";
import { layout } from "./picture-layout.js";
import { plural, roundTrip } from "./units.js";

const SVG = "http://www.w3.org/2000/svg";
const NAME_CHARACTERS = 18;

/** @param {string} tag @param {Record<string, string | number>} attributes @param {...(Node | string)} children */
function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

export class Picture {
  #shown = "";
  /** @type {import("./status.js").Status | undefined} */
  #status;

  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    new ResizeObserver(() => this.#draw()).observe(place);
  }

  /** @param {import("./status.js").Status | undefined} status Nothing while the proxy does not answer. */
  show(status) {
    this.#status = status;
    this.#draw();
  }

  #draw() {
    const width = Math.max(240, Math.round(this.place.clientWidth));
    const status = this.#status;
    const links = [...(status?.links ?? [])].sort((a, b) => (a.instance < b.instance ? -1 : 1));
    const channels = status?.channels ?? [];
    const facts = JSON.stringify([width, status?.instance, status?.clients, channels, links.map((link) => [link.instance, edgeWords(link), link.channels_in_common, link.draining])]);
    if (facts === this.#shown) return;
    this.#shown = facts;
    const places = layout(width, links.length, channels.length);
    const svg = draw("svg", { viewBox: `0 0 ${width} ${places.height}`, width, height: places.height, role: "img", "aria-label": words(status, links) });
    svg.append(...places.channels.map((place) => root(place, places.proxy)));
    svg.append(...places.channels.map((place, at) => channelRow(channels[at], place, places.dots)));
    if (status && links.length === 0) svg.append(...nobody(places));
    svg.append(...places.links.map((place, at) => edge(links[at], place, places.proxy)));
    svg.append(...places.links.flatMap((place, at) => node(links[at], place, places.proxy)));
    svg.append(...self(status, places.proxy));
    if (places.moreLinks > 0) svg.append(draw("text", { x: width - 4, y: places.proxy.y + 4, "text-anchor": "end", class: "soft" }, `and ${plural(places.moreLinks, "more proxy", "more proxies")}`));
    if (channels.length) svg.append(...legend(places, width));
    this.place.replaceChildren(svg);
  }
}

function edgeWords({ transport, rtt_us: rtt }) {
  return `${transport.toUpperCase()} ${roundTrip(rtt)}`;
}

function edge({ transport, channels_in_common: common, draining }, { x, y }, proxy) {
  return draw("line", {
    class: `edge ${transport}${draining ? " draining" : ""}`,
    x1: x, y1: y, x2: proxy.x, y2: proxy.y,
    "stroke-width": 1.5 + Math.min(4, common) * 0.6,
  });
}

function node(link, { x, y }, proxy) {
  const part = 0.4;
  const [over, ...rest] = edgeWords(link).split(" ");
  const at = { x: x + (proxy.x - x) * part, y: y + (proxy.y - y) * part };
  return [
    draw("rect", { class: "behind", x: at.x - 26, y: at.y - 12, width: 52, height: 28, rx: 4 }),
    draw("text", { class: "on-edge", x: at.x, y: at.y, "text-anchor": "middle" },
      draw("tspan", { x: at.x, class: "soft" }, over), draw("tspan", { x: at.x, dy: 13 }, rest.join(" "))),
    draw("g", { class: `node${link.draining ? " draining" : ""}` },
      draw("title", {}, `${link.instance} at ${link.address}: ${plural(link.channels_in_common, "channel")} in common`),
      draw("circle", { cx: x, cy: y, r: 15 }),
      draw("text", { x, y: y + 4.5, "text-anchor": "middle", class: "number" }, String(link.channels_in_common)),
      draw("text", { x, y: y - 22, "text-anchor": "middle", class: "mono" }, shortId(link.instance))),
  ];
}

function self(status, { x, y }) {
  const g = draw("g", { class: status ? "self" : "self gone" }, draw("circle", { cx: x, cy: y, r: 22 }));
  g.append(
    draw("path", { d: `M${x - 7} ${y + 7}a10 10 0 0 1 0-14M${x + 7} ${y - 7}a10 10 0 0 1 0 14`, class: "waves" }),
    draw("circle", { cx: x, cy: y, r: 3.5, class: "core" }),
    draw("text", { x: x + 31, y: y - 2, class: "strong" }, status ? "this proxy" : "no answer"),
  );
  if (status) {
    g.append(
      draw("text", { x: x + 31, y: y + 13, class: "soft" }, plural(status.clients, "client")),
      draw("text", { x: x - 31, y: y + 4, class: "mono soft", "text-anchor": "end" }, shortId(status.instance)),
    );
  }
  return [g];
}

function nobody({ proxy }) {
  const y = proxy.y - 84;
  return [
    draw("line", { class: "edge ghost", x1: proxy.x, y1: y + 16, x2: proxy.x, y2: proxy.y, "stroke-width": 1.5 }),
    draw("circle", { class: "ghost", cx: proxy.x, cy: y, r: 15 }),
    draw("text", { class: "soft", x: proxy.x, y: y - 22, "text-anchor": "middle" }, "no other proxy is linked"),
  ];
}

function root({ x, y }, proxy) {
  const bend = proxy.y + 20;
  return draw("path", { class: "root", d: `M${proxy.x} ${bend}C${proxy.x} ${bend + 32} ${x} ${bend} ${x} ${bend + 36}L${x} ${y}` });
}

function channelRow({ kind, name, clients, peers }, { x, y }, dots) {
  const elsewhere = Math.max(0, peers - clients);
  const shortened = name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS - 1)}…` : name;
  const row = draw("g", { class: "channel", "data-kind": kind },
    draw("title", {}, `${kind} channel ${name}: ${clients} here${kind === "network" ? `, ${elsewhere} on other proxies` : ""}`),
    draw("circle", { class: "knot", cx: x, cy: y, r: 5 }),
    draw("text", { x: x + 14, y: y + 4.5 }, shortened));
  const all = clients + elsewhere;
  const shown = Math.min(all, dots.most);
  for (let at = 0; at < shown; at += 1) {
    row.append(draw("circle", { class: at < clients ? "peer here" : "peer", cx: dots.from + at * dots.step, cy: y, r: 3 }));
  }
  if (all > shown) row.append(draw("text", { class: "soft", x: dots.from + shown * dots.step, y: y + 4 }, `+${all - shown}`));
  return row;
}

function legend({ height, dots, moreChannels }, width) {
  const y = height - 8;
  const parts = [
    draw("circle", { class: "peer here", cx: dots.from, cy: y - 4, r: 3 }),
    draw("text", { class: "soft", x: dots.from + 8, y }, "here"),
    draw("circle", { class: "peer", cx: dots.from + 50, cy: y - 4, r: 3 }),
    draw("text", { class: "soft", x: dots.from + 58, y }, width < 330 ? "elsewhere" : "on other proxies"),
  ];
  if (moreChannels > 0) parts.push(draw("text", { class: "soft", x: 34, y }, `and ${moreChannels} more`));
  return parts;
}

function words(status, links) {
  if (!status) return "The proxy does not answer.";
  const each = links.map((link) => `${shortId(link.instance)} over ${edgeWords(link)}, ${plural(link.channels_in_common, "channel")} in common`);
  return `This proxy has ${plural(status.clients, "client")} in ${plural(status.channels.length, "channel")} and ${plural(links.length, "link")}${each.length ? `: ${each.join("; ")}` : ""}.`;
}
