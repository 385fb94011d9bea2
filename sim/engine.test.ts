/** The engine alone, one message at a time, over the model ledger. */
import { describe, expect, it } from "vitest";
import type { ConsensusEffect, ConsensusMessage, Engine } from "../src/consensus/engine.ts";
import { createSimplex } from "../src/consensus/simplex/simplex.ts";
import { assert } from "../src/kit/assert.ts";
import type { Block } from "../src/protocol/block.ts";
import { toHex, type Hash, type VotingKey } from "../src/protocol/identifiers.ts";
import { quorumOf, type Certificate } from "../src/protocol/vote.ts";
import { createModelTransaction, ModelChain, ModelWorld } from "./model-ledger.ts";

const NAMES = ["a", "b", "c", "d"];

class Bench {
  readonly world = new ModelWorld(
    NAMES.map((name) => this.seatOf(name)),
    60_000,
  );
  readonly chain = new ModelChain(this.world);
  readonly engine: Engine;
  #heard = 0;
  #lastMs = 1000;

  constructor() {
    this.engine = createSimplex(this.chain, this.world.genesis.info, {
      chain: this.world.chain,
      baseTimeoutMs: 1000,
      heartbeatMs: 60_000,
      recoveryMs: 10_000,
      blockIntervalMs: 0,
    });
    this.engine.step(1000, { kind: "keys", keys: [] });
    this.engine.step(1000, { kind: "load", records: [], blocks: [] });
  }

  seatOf(name: string): VotingKey {
    return new Uint8Array(32).fill(name.charCodeAt(0)) as VotingKey;
  }

  /** A block by whose turn it is: with an operation of a seat, with a payment, or empty. */
  block(parent: Hash, epochId: Hash, round: number, content: readonly [operation: string, argument: number | Uint8Array] | null): Block {
    const seats = this.world.state(epochId)!.info.seats;
    const offset = new DataView(epochId.buffer, epochId.byteOffset, 4).getUint32(0);
    const pool = content === null ? [] : [createModelTransaction(this.world.chain, content[0], content[1], round)];
    const block = this.world.propose(
      {
        parent,
        epochId,
        round,
        timeMs: ++this.#lastMs,
        proposer: seats[(offset + round) % seats.length]!,
        empty: content === null,
        mayBeBare: false,
        certificate: null,
        lateVotes: [],
        alives: [],
      },
      pool,
    );
    assert(block !== null, "the model proposes");
    this.world.execute(block);
    return block;
  }

  finality({ header, id }: Block): Certificate {
    const count = quorumOf(this.world.state(header.epochId)!.info.seats.length);
    const signers = Array.from({ length: count }, (_, index) => index);
    const { chain, epochId, round } = header;
    return { chain, epochId, round, kind: "finalize", candidate: id, signers, signatures: signers.map(() => new Uint8Array(64)) };
  }

  hear(message: ConsensusMessage): readonly ConsensusEffect[] {
    // Each from another peer: the same answer goes to one only now and then.
    return this.engine.step(2000, { kind: "message", from: `peer ${this.#heard++}`, message });
  }

  give(...blocks: Block[]): void {
    const last = blocks.at(-1)!;
    this.hear({ kind: "give", blocks, certificates: [this.finality(last)], recoveries: [], more: false });
  }

  /** Blocks that a greeting is answered with. */
  answersTo(known: readonly Block[]): readonly string[] {
    const ids = known.map((block) => block.id);
    const effects = this.hear({ kind: "hello", epochId: this.world.chain, lastFinal: this.world.chain, known: [...ids, this.world.chain] });
    return effects.flatMap((effect) =>
      effect.kind === "send" && effect.message.kind === "give" ? effect.message.blocks.map((block) => toHex(block.id)) : [],
    );
  }
}

describe("sync", () => {
  it("a peer that stands on the empty candidate which closed an epoch is given the next epoch", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const ending = bench.block(chain, chain, 1, ["seat.leave", bench.seatOf("d")]);
    const closing = bench.block(ending.id, chain, 2, null);
    bench.give(ending, closing);
    const next = bench.block(ending.id, ending.id, 1, ["account.transfer", 1]);
    bench.give(next);
    expect(bench.engine.status().finalHeight).toBe(2);
    expect(bench.answersTo([])).toEqual([toHex(ending.id), toHex(closing.id)]);
    expect(bench.answersTo([ending])).toEqual([toHex(next.id)]);
    expect(bench.answersTo([closing, ending])).toEqual([toHex(next.id)]);
  });
});
