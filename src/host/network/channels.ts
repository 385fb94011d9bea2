/**
 * Messages to and from linked peers: for each peer and protocol one stream each way, opened at need and kept. `send` of libp2p returns false when the
 * stream is full; then the queue here grows to its bound, and what comes on top is dropped. What comes in is cut into messages under a size limit and a
 * rate: over WebRTC nothing slows a sender down (4 MiB unread reset the stream), so who sends faster than that is at fault.
 */
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { TokenBucket } from "../../kit/token-bucket.ts";
import type { RejectCode } from "../../protocol/codes.ts";
import { encodeFrame, FrameReader } from "../../protocol/frames.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { CHANNEL_BOUNDS, CHANNEL_PROTOCOLS, type ChannelBounds, type ChannelProtocol } from "./bounds.ts";

const OPEN_TIMEOUT_MS = 8_000;
const OPEN_ATTEMPTS_MAX = 3;

export interface ChannelDeps {
  readonly node: Libp2p;
  /** The connection that messages to this peer should take now. */
  readonly connectionTo: (peer: string) => Connection | undefined;
  readonly onMessage: (peer: string, protocol: ChannelProtocol, bytes: Uint8Array) => void;
  /** A peer broke the transport's rules: its frame was too large, or it sent too much. */
  readonly onFault: (peer: string, code: RejectCode) => void;
  readonly nowMs: () => number;
}

export class Channels {
  readonly #deps: ChannelDeps;
  readonly #outbound = new Map<string, Outbound>();
  readonly #rates = new Map<string, Rate>();

  constructor(deps: ChannelDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    for (const protocol of CHANNEL_PROTOCOLS) {
      await this.#deps.node.handle(protocolName(protocol), (stream, connection) => this.#receive(protocol, stream, connection), {
        // Two: while a link moves to a better connection, the old stream empties beside the new one.
        maxInboundStreams: 2,
        maxOutboundStreams: 2,
        runOnLimitedConnection: true,
      });
    }
  }

  /** Queues a message; gives whether there was room. */
  send(peer: string, protocol: ChannelProtocol, bytes: Uint8Array): boolean {
    const key = `${protocol} ${peer}`;
    let outbound = this.#outbound.get(key);
    if (outbound === undefined) {
      outbound = new Outbound(protocolName(protocol), CHANNEL_BOUNDS[protocol], () => this.#deps.connectionTo(peer));
      this.#outbound.set(key, outbound);
    }
    return outbound.send(bytes);
  }

  /** The peer is gone: what waits for it is dropped. */
  forget(peer: string): void {
    for (const protocol of CHANNEL_PROTOCOLS) {
      const key = `${protocol} ${peer}`;
      this.#outbound.get(key)?.stop();
      this.#outbound.delete(key);
      this.#rates.delete(key);
    }
  }

  async #receive(protocol: ChannelProtocol, stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const bounds = CHANNEL_BOUNDS[protocol];
    const key = `${protocol} ${peer}`;
    const rate = this.#rates.get(key) ?? new Rate(bounds, this.#deps.nowMs());
    this.#rates.set(key, rate);
    const reader = new FrameReader(bounds.messageBytesMax);
    try {
      for await (const part of stream) {
        const bytes = part.subarray();
        if (!rate.takeBytes(bytes.length, this.#deps.nowMs())) throw new Refusal("rate-limited", { protocol });
        for (const message of reader.push(bytes)) {
          if (!rate.takeMessage(this.#deps.nowMs())) throw new Refusal("rate-limited", { protocol });
          this.#deps.onMessage(peer, protocol, message);
        }
      }
      if (stream.status === "open") await stream.close();
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error("failed"));
      if (error instanceof Refusal) this.#deps.onFault(peer, error.code);
    }
  }
}

function protocolName(protocol: ChannelProtocol): string {
  return `/bothy/1/${protocol}`;
}

/** What one sender may send: messages and bytes, each with room for a burst. */
export class Rate {
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor(bounds: Pick<ChannelBounds, "messagesPerSecond" | "bytesPerSecond" | "burstSeconds">, nowMs: number) {
    const { messagesPerSecond, bytesPerSecond, burstSeconds } = bounds;
    this.#messages = new TokenBucket({ capacity: messagesPerSecond * burstSeconds, perSecond: messagesPerSecond, nowMs });
    this.#bytes = new TokenBucket({ capacity: bytesPerSecond * burstSeconds, perSecond: bytesPerSecond, nowMs });
  }

  takeMessage(nowMs: number): boolean {
    return this.#messages.take(1, nowMs);
  }

  takeBytes(bytes: number, nowMs: number): boolean {
    return this.#bytes.take(bytes, nowMs);
  }
}

/** The queue to one peer on one protocol. */
class Outbound {
  readonly #protocol: string;
  readonly #bounds: ChannelBounds;
  readonly #connection: () => Connection | undefined;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #stream: Stream | undefined;
  #streamConnection: string | undefined;
  #running = false;
  #stopped = false;

  constructor(protocol: string, bounds: ChannelBounds, connection: () => Connection | undefined) {
    this.#protocol = protocol;
    this.#bounds = bounds;
    this.#connection = connection;
  }

  send(bytes: Uint8Array): boolean {
    if (this.#stopped || bytes.length > this.#bounds.messageBytesMax) return false;
    if (this.#queuedBytes + bytes.length > this.#bounds.queueBytesMax) return false;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (!this.#running) {
      this.#running = true;
      void this.#run().finally(() => {
        this.#running = false;
      });
    }
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#clear();
    this.#stream?.abort(new Error("link closed"));
    this.#stream = undefined;
  }

  #clear(): void {
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (this.#queue.length > 0 && !this.#stopped) {
      const stream = await this.#open();
      if (stream === undefined) {
        // A connection that just closed may have another beside it; but messages are not kept for a link that may come.
        if (++failures < OPEN_ATTEMPTS_MAX && this.#connection() !== undefined) continue;
        this.#clear();
        return;
      }
      failures = 0;
      const message = this.#queue.shift()!;
      this.#queuedBytes -= message.length;
      try {
        if (!stream.send(encodeFrame(message))) await drained(stream);
      } catch {
        this.#stream = undefined;
      }
    }
  }

  /** The stream on the connection of choice; one on a worse connection is closed first, so that order holds. */
  async #open(): Promise<Stream | undefined> {
    const connection = this.#connection();
    if (connection === undefined) return undefined;
    if (this.#stream?.status === "open" && this.#streamConnection === connection.id) return this.#stream;
    const signal = AbortSignal.timeout(OPEN_TIMEOUT_MS);
    try {
      if (this.#stream?.status === "open") await this.#stream.close({ signal });
    } catch {
      this.#stream?.abort(new Error("link moved"));
    }
    this.#stream = undefined;
    try {
      this.#stream = await connection.newStream(this.#protocol, { signal, runOnLimitedConnection: true, maxOutboundStreams: 2 });
      this.#streamConnection = connection.id;
      return this.#stream;
    } catch {
      return undefined;
    }
  }
}

/** Resolves when the stream takes more, rejects when it ends first. Not `onDrain()`, which is broken from its second use. */
function drained(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!stream.writableNeedsDrain) return resolve();
    const finish = (error?: Error): void => {
      stream.removeEventListener("drain", onDrain);
      stream.removeEventListener("close", onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onDrain = (): void => finish();
    const onClose = (): void => finish(new Error("stream closed"));
    stream.addEventListener("drain", onDrain);
    stream.addEventListener("close", onClose);
  });
}
