// Does not answer Ping.
import { Link } from '../node-proxy/link.mjs';

export const breaks = 'L-36';
Link.prototype.answerPing = () => {};
