// Asks again as soon as it may at all, whatever time Busy named.
import { Initiator } from '../node-proxy/matching/initiator.mjs';

export const breaks = 'P-39';
const { receive } = Initiator.prototype;
Initiator.prototype.receive = function (message) {
  return receive.call(this, message.kind === 'busy' ? { ...message, retryAfterMs: 0 } : message);
};
