// Leaves out clients that are behind.
import { Channel, MOST_QUEUED } from '../node-proxy/channel.mjs';

export const breaks = 'M-30';
Channel.prototype.tellBroadcast = function (source, payload) {
  for (const client of this.clients.values()) if (client.queued < MOST_QUEUED / 8) client.broadcast(source, payload);
};
