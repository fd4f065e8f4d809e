// Never drops a link on which nothing comes.
import { Link } from '../node-proxy/link.mjs';

export const breaks = 'L-55';
Link.prototype.isTooQuiet = () => false;
