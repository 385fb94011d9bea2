/** Every refusal's code. The UI turns a code into a sentence; peer scoring switches on `OBJECTIVE_FAULTS`. */
export const REJECT_CODES = [
  // encoding and size
  "encoding-invalid",
  "too-large",
  "schema-invalid",
  "unknown-version",
  // signatures and rights
  "signature-invalid",
  "signature-missing",
  "not-authorized",
  "not-owner",
  "policy-invalid",
  "locks-out",
  "votes-missing",
  "unknown-proposal",
  // transactions
  "wrong-chain",
  "expired",
  "valid-too-long",
  "nonce-used",
  "nonce-gap",
  "fee-too-low",
  "balance-too-low",
  "unknown-operation",
  "already-known",
  "replaced",
  "mempool-full",
  "sender-limit",
  "rate-limited",
  "block-full",
  // ledger objects
  "unknown-account",
  "unknown-device",
  "unknown-stream",
  "unknown-contract",
  "unknown-seat",
  "already-exists",
  "wrong-status",
  "amount-invalid",
  "supply-exceeded",
  "claim-invalid",
  "work-too-low",
  "claim-used",
  "claims-full",
  "bond-required",
  "seat-taken",
  "last-seat",
  "seats-full",
  "no-tokens",
  "sequence-wrong",
  // contracts
  "contract-error",
  "out-of-gas",
  "depth-limit",
  "out-of-memory",
  "contract-terminated",
  "method-unknown",
  "manifest-invalid",
  "not-a-view",
  "host-fault",
  // blocks and consensus
  "unknown-parent",
  "unknown-epoch",
  "block-invalid",
  "certificate-invalid",
  "vote-invalid",
  "time-too-early",
  "root-mismatch",
  "snapshot-invalid",
  "recovery-invalid",
  "epoch-unproven",
  "evidence-invalid",
  // peer, sync, storage and keys
  "not-ready",
  "not-found",
  "no-peers",
  "no-members",
  "tabs-waiting",
  "storage-full",
  "storage-broken",
  "storage-closed",
  "key-missing",
  "limit-exceeded",
  "unknown-request",
  "stopped",
  "wrong-password",
  "export-invalid",
  "history-incomplete",
  "device-refused",
  "address-invalid",
  "not-supported",
  "internal",
] as const;

export type RejectCode = (typeof REJECT_CODES)[number];

/** Faults that an honest peer never makes, whatever its state; only these cost a sender its score (PROTOCOL, wire). */
export const OBJECTIVE_FAULTS: ReadonlySet<RejectCode> = new Set<RejectCode>([
  "encoding-invalid",
  "too-large",
  "schema-invalid",
  "signature-invalid",
  "certificate-invalid",
  "vote-invalid",
  "work-too-low",
]);

const KNOWN: ReadonlySet<string> = new Set(REJECT_CODES);

export function isRejectCode(text: string): text is RejectCode {
  return KNOWN.has(text);
}
