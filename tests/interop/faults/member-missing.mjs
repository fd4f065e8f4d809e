// Leaves out one of its clients in the member list.
import { LaneOut } from '../node-proxy/lane-out.mjs';

export const breaks = 'M-7';
const { sayMembers } = LaneOut.prototype;
LaneOut.prototype.sayMembers = function (ids) {
  sayMembers.call(this, ids.slice(1));
};
