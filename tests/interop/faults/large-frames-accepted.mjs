// Reads frames of any size.
import { FrameReader } from '../node-proxy/frames.mjs';

export const breaks = 'L-27';
FrameReader.prototype.checkLength = () => {};
