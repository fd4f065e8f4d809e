// Hosts for tests that need several: network namespaces, each joined by a veth pair to one bridge. Needs root and `ip`.

import { execFileSync } from 'node:child_process';

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** Can namespaces be made here? */
export function haveNamespaces() {
  if (process.getuid?.() !== 0) return false;
  const name = `nwsi${process.pid}t`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return true;
  } catch {
    return false;
  }
}

/** `count` hosts on one network of their own: `{ hosts: [{ address, inside }], remove }`. `inside` starts a program there. */
export function makeNetwork(count) {
  const prefix = `nwsi${process.pid}`;
  const bridge = `${prefix}b`;
  const made = [];
  const add = (name) => {
    ip('netns', 'add', name);
    made.push(name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
  };
  const remove = () => {
    for (const name of made.reverse()) ip('netns', 'del', name); // takes its interfaces with it
  };
  try {
    add(bridge);
    ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', bridge, 'link', 'set', 'br0', 'up');
    const hosts = [...Array(count).keys()].map((n) => {
      const name = `${prefix}h${n}`;
      const address = `10.77.0.${n + 1}`;
      add(name);
      ip('-n', name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', `port${n}`, 'netns', bridge);
      ip('-n', bridge, 'link', 'set', `port${n}`, 'master', 'br0', 'up');
      ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
      ip('-n', name, 'link', 'set', 'eth0', 'up');
      return { name, address, inside: ['ip', 'netns', 'exec', name] };
    });
    /** Cuts a host off, or joins it again. */
    const plug = (host, up) => ip('-n', bridge, 'link', 'set', `port${hosts.indexOf(host)}`, up ? 'up' : 'down');
    return { hosts, plug, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
