/**
 * Asks whether one connection still carries bytes: the ping protocol (libp2p specifications, ping/ping.md) on that very connection. libp2p's own client
 * takes any connection to the peer, so that a living one would answer for a dead one beside it.
 */
import type { Connection } from "@libp2p/interface";
import { PINGS } from "./bounds.ts";

const PING_PROTOCOL = "/ipfs/ping/1.0.0";
const PING_BYTES = 32;
/** As many as the other side takes: one may still be closing when the next begins. */
const STREAMS_MAX = 2;

const running = new WeakMap<Connection, Promise<number>>();

/**
 * The time to the peer and back, in ms. Several may ask at once, and share one question: a connection has room for few.
 * @throws {Error} if the answer does not come, or does not come in time.
 */
export async function probe(connection: Connection, timeoutMs: number): Promise<number> {
  let answer = running.get(connection);
  if (answer === undefined) {
    answer = ask(connection).finally(() => running.delete(connection));
    running.set(connection, answer);
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("ping timed out")), timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function ask(connection: Connection): Promise<number> {
  const signal = AbortSignal.timeout(PINGS.timeoutMs);
  const stream = await connection.newStream(PING_PROTOCOL, { signal, runOnLimitedConnection: true, maxOutboundStreams: STREAMS_MAX });
  const abort = (): void => stream.abort(new Error("ping timed out"));
  signal.addEventListener("abort", abort);
  try {
    const sentMs = Date.now();
    stream.send(crypto.getRandomValues(new Uint8Array(PING_BYTES)));
    let missing = PING_BYTES;
    for await (const part of stream) {
      missing -= part.byteLength;
      if (missing <= 0) return Date.now() - sentMs;
    }
    throw new Error("ping not answered");
  } finally {
    signal.removeEventListener("abort", abort);
    if (stream.status === "open") stream.close({ signal }).catch(() => stream.abort(new Error("closed")));
  }
}
