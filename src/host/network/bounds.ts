/** How many, how much and how long in the network. None of it changes what is valid; each protects this tab or the others. */
import { LIMITS } from "../../protocol/limits.ts";
import { STREAM_PROTOCOLS } from "../../peer/ports.ts";

export const NEIGHBOURS = {
  /** Fewer than this and the tab looks for more: a mesh of degree 6 stays whole when a third of its tabs leave at once. */
  wanted: 6,
  /** Above this, links to peers that have enough others are given up again. */
  kept: 8,
  /** No more than this come in: a newcomer finds room even where everybody is content. */
  max: 12,
  /** Chromium allows about 500 RTCPeerConnections in a page's life; past this many, new ones are only for a tab without any direct link. */
  directAttemptsMax: 400,
} as const;

export const DIALS = {
  inFlightMax: 2,
  knownMax: 256,
  tickMs: 250,
  timeoutMs: 12_000,
  backoffMs: 500,
  backoffMsMax: 60_000,
  /** After this many failures, some minutes of trying, a peer is forgotten. */
  failuresMax: 8,
  /** Only the smaller identifier dials directly; the larger one waits this long before it asks over a relayed link. */
  patienceMs: 2_000,
  /** How long a new connection may stay without having said which chain it is for. */
  introductionMs: 10_000,
  /** Streams on a relayed connection get this long to empty after a direct one has replaced it. */
  graceMs: 2_000,
} as const;

export const RELAYS = {
  retryMs: 500,
  retryMsMax: 2_000,
  timeoutMs: 5_000,
  /** Reservations last longer than nearly any connection; each renewal leaves a timer behind at the relay until then, so that they are few. */
  renewMs: 86_400_000,
  /** A relay without room is asked again after this. */
  refusedMs: 10_000,
  askMs: 3_000,
  askContentMs: 60_000,
} as const;

/** A busy laptop may answer late: two misses in a row end a link, or one short one when a relay saw the peer leave. */
export const PINGS = { everyMs: 5_000, timeoutMs: 5_000, missesMax: 2, lookMs: 1_500 } as const;

export const CHANNEL_PROTOCOLS = ["peers", ...STREAM_PROTOCOLS] as const;
export type ChannelProtocol = (typeof CHANNEL_PROTOCOLS)[number];

export interface ChannelBounds {
  readonly messageBytesMax: number;
  /** Bytes waiting to be sent to one peer before further messages are dropped. */
  readonly queueBytesMax: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** A burst is this many seconds of the rate. */
  readonly burstSeconds: number;
}

const bulk: ChannelBounds = {
  messageBytesMax: LIMITS.messageBytesMax,
  queueBytesMax: 16 * 1024 * 1024,
  messagesPerSecond: 500,
  bytesPerSecond: 24 * 1024 * 1024,
  burstSeconds: 3,
};

export const CHANNEL_BOUNDS: Readonly<Record<ChannelProtocol, ChannelBounds>> = {
  peers: {
    messageBytesMax: LIMITS.introductionBytesMax,
    queueBytesMax: 64 * 1024,
    messagesPerSecond: 4,
    bytesPerSecond: 32 * 1024,
    burstSeconds: 10,
  },
  hello: {
    messageBytesMax: 64 * 1024,
    queueBytesMax: 1024 * 1024,
    // A newcomer greets after each answer, and an answer is of one epoch: as often as it may be answered, for as long as there are epochs.
    messagesPerSecond: 1000 / LIMITS.servePauseMs,
    bytesPerSecond: 128 * 1024,
    burstSeconds: 10,
  },
  admit: {
    messageBytesMax: LIMITS.admissionBytesMax,
    queueBytesMax: 4 * 1024,
    // A knock and a pass for each connection; each pass that comes is a signature to check.
    messagesPerSecond: 1,
    bytesPerSecond: LIMITS.admissionBytesMax,
    burstSeconds: 12,
  },
  // As much as by gossip.
  forward: { ...bulk, messagesPerSecond: 2_000 },
  sync: bulk,
  fetch: bulk,
  snapshot: bulk,
};

export const GOSSIP_BOUNDS = { messagesPerSecond: 2_000, bytesPerSecond: 24 * 1024 * 1024, burstSeconds: 3 } as const;

export const STANDING = {
  /** An objective fault may be a bug of an old version once; five in a row are not. */
  faultPoints: 25,
  banPoints: 100,
  forgivenPerSecond: 0.5,
  banMs: 300_000,
  peersMax: 1024,
  /** Who is no member may ask again after this. */
  refusedMs: 10_000,
} as const;
