// Hosts for tests that need several: network namespaces, each joined by a veth pair to one bridge. As in the tests in Rust
// (tests/src/netns.rs) a holder process owns them all, so that nothing reaches the machine's own interfaces and nothing is left
// behind: with the end of its standard input, so of the test in whatever way, it ends what runs on the hosts.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

const NEEDS = 'it needs Linux, unshare and nsenter (util-linux), ip (iproute2), and root or user namespaces';

const HOLDER = `
set -e
mount -t tmpfs lab /run
mkdir /run/netns
ip link add br0 type bridge forward_delay 0 mcast_snooping 0
ip link set br0 up
echo ready
cat >/dev/null
for host in $(ip netns list | cut -d ' ' -f 1); do
    for process in $(ip netns pids "$host"); do kill -9 "$process" || true; done
done
`;

const plan = (name, port, address) => `
ip netns add ${name}
ip link add ${port} type veth peer name eth0 netns ${name}
ip link set ${port} master br0 up
ip -n ${name} link set lo up
ip -n ${name} address add ${address}/24 dev eth0
ip -n ${name} link set eth0 up
`;

/**
 * `count` hosts on one network of their own: `{ hosts: [{ address, inside }], remove }`. `inside` starts a program there.
 * Throws, with what is missing, where namespaces can't be made.
 */
export async function makeNetwork(count) {
  const isRoot = process.geteuid() === 0;
  const ownUser = isRoot ? [] : ['--map-root-user'];
  const holder = spawn('unshare', [...ownUser, '--net', '--mount', 'sh', '-c', HOLDER], { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  holder.stderr.on('data', (data) => (errors += data));
  const over = new Promise((resolve) => holder.once('error', (error) => resolve(error.message)).once('close', () => resolve(errors)));
  const why = await Promise.race([once(holder.stdout, 'data').then(() => null), over]);
  if (why !== null) throw new Error(`no network namespaces here: ${NEEDS}.\n${why}`);

  const enter = ['nsenter', `--target=${holder.pid}`, ...(isRoot ? [] : ['--user', '--preserve-credentials']), '--net', '--mount'];
  async function remove() {
    holder.stdin.end();
    await over;
  }
  try {
    const hosts = [...Array(count).keys()].map((n) => {
      const [name, address] = [`host${n}`, `10.77.0.${n + 1}`];
      const [program, ...args] = [...enter, 'sh', '-ec', plan(name, `port${n}`, address)];
      execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      return { address, inside: [...enter, 'ip', 'netns', 'exec', name] };
    });
    return { hosts, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
