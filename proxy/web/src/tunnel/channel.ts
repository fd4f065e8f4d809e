/**
 * One end of a channel: what waits to be sent, credit in both directions, and what a server must keep until the other
 * end has it, so that nothing is lost when the link is another. It counts as section 7 and 8 of `spec/06-relay.md`
 * say, and knows nothing of events.
 */

import { TunnelError } from "./error.js";
import { Fifo } from "./fifo.js";
import type { Limits, Link } from "./link.js";
import { CHANNEL_BYTES, ITEM_COST, channelBytes, textBytes, wellFormed } from "./wire.js";

/** A channel that is to be closed, and whose other end took nothing for so many milliseconds, is given up. */
const STUCK_AFTER = 30_000;

/** The status of a close with which something was lost, for ends to which a close without one means that all was said. */
const INCOMPLETE = 4000;

/** JSON may write a character as `\u001f`; this much and a little room for the rest of the frame. */
const MOST_ESCAPED = 6;
const FRAME_ROOM = 128;

/** How a channel ended: a word of the relay, or of this library. */
export interface Ending {
  readonly code: string;
  readonly status?: number;
  readonly reason?: string;
  /** Whether it was closed here. */
  readonly here?: boolean;
  /** What to say, if there is more to it than the word. */
  readonly error?: TunnelError;
}

export interface ChannelUser {
  readonly data: (data: string | ArrayBuffer, cost: number) => void;
  /** The other end sends nothing more. */
  readonly finished: () => void;
  readonly ended: (ending: Ending) => void;
}

interface Item {
  /** What `bufferedAmount` counts. */
  readonly bytes: number;
  readonly cost: number;
  /** Whether it needs no credit. */
  readonly free?: boolean;
  /** Not there while a `Blob` is read. */
  frame: string | Uint8Array<ArrayBuffer> | undefined;
  readonly blob?: Blob;
}

export class Channel {
  readonly number: number;
  readonly #limits: Limits;
  readonly #keeps: boolean;
  readonly #user: ChannelUser;
  /** Not there while a server is away from the relay. */
  #link: Link | undefined;
  #over = false;

  // --- what is sent ---
  readonly #waiting = new Fifo<Item>();
  #waitingBytes = 0;
  #reading = false;
  /** What is in the link's socket, as far as it was looked at. */
  readonly #inSocket = new Fifo<{ place: number; bytes: number }>();
  #sentCost = 0;
  #consumedCost = 0;
  /** What was sent and not consumed, for a link that comes after this one; and what was sent before it. */
  readonly #kept = new Fifo<Item>();
  #droppedItems = 0;
  #droppedCost = 0;
  #closing: { status?: number; reason?: string } | undefined;
  #closeSent = false;
  #stuck: ReturnType<typeof setTimeout> | undefined;

  // --- what is received ---
  #receivedItems = 0;
  #doneCost = 0;
  #toldCost = 0;

  constructor(
    number: number,
    { limits, keeps, user, link }: { limits: Limits; keeps: boolean; user: ChannelUser; link: Link | undefined },
  ) {
    this.number = number;
    this.#limits = limits;
    this.#keeps = keeps;
    this.#user = user;
    this.#link = link;
    link?.channels.set(number, this);
  }

