// Takes connections on which no protocol was agreed by ALPN.
import { alpn } from '../node-proxy/tls-settings.mjs';

export const breaks = 'L-3';
alpn.isAgreed = () => true;
