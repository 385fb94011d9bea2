/** Every bound that protects a peer, with its reason. Sizes in bytes, times in milliseconds. A bound that changes what is valid is part of the protocol's version. */
export const LIMITS = {
  /** One transaction: a contract's source (the largest thing people send) and its envelope. */
  transactionBytesMax: 128 * 1024,
  /** Transactions of one block: 1000 transfers of 300 bytes with room for sources. */
  blockBytesMax: 2 * 1024 * 1024,
  blockTransactionsMax: 4000,
  /** Gas of one block: about half a second of contract work on a slow phone, an eighth of the base timeout on a laptop. */
  blockGasMax: 1_000_000_000,
  /** One gossip message or frame of a stream: a block with its envelope. */
  messageBytesMax: 2 * 1024 * 1024 + 256 * 1024,
  /** Nesting of a decoded value: deeper input would overflow some engine's stack before others'. */
  valueDepthMax: 32,
  /** A multi-signature account of a household or a club; each signature costs every peer 70 µs. */
  signaturesMax: 16,
  /** Calls that are atomic together. */
  callsMax: 16,
  /** Peers of one account that sign in parallel, each in a lane of its own. */
  lanesMax: 16,
  /** How far past block time a transaction may stay valid, and how long its entry must outlive it. */
  validityMsMax: 3_600_000,
  /** Amounts and supply stay exact integers in every engine. */
  amountMax: Number.MAX_SAFE_INTEGER,
  nameBytesMax: 64,
  /** Active seats; above it a committee is drawn. */
  seatsMax: 64,
  sleepingSeatsMax: 16,
  /** How far a candidate's time may be ahead of a voter's clock before the voter holds it. */
  clockAheadMsMax: 10_000,
  /** Peers named in one introduction: a class of thirty twice over, and a page of text. */
  introducedPeersMax: 64,
  introductionBytesMax: 8 * 1024,
} as const;
