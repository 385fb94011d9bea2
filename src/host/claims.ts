/** Proofs of work for the one grant of an account. PROTOCOL, "Economy of a public BoT". */
import { claimWork, leadingZeroBits } from "../ledger/modules/token.ts";

export interface ClaimRequest {
  readonly account: Uint8Array;
  /** A recent block that the work is tied to. */
  readonly reference: Uint8Array;
  readonly bits: number;
  /** Where to begin, so that two searches of one account differ. */
  readonly start: Uint8Array;
}

/** The part of a `Worker` that is used. */
export interface ClaimWorker {
  postMessage(message: ClaimRequest): void;
  onmessage: ((event: MessageEvent<Uint8Array>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

const NONCE_BYTES = 16;

/** Tries one nonce after another; takes 2^bits tries on average, each about 10 ms. */
export function searchClaim({ account, reference, bits, start }: ClaimRequest): Uint8Array {
  const nonce = start.slice(0, NONCE_BYTES);
  while (leadingZeroBits(claimWork(account, reference, nonce)) < bits) {
    let at = 0;
    while (at < nonce.length && (nonce[at] = (nonce[at]! + 1) & 255) === 0) at += 1;
  }
  return nonce;
}

/** Searches in a worker that ends with the search; null when the worker fails. */
export function claimInWorker(createWorker: () => ClaimWorker, request: Omit<ClaimRequest, "start">): Promise<Uint8Array | null> {
  const worker = createWorker();
  const { account, reference, bits } = request;
  return new Promise<Uint8Array | null>((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = () => resolve(null);
    worker.postMessage({ account, reference, bits, start: globalThis.crypto.getRandomValues(new Uint8Array(NONCE_BYTES)) });
  }).finally(() => worker.terminate());
}
