/** The words of the subprotocol `nws-relay-1`. What is read is read with care: a newer relay may say more. */

export const SUBPROTOCOL = "nws-relay-1";

/** What an item costs beside the bytes of its payload. */
export const ITEM_COST = 16;

/** A channel's number, in front of what a binary frame carries. */
export const CHANNEL_BYTES = 8;

/** A message of the relay. Every member but `type` must be looked at before it is used. */
export interface RelayMessage {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** @returns `undefined` for what is not a message. */
export function readMessage(text: string): RelayMessage | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof (value as RelayMessage | null)?.type === "string" ? (value as RelayMessage) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a member is a number of the protocol: a channel, an id, a count of bytes. */
export function isCount(member: unknown): member is number {
  return Number.isSafeInteger(member) && (member as number) >= 0;
}

/** The 8 bytes in front of the data of a binary frame. */
export function channelBytes(channel: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CHANNEL_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(channel));
  return bytes;
}

/** @returns `undefined` for a frame that is too short, or names what can't be a channel. */
export function readBinary(frame: ArrayBuffer): { channel: number; payload: ArrayBuffer } | undefined {
  if (frame.byteLength < CHANNEL_BYTES) return undefined;
  const channel = Number(new DataView(frame).getBigUint64(0));
  return isCount(channel) ? { channel, payload: frame.slice(CHANNEL_BYTES) } : undefined;
}

const encoder = new TextEncoder();

/** The length in UTF-8. */
export function textBytes(text: string): number {
  return encoder.encode(text).length;
}

/** Half a character can't be sent: a `WebSocket` sends U+FFFD instead. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
