/** How the end of a channel looks on a WebSocket: the code and reason of its `close` event, and the error before it. */
import type { CloseDetails } from "../events.js";
import type { Ending } from "./channel.js";
import { TunnelError } from "./error.js";
export declare function howItEnded(ending: Ending): {
    details: CloseDetails;
    error: TunnelError | undefined;
};
