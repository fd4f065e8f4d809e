// What is wrong, in plain words, and what to do about it: from what the proxy says of itself and how the channels are
// doing. A pure function; who shows it is not its business.

/**
 * @typedef {{ level: "error" | "warning" | "note", what: string, remedy: string }} Trouble
 */

/**
 * @param {import("./status.js").StatusWatch} watch
 * @param {readonly import("./channel-set.js").Channel[]} channels
 * @param {string} host Where the proxy is, such as `localhost:9009`.
 * @returns {Trouble[]} The worst first.
 */
export function troubles({ state, status }, channels, host) {
  if (state === "gone") {
    return [{
      level: "error",
      what: `The proxy at ${host} does not answer.`,
      remedy: "Start it on this machine: nws. This page then connects and joins its channels again by itself.",
    }];
  }
  if (state === "refused") {
    return [{
      level: "error",
      what: `What answers at ${host} does not tell its status.`,
      remedy: "Is this page older or newer than the proxy? Reload it. It must be opened from the proxy itself.",
    }];
  }
  return [...channelTroubles(channels), ...(status ? networkTroubles(status) : [])];
}

/** @returns {Trouble[]} */
function channelTroubles(channels) {
  return channels
    .filter(({ state, fault }) => state === "waiting" && fault)
    .map(({ name, fault }) => ({
      level: "error",
      what: `Not in the channel ${name}: ${fault.replace(/\.?$/, ".")}`,
      remedy: "It is tried again by itself. If your browser asks whether this page may reach this machine, allow it.",
    }));
}

/**
 * @param {import("./status.js").Status} status
 * @returns {Trouble[]}
 */
function networkTroubles({ discovery, known_proxies: known, links }) {
  const named = "Or name the other proxy, with the port from its “links:” line: nws --peer 192.168.1.5:41234.";
  /** @type {Trouble[]} */
  const found = [];
  if (discovery.state === "failed") {
    found.push({ level: "error", what: `Other proxies can't be searched for: ${discovery.words.replace(/\.?$/, ".")}`, remedy: named });
  }
  if (discovery.state === "not_visible") {
    found.push({
      level: "warning",
      what: `This proxy is not visible on the network: ${discovery.words.replace(/\.?$/, ".")}`,
      remedy: `Guest Wi-Fi and firewalls often block multicast DNS (UDP port 5353). ${named}`,
    });
  }
  if (links.length > 0) return found;
  if (known > 0) {
    found.push({
      level: "warning",
      what: `${known === 1 ? "Another proxy was" : `${known} other proxies were`} found, but none can be linked to.`,
      remedy: "A firewall on one of the machines may block its link port (UDP and TCP). It is the one on the “links:” line; make it a fixed one with --link-listen.",
    });
  } else if (discovery.state === "off") {
    found.push({
      level: "note",
      what: "No other proxy is linked, and none is searched for (discovery is off).",
      remedy: `Channels reach the programs of this machine. ${named.replace(/^Or name/, "To reach further, name")}`,
    });
  } else if (discovery.state === "visible") {
    found.push({
      level: "note",
      what: "No other proxy was seen yet: channels reach the programs of this machine only.",
      remedy: `Run nws on another machine of this network. ${named}`,
    });
  }
  return found;
}
