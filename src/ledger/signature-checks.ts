/** A signature that must hold for a transaction to be valid; verified outside the ledger. */
export interface SignatureCheckInput {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
}
