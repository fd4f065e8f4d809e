/** The root's connection to the server: requests come in, heartbeats go both ways. */
import type { WebSocketConstructor } from "../options.js";
import { BootstrapError } from "./error.js";
import { type BootstrapRequest } from "./request.js";
export interface RootPlan {
    /** With the secret: not to be repeated. */
    readonly url: string;
    /** The same without it. */
    readonly address: string;
    readonly WebSocket: WebSocketConstructor;
    readonly onRequest: (request: BootstrapRequest) => void;
    /** Told once: whether the connection came about. */
    readonly opened: (error: BootstrapError | null) => void;
}
export declare class BootstrapRoot {
    #private;
    /** When it is over: the error, or `undefined` if `close` was called here. */
    readonly closed: Promise<BootstrapError | undefined>;
    /** Leaves: no more requests come. The peers that were connected stay so. */
    close(): void;
}
