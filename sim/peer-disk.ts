/** A virtual disk under a peer: what is written is seen at once, survives the tab when its write has ended, and the machine when it is flushed. */
import type { Random } from "../src/kit/random.ts";
import { applyBatch, createMemoryDisk, type MemoryDisk } from "../src/host/storage/memory-storage.ts";
import type { StorageBatch } from "../src/peer/ports.ts";
import type { VotingKey } from "../src/protocol/identifiers.ts";

export class PeerDisk {
  readonly durable: MemoryDisk = createMemoryDisk();
  readonly account: Uint8Array;
  votingKeys: readonly VotingKey[] = [];
  /** Number of voting keys ever made. */
  keysMade = 0;
  /** Written, but not flushed: relaxed writes since the last strict one. */
  #relaxed: StorageBatch[] = [];
  readonly #diesWithMachine: boolean;

  /** `diesWithMachine`: a crash takes what was not flushed, too, as when the power goes. */
  constructor(account: Uint8Array, diesWithMachine: boolean) {
    this.account = account;
    this.#diesWithMachine = diesWithMachine;
  }

  /** A write has ended. A strict one flushes all before it, as one log does. */
  commit(batch: StorageBatch): void {
    this.#relaxed.push(batch);
    if (batch.strict || !this.#diesWithMachine) this.#flush(this.#relaxed.length);
  }

  /** Of what was not flushed, a prefix chosen by the seed is there afterwards, each batch whole. */
  crash(random: Random): void {
    this.#flush(random.below(this.#relaxed.length + 1));
    this.#relaxed = [];
  }

  #flush(count: number): void {
    for (const batch of this.#relaxed.slice(0, count)) applyBatch(this.durable, batch);
    this.#relaxed = this.#relaxed.slice(count);
  }
}
