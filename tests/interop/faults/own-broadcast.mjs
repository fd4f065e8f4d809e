// Sends a client its own broadcasts too.
import { Channel } from '../node-proxy/channel.mjs';

export const breaks = 'C-33';
const { broadcast } = Channel.prototype;
Channel.prototype.broadcast = function (client, format, payload) {
  client.broadcast(client.id, payload);
  return broadcast.call(this, client, format, payload);
};
