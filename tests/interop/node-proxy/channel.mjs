// One channel that this proxy holds: its clients, the peers behind each other proxy, and the lanes to those proxies.

import { Bell } from './bell.mjs';
import { Code, LinkFault, malformed } from './codes.mjs';
import { idFromText, idToText } from './ids.mjs';
import { Format } from './payloads.mjs';
import { RemoteMembers } from './remote-members.mjs';

/** What waits for one client, or for one lane, before senders are held (04 section 7, 05 section 8). */
export const MOST_QUEUED = 4 * 1024 * 1024;
const MOST_PEERS = 65_536;

const hex = (id) => id.toString('hex');

export class Channel {
  clients = new Map(); // peer id in hex -> client
  lanes = new Map(); // instance id in hex -> LaneOut
  remotes = new Map(); // instance id in hex -> RemoteMembers
  #owners = new Map(); // peer id in hex -> RemoteMembers
  #bell = new Bell();

  constructor({ kind, name, key }) {
    Object.assign(this, { kind, name, key });
  }

  // --- clients of this proxy ---

  join(client) {
    for (const other of this.clients.values()) {
      other.connect(client.id);
      client.connect(other.id);
    }
    for (const remote of this.remotes.values()) for (const peer of remote.announced) client.connect(Buffer.from(peer, 'hex'));
    this.clients.set(hex(client.id), client);
    for (const lane of this.lanes.values()) lane.send('join', { peerId: client.id });
  }

  leave(client) {
    if (!this.clients.delete(hex(client.id))) return;
    for (const other of this.clients.values()) other.disconnect(client.id);
    for (const lane of this.lanes.values()) lane.send('part', { peerId: client.id });
    this.wake();
  }

  /** To all others. False when some proxy does not take messages of this size (M-35). */
  broadcast(client, format, payload) {
    for (const other of this.clients.values()) if (other !== client) other.broadcast(client.id, payload);
    const fields = { source: client.id, kind: format, data: Buffer.from(payload ?? '') };
    let fits = true;
    for (const lane of this.lanes.values()) if (!lane.send('broadcast', fields)) fits = false;
    return fits;
  }

  /** To one peer: 'sent', 'unknown' or 'too large'. `target` is the text form of its id, or what the client gave for it. */
  direct(client, target, payload) {
    const id = idFromText(target);
    if (!id) return 'unknown';
    const local = this.clients.get(hex(id));
    if (local) {
      local.message(client.id, payload);
      return 'sent';
    }
    const owner = this.#owners.get(hex(id));
    const lane = owner?.announced.has(hex(id)) && this.lanes.get(owner.instance); // M-25
    if (!lane) return 'unknown';
    const fields = { source: client.id, target: id, kind: Format.Json, data: Buffer.from(payload ?? '') };
    return lane.send('direct', fields) ? 'sent' : 'too large';
  }

  // --- peers behind other proxies ---

  /** The receiver's state for the proxy with this instance id. */
  remote(instance) {
    if (!this.remotes.has(instance)) this.remotes.set(instance, new RemoteMembers(this, instance));
    return this.remotes.get(instance);
  }

  /** A peer belongs to who names it first; `peer` in hex. */
  claim(peer, remote) {
    if (this.clients.has(peer)) throw malformed('a peer that is a client of this proxy');
    const owner = this.#owners.get(peer);
    if (owner && owner !== remote) throw malformed('a peer of another proxy');
    this.#owners.set(peer, remote);
    if (this.#owners.size > MOST_PEERS) throw new LinkFault(Code.Limit, 'too many peers in one channel');
  }

  release(peer) {
    this.#owners.delete(peer);
  }

  tellConnect(peer) {
    for (const client of this.clients.values()) client.connect(Buffer.from(peer, 'hex'));
  }

  tellDisconnect(peer) {
    for (const client of this.clients.values()) client.disconnect(Buffer.from(peer, 'hex'));
  }

  tellBroadcast(source, payload) {
    for (const client of this.clients.values()) client.broadcast(source, payload);
  }

  /** A Direct from the proxy `instance`; M-28: its proxy is told when the target is not here. */
  tellMessage(instance, { source, target }, payload) {
    const client = this.clients.get(hex(target));
    if (client) client.message(source, payload);
    else this.sayUndeliverable(this.lanes.get(instance), source, target);
  }

  sayUndeliverable(lane, source, target) {
    lane?.send('undeliverable', { source, target });
  }

  tellUndeliverable({ source, target }) {
    this.clients.get(hex(source))?.unknownTarget(idToText(target)); // M-29: or it is ignored
  }

  // --- back-pressure ---

  /** Resolves when a client may say more: there is room at all clients and on all lanes. */
  async room() {
    while (!this.hasRoom) await this.#bell.rung();
  }

  get hasRoom() {
    for (const lane of this.lanes.values()) if (lane.bytes >= MOST_QUEUED) return false;
    return this.#clientsHaveRoom();
  }

  /** Resolves when more may be read of a lane: it feeds clients only. */
  async roomAtClients() {
    while (!this.#clientsHaveRoom()) await this.#bell.rung();
  }

  get holdsSenders() {
    return this.#bell.isAwaited;
  }

  /** Something was written, or somebody left. */
  wake() {
    this.#bell.ring();
  }

  #clientsHaveRoom() {
    for (const client of this.clients.values()) if (client.queued >= MOST_QUEUED) return false;
    return true;
  }
}
