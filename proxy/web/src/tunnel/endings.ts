/** How the end of a channel looks on a WebSocket: the code and reason of its `close` event, and the error before it. */

import type { CloseDetails } from "../events.js";
import type { Ending } from "./channel.js";
import { TunnelError } from "./error.js";

/** Words for the relay's, and the code that a WebSocket's close has in such a case (RFC 6455, 7.4.1). */
const ENDINGS: Record<string, { code: number; words: string; fault: boolean }> = {
  finished: { code: 1000, words: "", fault: false },
  shutdown: { code: 1001, words: "The relay was stopped", fault: false },
  server_closed: { code: 1001, words: "The server was closed", fault: false },
  idle: { code: 1001, words: "Nothing was said for too long", fault: false },
  gone: { code: 1006, words: "The other party has left", fault: true },
  timeout: { code: 1006, words: "The server did not answer in time", fault: true },
  flow_control: { code: 1002, words: "The relay says that an end sent more than it might", fault: true },
  text_only: { code: 1003, words: "The other end takes text only, and was sent binary data", fault: true },
};

/** What a WebSocket reports when it was closed without a code, and when it just ended. */
const NO_CODE = 1005;
const ABNORMAL = 1006;

export function howItEnded(ending: Ending): { details: CloseDetails; error: TunnelError | undefined } {
  if (ending.code === "closed" && !ending.error) {
    return {
      details: { code: ending.status ?? NO_CODE, reason: ending.reason ?? "", wasClean: true },
      error: undefined,
    };
  }
  const known = ENDINGS[ending.code];
  const words = ending.error?.message ?? known?.words ?? `The relay ended it (${ending.code})`;
  const fault = known?.fault ?? true;
  return {
    details: { code: known?.code ?? ABNORMAL, reason: words, wasClean: !fault },
    error: fault ? (ending.error ?? new TunnelError(ending.code, words)) : undefined,
  };
}
