/** The state that a genesis document describes. */
import { chainOf, decodeGenesis } from "../protocol/genesis.ts";
import { requireThat } from "../protocol/refusal.ts";
import { accountKey, addToSupply, GENESIS_KEY, NO_ACCOUNT, writeAccount, writeParameters } from "./accounts.ts";
import { writeMember } from "./members.ts";
import { rememberBlock } from "./recent-blocks.ts";
import { writeHead, writeSeats } from "./seats.ts";
import { BaseState, createOverlay } from "./state.ts";
import type { LedgerState } from "./types.ts";

/**
 * The founder has its grant, its bond is locked, and the founding seat is current. The grant must cover the bond.
 * @throws {Refusal} as `decodeGenesis`, `bond-required`.
 */
export function createLedgerState(genesisBytes: Uint8Array): LedgerState {
  const genesis = decodeGenesis(genesisBytes);
  const { grant, bond } = genesis.parameters;
  requireThat(grant >= bond, "bond-required", { grant, bond });
  const chain = chainOf(genesisBytes);
  const base = new BaseState([[GENESIS_KEY, genesisBytes]]);
  const state = createOverlay(base);
  writeAccount(state, accountKey(genesis.founder), {
    ...NO_ACCOUNT,
    balance: grant - bond,
    bond: { amount: bond, freeAtMs: null },
    claimed: true,
  });
  writeParameters(state, genesis.parameters);
  if (genesis.kind !== "public") for (const [account, roles] of genesis.members) writeMember(state, account, roles);
  addToSupply(state, { issued: grant, burnt: 0 });
  const seat = { votingKey: genesis.foundingSeat, account: genesis.founder };
  const { createdMs } = genesis;
  writeSeats(state, {
    current: [{ ...seat, sinceHeight: 0, sinceMs: createdMs, lastHeight: 0, lastTimeMs: createdMs }],
    sleeping: [],
    waiting: [],
  });
  // The chain's own digest names the first epoch, as a block that ends one would.
  writeHead(state, { height: 0, timeMs: createdMs, epochId: chain, ended: true, lastAdmissionMs: createdMs, lastRecovery: null });
  rememberBlock(state, 0, chain);
  base.finalize(state);
  return base;
}
