// Keeps every link, however many lead to the same proxy.
import { Links } from '../node-proxy/links.mjs';

export const breaks = 'L-45';
Links.prototype.admit = async () => true;
