// Reads no lane while the client of any channel is stuck.
import { Channel } from '../node-proxy/channel.mjs';

export const breaks = 'M-31';
const { roomAtClients } = Channel.prototype;
let stuck = Promise.resolve();
Channel.prototype.roomAtClients = function () {
  stuck = Promise.all([stuck, roomAtClients.call(this)]).then(() => {});
  return stuck;
};
