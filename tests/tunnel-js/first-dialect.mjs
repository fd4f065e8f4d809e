// A party of the first dialect: what the programs of 2017 did, with the npm package ws.

import { once } from "node:events";
import { WebSocket } from "ws";
import { afterwards } from "../browser/harness/cleanup.mjs";

/** The six bodies as the configurator of 2017 sent them. Nothing runs them any more. */
export const BODIES = {
  initialize: (delimiter) => ` function () {
    global.servers = []
    global.clients = []
    global.serverCredentials = []
    global.delimiter = '${delimiter}'
    return 'initialized tunnel relay'}`,
  "create server credential": () => ` function () {
    var credential = Math.floor(Math.random() * 10000)
    serverCredentials.push(credential)
    this.send((serverCredentials.length - 1) + ' ' + credential)
    return 'created server credential'}`,
  "install server": () => ` function (serverID, credential) {
    if (serverCredentials[serverID] == credential) {
      servers[serverID] = this
      this.send('1')
      return 'installed server'}
    else {
      debugger;
      this.send('0')
      return 'bad credential'}}`,
  "connect to server": () => ` function (serverID, port, req) {
    if (servers[serverID]) {
      clients.push(this)
      servers[serverID].send('connected:atPort:for: ' + (clients.length - 1) + delimiter + port + delimiter + req.connection.remoteAddress.toString())
      this.send('1')
      return 'connected client'}
    else {
      this.send('0')
      return 'server not connected'}}`,
  "forward to client": () => ` function (channel, data) {
    if (clients[channel]) {
      clients[channel].send('from:data: ' + servers.indexOf(this) + delimiter + data)
      this.send('1')
      return 'sent data to client'}
    else {
      this.send('0')
      return 'no such client channel'}}`,
  "forward to server": () => ` function (channel, data) {
    if (servers[channel]) {
      servers[channel].send('from:data: ' + clients.indexOf(this) + delimiter + data)
      this.send('1')
      return ('sent data to server')}
    else {
      this.send('0')
      return 'no such server channel'}}`,
};

const BARE = /^(connected:atPort:for:|from:data:) /;

export class FirstDialect {
  /** Frames that came by themselves, oldest first. */
  heard = [];
  #answers = [];
  #waiting = [];
  #socket;

  constructor(socket) {
    this.#socket = socket;
    socket.on("message", (bytes) => {
      const text = String(bytes);
      (BARE.test(text) ? this.heard : this.#answers).push(text);
      this.#waiting.splice(0).forEach((look) => look());
    });
  }

  /** Gives an instruction. @returns What the relay answers: so many frames. */
  async instruct(instruction, parameters, { frames = 4, ...more } = {}) {
    this.#socket.send(JSON.stringify({ ...more, instruction, parameters }));
    await this.#until(() => this.#answers.length >= frames);
    return this.#answers.splice(0, frames);
  }

  /** The next frame that comes by itself. */
  async next() {
    await this.#until(() => this.heard.length > 0);
    return this.heard.shift();
  }

  close() {
    this.#socket.terminate();
  }

  async #until(holds) {
    while (!holds()) await new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** @param {import("node:test").TestContext} t */
export async function join(t, relay) {
  const socket = new WebSocket(relay.url);
  const party = new FirstDialect(socket);
  afterwards(t, () => party.close());
  await once(socket, "open");
  return party;
}

/** Configures the relay as the class of 2017 did. @returns All that it was answered. */
export async function configure(t, relay, credential, delimiter) {
  const party = await join(t, relay);
  const answers = [];
  for (const [name, body] of Object.entries(BODIES)) {
    const parameters = { instructionToAdd: name, body: body(delimiter) };
    answers.push(await party.instruct("add instruction", parameters, { frames: 2, credential }));
    if (name === "initialize") answers.push(await party.instruct(name, [], { frames: 3, credential }));
  }
  party.close();
  return answers;
}