  /** Bytes of data that are not on their way yet, for want of credit or in the socket. */
  get bufferedAmount(): number {
    this.#look();
    let bytes = this.#waitingBytes;
    for (const each of this.#inSocket) bytes += each.bytes;
    return bytes;
  }

  /** @throws {TunnelError} `too_large`. */
  send(data: string | ArrayBuffer | ArrayBufferView | Blob): void {
    if (typeof data === "string") {
      const text = wellFormed(data);
      const bytes = textBytes(text);
      const frame = JSON.stringify({ type: "data", channel: this.number, data: text });
      if (bytes * MOST_ESCAPED + FRAME_ROOM > this.#limits.messageBytes) this.#check(textBytes(frame));
      this.#queue({ bytes, cost: bytes + ITEM_COST, frame });
    } else if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) {
      const payload =
        data instanceof ArrayBuffer
          ? new Uint8Array(data)
          : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      this.#check(payload.length + CHANNEL_BYTES);
      // A copy: what is sent is what it was at this moment.
      const frame = new Uint8Array(CHANNEL_BYTES + payload.length);
      frame.set(channelBytes(this.number));
      frame.set(payload, CHANNEL_BYTES);
      this.#queue({ bytes: payload.length, cost: payload.length + ITEM_COST, frame });
    } else {
      this.#check(data.size + CHANNEL_BYTES);
      this.#queue({ bytes: data.size, cost: data.size + ITEM_COST, frame: undefined, blob: data });
    }
  }

  /** Nothing more is sent. */
  finish(): void {
    const frame = JSON.stringify({ type: "finish", channel: this.number });
    this.#queue({ bytes: 0, cost: ITEM_COST, free: true, frame });
  }

  /** Ends it once all that waits has been sent. */
  close(status: number | undefined, reason: string | undefined): void {
    this.#closing = { ...(status === undefined ? {} : { status }), ...(reason ? { reason } : {}) };
    this.#guard();
    this.#pump();
  }

  /** Items that cost so much are done with, and may come again. */
  done(cost: number): void {
    this.#doneCost += cost;
    if (this.#doneCost - this.#toldCost < this.#limits.window / 2 || !this.#link || this.#over) return;
    this.#toldCost = this.#doneCost;
    this.#link.tell({ type: "consumed", channel: this.number, bytes: this.#doneCost });
  }

  // --- what comes from the link ---

  take(data: string | ArrayBuffer, bytes = textBytes(data as string)): void {
    this.#receivedItems += 1;
    this.#user.data(data, bytes + ITEM_COST);
  }

  consumedThere(bytes: number): void {
    this.#consumedCost = Math.max(this.#consumedCost, bytes);
    for (let first; (first = this.#kept.first) && this.#droppedCost + first.cost <= this.#consumedCost; ) {
      this.#kept.shift();
      this.#droppedItems += 1;
      this.#droppedCost += first.cost;
    }
    this.#pump();
  }

  finishedThere(): void {
    this.#receivedItems += 1;
    this.done(ITEM_COST);
    this.#user.finished();
  }

  end(ending: Ending): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#stuck);
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#kept.clear();
    this.#link?.channels.delete(this.number);
    this.#user.ended(ending);
  }

  // --- another link ---

  /** The link is gone, and there will be another. */
  detach(): void {
    this.#link = undefined;
    this.#inSocket.clear();
    this.#closeSent = false;
  }

  /** What a server says of it when it resumes. */
  get state(): { channel: number; received: number; consumed: number } {
    this.#toldCost = this.#doneCost;
    return { channel: this.number, received: this.#receivedItems, consumed: this.#doneCost };
  }

  /** There is a link again. The relay has received so many items, and the other end has consumed so many bytes. */
  attach(link: Link, received: number, consumed: number): void {
    this.#link = link;
    link.channels.set(this.number, this);
    let at = this.#droppedItems;
    for (const { frame } of this.#kept) if (frame !== undefined && at++ >= received) link.write(frame);
    this.consumedThere(consumed);
    this.done(0);
  }

  /** It is not known to the relay any more, which is as it should be if it was to be closed. */
  missing(): void {
    this.end(this.#closing ? { code: "closed", here: true } : { code: "gone" });
  }

  // --- sending ---

  #check(frameBytes: number): void {
    const most = this.#limits.messageBytes;
    if (frameBytes <= most) return;
    throw new TunnelError(
      "too_large",
      `The relay takes messages of ${most} bytes at most, and this one has ${frameBytes} with its frame: divide it`,
    );
  }

  #queue(item: Item): void {
    if (this.#over) return;
    this.#waiting.push(item);
    this.#waitingBytes += item.bytes;
    this.#pump();
  }

  #pump(): void {
    const link = this.#link;
    if (!link || this.#over) return;
    let written = false;
    for (let item; (item = this.#waiting.first); ) {
      if (!item.free && this.#limits.window + this.#consumedCost - this.#sentCost <= 0) break;
      if (item.frame === undefined) {
        void this.#read(item);
        break;
      }
      this.#waiting.shift();
      this.#waitingBytes -= item.bytes;
      this.#sentCost += item.cost;
      if (this.#keeps) this.#kept.push(item);
      this.#look();
      this.#inSocket.push({ place: link.write(item.frame), bytes: item.bytes });
      written = true;
    }
    if (this.#closing && !this.#waiting.first && !this.#closeSent) {
      this.#closeSent = true;
      link.request({ type: "close", channel: this.number, ...this.#closing }, () =>
        this.end({ code: "closed", here: true }),
      );
    } else if (written && this.#closing) {
      this.#guard();
    }
  }

  async #read(item: Item): Promise<void> {
    if (this.#reading || !item.blob) return;
    this.#reading = true;
    try {
      item.frame = new Uint8Array(await new Blob([channelBytes(this.number), item.blob]).arrayBuffer());
      this.#reading = false;
      this.#pump();
    } catch (error) {
      this.#giveUp(new TunnelError("unreadable", `A Blob can't be read: ${(error as Error).message}`));
    }
  }

  /** Watches that what waits for a close does not wait for ever. */
  #guard(): void {
    clearTimeout(this.#stuck);
    if (this.#over) return;
    this.#stuck = setTimeout(() => {
      const seconds = STUCK_AFTER / 1000;
      this.#giveUp(new TunnelError("stuck", `The other end took nothing for ${seconds} s; what waited for it is lost`));
    }, STUCK_AFTER);
  }

  #giveUp(error: TunnelError): void {
    if (this.#over) return;
    if (!this.#closeSent) this.#link?.tell({ type: "close", channel: this.number, status: INCOMPLETE });
    this.end({ code: error.code, error });
  }

  /** Forgets what has left the socket. */
  #look(): void {
    for (let first; (first = this.#inSocket.first) && !this.#link?.waits(first.place); ) this.#inSocket.shift();
  }
}
