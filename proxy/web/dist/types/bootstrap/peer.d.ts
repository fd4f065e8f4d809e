/**
 * One end of a WebRTC data channel, with the face of simple-peer and over the platform's own `RTCPeerConnection`. It
 * speaks to the other end by signals, which somebody else carries; of the server it knows nothing.
 */
import { Emitter } from "./emitter.js";
/** An offer or an answer. */
export interface DescriptionSignal {
    readonly type: "offer" | "answer";
    readonly sdp: string;
}
/** An address at which the peer may be reached. */
export interface CandidateSignal {
    readonly candidate: {
        readonly candidate: string;
        readonly sdpMLineIndex: number | null;
        readonly sdpMid: string | null;
    };
}
/** What simple-peer sends too, of all versions. */
export type Signal = DescriptionSignal | CandidateSignal;
/** As those of simple-peer. */
export interface PeerOptions {
    /** Whether this end makes the offer. `BootstrapClient` sets it: who asks does, who answers does not. */
    readonly initiator?: boolean;
    /** Whether addresses are sent as they are found, which is faster, or with the description. On by default. */
    readonly trickle?: boolean;
    /** For `RTCPeerConnection`. By default there are no STUN and TURN servers: nobody else is asked for anything. */
    readonly config?: RTCConfiguration;
    /** The data channel's label, at the initiator. */
    readonly channelName?: string;
    readonly channelConfig?: RTCDataChannelInit;
    readonly offerOptions?: RTCOfferOptions;
    readonly answerOptions?: RTCAnswerOptions;
    /** Changes the own descriptions before they are used. */
    readonly sdpTransform?: (sdp: string) => string;
    /** Without trickle: most milliseconds to wait for all addresses; 5000 by default. */
    readonly iceCompleteTimeout?: number;
    /** What makes the connection, where the platform has nothing: such as the npm package `@roamhq/wrtc` in Node. */
    readonly wrtc?: {
        readonly RTCPeerConnection: unknown;
    };
}
export interface BootstrapPeerEvents {
    /** To be carried to the other end's `signal`. */
    signal: [signal: Signal];
    /** From now on data can be sent. */
    connect: [];
    /** Text as a string, bytes as an `Uint8Array`. */
    data: [data: string | Uint8Array];
    /** `close` follows. */
    error: [error: Error];
    /** It is over; told once. */
    close: [];
}
export declare class BootstrapPeer extends Emitter<BootstrapPeerEvents> {
    #private;
    readonly initiator: boolean;
    /** @throws {TypeError} if the platform has no WebRTC and none was given. */
    constructor(options?: PeerOptions);
    /** Whether data can be sent. */
    get connected(): boolean;
    get destroyed(): boolean;
    /** Bytes that wait to be sent. Who sends much looks at it. */
    get bufferedAmount(): number;
    /**
     * Takes what the other end's `signal` event said, or that as JSON text. What this library doesn't know is ignored;
     * after the end, everything is.
     */
    signal(signal: unknown): void;
    /**
     * Sends text as text and bytes as bytes.
     *
     * @throws {DOMException} `InvalidStateError` before the `connect` event and after `close`.
     */
    send(data: string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob): void;
    /** Ends the connection, for both; what waits to be sent is lost. With an error, `error` is told before `close`. */
    destroy(error?: Error): this;
}
