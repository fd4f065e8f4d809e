/** The words of the subprotocol `nws-relay-1`. What is read is read with care: a newer relay may say more. */
export declare const SUBPROTOCOL = "nws-relay-1";
/** What an item costs beside the bytes of its payload. */
export declare const ITEM_COST = 16;
/** A channel's number, in front of what a binary frame carries. */
export declare const CHANNEL_BYTES = 8;
/** A message of the relay. Every member but `type` must be looked at before it is used. */
export interface RelayMessage {
    readonly type: string;
    readonly [member: string]: unknown;
}
/** @returns `undefined` for what is not a message. */
export declare function readMessage(text: string): RelayMessage | undefined;
/** Whether a member is a number of the protocol: a channel, an id, a count of bytes. */
export declare function isCount(member: unknown): member is number;
/** The 8 bytes in front of the data of a binary frame. */
export declare function channelBytes(channel: number): Uint8Array<ArrayBuffer>;
/** @returns `undefined` for a frame that is too short, or names what can't be a channel. */
export declare function readBinary(frame: ArrayBuffer): {
    channel: number;
    payload: ArrayBuffer;
} | undefined;
/** The length in UTF-8. */
export declare function textBytes(text: string): number;
/** Half a character can't be sent: a `WebSocket` sends U+FFFD instead. */
export declare function wellFormed(text: string): string;
