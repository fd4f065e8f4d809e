/**
 * The links that outgoing sockets share. Sockets to one relay go by one WebSocket, as a connection to a relay costs
 * time, and each channel has a flow control of its own. A link goes when nobody has used it for a moment.
 */
import type { WebSocketConstructor } from "../options.js";
import { Channel, type ChannelUser } from "./channel.js";
import { TunnelError } from "./error.js";
export interface Outgoing extends ChannelUser {
    readonly server: number;
    readonly port: number;
    readonly connected: (channel: Channel) => void;
    readonly failed: (error: TunnelError) => void;
}
/** Asks for a channel. @returns What gives it up before it is there. */
export declare function connect(url: string, Constructor: WebSocketConstructor, outgoing: Outgoing): () => void;
