/** `token`: one small grant per account, for a proof of work that memory bounds. PROTOCOL, "Economy of a public BoT". */
import { scrypt } from "@noble/hashes/scrypt.js";
import { concatBytes, utf8 } from "../../kit/bytes.ts";
import type { Parameters } from "../../protocol/genesis.ts";
import { asHash, type Hash } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { requireThat } from "../../protocol/refusal.ts";
import { readBytes, readMap } from "../../protocol/schema.ts";
import type { Transaction } from "../../protocol/transaction.ts";
import { readAccount, supplyOf, writeAccount } from "../accounts.ts";
import { operation } from "../operation.ts";
import { isRecentBlock, RECENT_BLOCKS } from "../recent-blocks.ts";

/** 2 MiB and about 10 ms a try (scrypt, RFC 7914: 128 * N * r bytes). */
const SCRYPT = { N: 2048, r: 8, p: 1, dkLen: 32 } as const;
const CLAIM_TAG = utf8("bothy/claim/1");

/** One try at a claim's work: it counts when at least `claimBits` leading bits are zero. */
export function claimWork(account: Uint8Array, reference: Uint8Array, nonce: Uint8Array): Uint8Array {
  return scrypt(concatBytes(CLAIM_TAG, account, reference), nonce, SCRYPT);
}

export function leadingZeroBits(bytes: Uint8Array): number {
  let bits = 0;
  for (const byte of bytes) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}

interface Claim {
  /** A recent block, so that work cannot be stored up. */
  readonly reference: Hash;
  readonly nonce: Uint8Array;
}

/** Bits of a claim's work, once for mempool, builder and execution. */
const bitsOf = new WeakMap<Transaction, number>();

function workBits(transaction: Transaction, claim: Claim): number {
  let bits = bitsOf.get(transaction);
  if (bits === undefined)
    bitsOf.set(transaction, (bits = leadingZeroBits(claimWork(transaction.body.sender, claim.reference, claim.nonce))));
  return bits;
}

/**
 * Whether a claim's work was tried here and is enough. One with too little is nobody's mistake: all that it depends on stands in the claim and in
 * the genesis.
 */
export function hasShownWork(claim: Transaction, { claimBits }: Pick<Parameters, "claimBits">): boolean {
  return (bitsOf.get(claim) ?? -1) >= claimBits;
}

export const tokenOperations = {
  "token.claim": operation<Claim>({
    free: true,
    read(value) {
      const map = readMap(value, "claim", ["reference", "nonce"]);
      return { reference: asHash(map["reference"]), nonce: readBytes(map["nonce"], "nonce", LIMITS.claimNonceBytesMax, 1) };
    },
    check({ state, senderKey, parameters, transaction }, claim) {
      requireThat(parameters.grant > 0, "no-tokens");
      requireThat(transaction.body.calls.length === 1, "claim-invalid", { reason: "not alone" });
      requireThat(!readAccount(state, senderKey).claimed, "claim-used");
      requireThat(isRecentBlock(state, claim.reference), "claim-invalid", { reason: "block", recent: RECENT_BLOCKS });
      const bits = workBits(transaction, claim);
      requireThat(bits >= parameters.claimBits, "work-too-low", { bits, claimBits: parameters.claimBits });
    },
    apply({ state, sender, senderKey, parameters, block, emit }) {
      requireThat(block.claims < parameters.claimsPerBlockMax, "claims-full");
      // Sums of amounts would stop being exact.
      const issued = supplyOf(state).issued + block.issued;
      requireThat(issued + parameters.grant <= LIMITS.amountMax, "supply-exceeded", { issued });
      const account = readAccount(state, senderKey);
      block.claims++;
      block.issued += parameters.grant;
      writeAccount(state, senderKey, { ...account, balance: account.balance + parameters.grant, claimed: true });
      emit("token.claimed", { account: sender, amount: parameters.grant });
      return parameters.grant;
    },
  }),
};
