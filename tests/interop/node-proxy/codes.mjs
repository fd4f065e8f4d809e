// Why a link or a lane ends (02 section 12), and the error that carries such a code to whoever closes the link.

export const Code = Object.freeze({
  None: 0,
  GoingAway: 1,
  Duplicate: 2,
  SelfDial: 3,
  Version: 4,
  Malformed: 5,
  FrameTooLarge: 6,
  Unmatched: 7,
  BadElement: 8,
  Flood: 9,
  Silent: 10,
  Stalled: 11,
  Limit: 12,
  Internal: 13,
});

/** The other end broke a rule: the link is to be closed with `code`. */
export class LinkFault extends Error {
  constructor(code, reason) {
    super(reason);
    this.code = code;
  }
}

export const malformed = (reason) => new LinkFault(Code.Malformed, reason);

/** A lane was given up: reset, cut within a frame, or gone with its link. Not the end of the link by itself. */
export class LaneGone extends Error {}
