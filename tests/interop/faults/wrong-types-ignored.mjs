// Does what protobuf libraries do by themselves: a known field of another type is passed over.
import { checks } from '../node-proxy/messages.mjs';

export const breaks = 'L-29';
checks.unknownFields = () => {};
