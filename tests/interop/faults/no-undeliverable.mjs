// Drops a Direct whose target has gone.
import { Channel } from '../node-proxy/channel.mjs';

export const breaks = 'M-28';
Channel.prototype.sayUndeliverable = () => {};
