/** Messages on a byte stream: each is a frame of its length (four bytes, big-endian) and its bytes. Streams of libp2p keep no message boundaries. */
import { Refusal } from "./refusal.ts";

const FRAME_PREFIX_BYTES = 4;

/** The frame of a message. */
export function encodeFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_PREFIX_BYTES + message.length);
  new DataView(frame.buffer).setUint32(0, message.length);
  frame.set(message, FRAME_PREFIX_BYTES);
  return frame;
}

/** Cuts a stream's bytes into messages again. Holds at most one unfinished frame of `messageBytesMax`. */
export class FrameReader {
  readonly #messageBytesMax: number;
  readonly #prefix = new Uint8Array(FRAME_PREFIX_BYTES);
  #prefixLength = 0;
  #message: Uint8Array | undefined;
  #messageLength = 0;

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** The messages that these bytes complete, in order. @throws {Refusal} `too-large` as soon as a length is announced above the limit. */
  push(bytes: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#message === undefined) {
        this.#prefix[this.#prefixLength++] = bytes[offset++]!;
        if (this.#prefixLength === FRAME_PREFIX_BYTES) this.#begin();
      } else {
        const part = bytes.subarray(offset, offset + this.#message.length - this.#messageLength);
        this.#message.set(part, this.#messageLength);
        this.#messageLength += part.length;
        offset += part.length;
      }
      if (this.#message !== undefined && this.#messageLength === this.#message.length) {
        messages.push(this.#message);
        this.#message = undefined;
      }
    }
    return messages;
  }

  #begin(): void {
    const length = new DataView(this.#prefix.buffer).getUint32(0);
    if (length > this.#messageBytesMax) throw new Refusal("too-large", { sizeBytes: length, sizeBytesMax: this.#messageBytesMax });
    this.#message = new Uint8Array(length);
    this.#messageLength = 0;
    this.#prefixLength = 0;
  }
}
