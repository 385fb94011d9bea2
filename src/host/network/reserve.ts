/**
 * Asks a relay, or a neighbour that acts as one, to be reachable through it: RESERVE of the circuit relay protocol
 * (libp2p specifications, relay/circuit-v2.md). libp2p's own client forgets to come back and can refuse a relay for ever
 * after a failed dial (docs/adr/0030-relay-restart.md), so we speak these few bytes ourselves.
 */
import type { Connection } from "@libp2p/interface";

const HOP_PROTOCOL = "/libp2p/circuit/relay/0.2.0/hop";
/** Length 2; field 1 (type) = RESERVE (0). */
const RESERVE = Uint8Array.of(2, 0x08, 0);
const STATUS_FIELD = 5;
const STATUS_OK = 100;
const STATUS_REFUSED = 200;
/** An answer carries addresses and a signed voucher; none is near this. */
const ANSWER_BYTES_MAX = 8 * 1024;

/** Whether there was room. @throws {Error} if the other side has no such protocol, talks nonsense, or does not answer in time. */
export async function reserve(connection: Connection, signal: AbortSignal): Promise<boolean> {
  const stream = await connection.newStream(HOP_PROTOCOL, { signal });
  const abort = (): void => stream.abort(new Error("reservation timed out"));
  signal.addEventListener("abort", abort);
  try {
    stream.send(RESERVE);
    let answer = new Uint8Array();
    for await (const part of stream) {
      const bytes = part.subarray();
      const joined = new Uint8Array(answer.length + bytes.length);
      joined.set(answer);
      joined.set(bytes, answer.length);
      answer = joined;
      const status = readStatus(answer);
      if (status === STATUS_OK) return true;
      if (status === STATUS_REFUSED) return false;
      if (status !== undefined || answer.length > ANSWER_BYTES_MAX) throw new Error(`reservation answered with status ${status}`);
    }
    throw new Error("reservation not answered");
  } finally {
    signal.removeEventListener("abort", abort);
    if (stream.status === "open") stream.close({ signal }).catch(() => stream.abort(new Error("closed")));
  }
}

/** The status of a length-prefixed HopMessage, or undefined while it is not whole. */
export function readStatus(bytes: Uint8Array): number | undefined {
  let offset = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[offset++];
      if (byte === undefined || shift > 49) return Number.NaN;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const length = varint();
  if (Number.isNaN(length) || bytes.length < offset + length) return undefined;
  const end = offset + length;
  let status = 0;
  while (offset < end) {
    const tag = varint();
    const value = varint();
    if (Number.isNaN(tag) || Number.isNaN(value)) return 0;
    if (tag === STATUS_FIELD * 8) status = value;
    else if (tag % 8 === 2) offset += value;
    else if (tag % 8 !== 0) return 0;
  }
  return status;
}
