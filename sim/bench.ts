/** The engine alone, one message at a time, over the model ledger: no seat of its own, four others. */
import type {
  BlockInfo,
  CastStatement,
  CompleteRecovery,
  ConsensusEffect,
  ConsensusMessage,
  DurableRecord,
  Engine,
} from "../src/consensus/engine.ts";
import { createSimplex } from "../src/consensus/simplex/simplex.ts";
import { assert } from "../src/kit/assert.ts";
import type { Block } from "../src/protocol/block.ts";
import { toHex, type Hash, type VotingKey } from "../src/protocol/identifiers.ts";
import { recoveryBlockId, quorumOf, type Alive, type Certificate } from "../src/protocol/vote.ts";
import { signed } from "./engine-messages.ts";
import { createModelTransaction, ModelChain, ModelWorld } from "./model-ledger.ts";

const NAMES = ["a", "b", "c", "d"];

export class Bench {
  readonly world = new ModelWorld(
    NAMES.map((name) => this.seatOf(name)),
    60_000,
  );
  readonly chain = new ModelChain(this.world);
  readonly engine: Engine;
  readonly atLoad: readonly ConsensusEffect[];
  #heard = 0;
  #lastMs = 1000;

  constructor(records: readonly DurableRecord[] = [], finals: readonly BlockInfo[] = []) {
    this.engine = createSimplex(this.chain, this.world.genesis.info, {
      chain: this.world.chain,
      baseTimeoutMs: 1000,
      heartbeatMs: 60_000,
      recoveryMs: 10_000,
      blockIntervalMs: () => 0,
    });
    this.engine.step(1000, { kind: "keys", keys: [] });
    this.atLoad = this.engine.step(1000, { kind: "load", records, finals });
  }

  seatOf(name: string): VotingKey {
    return new Uint8Array(32).fill(name.charCodeAt(0)) as VotingKey;
  }

  /** A block by whose turn it is: with an operation of a seat, with a payment, or empty. */
  block(parent: Hash, epochId: Hash, round: number, content: readonly [operation: string, argument: number | Uint8Array] | null): Block {
    const pool = content === null ? [] : [createModelTransaction(this.world.chain, content[0], content[1], round)];
    const block = this.world.propose(
      {
        parent,
        epochId,
        round,
        timeMs: ++this.#lastMs,
        proposer: this.leaderOf(epochId, round),
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

  /** Whose turn a round is. */
  leaderOf(epochId: Hash, round: number): VotingKey {
    const seats = this.world.state(epochId)!.info.seats;
    return seats[(new DataView(epochId.buffer, epochId.byteOffset, 4).getUint32(0) + round) % seats.length]!;
  }

  /** A promise in an epoch of which nothing is final. */
  alive(name: string, epochId: Hash): Alive {
    return { chain: this.world.chain, epochId, lastFinal: epochId, highest: null, seat: this.seatOf(name), signature: new Uint8Array(64) };
  }

  /** An epoch's first candidate, which carries promises, with its proposer's vote. */
  carrying(epochId: Hash, timeMs: number, alives: readonly Alive[]): ConsensusMessage {
    const { chain } = this.world;
    const proposer = this.leaderOf(epochId, 1);
    const place = { parent: epochId, epochId, round: 1, timeMs, proposer };
    const block = this.world.propose({ ...place, empty: false, mayBeBare: true, certificate: null, lateVotes: [], alives }, []);
    assert(block !== null, "the model proposes");
    const vote = { chain, epochId, round: 1, kind: "notarize", candidate: block.id, seat: proposer } as const;
    return { kind: "candidate", block, vote: { ...vote, signature: new Uint8Array(64) }, certificates: [] };
  }

  /** What the engine casts among these is signed, and given back to it; gives what was cast, and what that brought. */
  casts(effects: readonly ConsensusEffect[], atMs: number): readonly CastStatement[] {
    const cast: CastStatement[] = [];
    for (let left = [...effects]; left.length > 0;) {
      const effect = left.shift()!;
      if (effect.kind === "persist") left = [...effect.then, ...left];
      if (effect.kind !== "cast") continue;
      cast.push(effect.cast);
      left.push(...this.engine.step(atMs, { kind: "message", from: null, message: signed(effect.seat, effect.cast) }));
    }
    return cast;
  }

  finality({ header, id }: Block): Certificate {
    const count = quorumOf(this.world.state(header.epochId)!.info.seats.length);
    const signers = Array.from({ length: count }, (_, index) => index);
    const { chain, epochId, round } = header;
    return { chain, epochId, round, kind: "finalize", candidate: id, signers, signatures: signers.map(() => new Uint8Array(64)) };
  }

  hear(message: ConsensusMessage, atMs = 2000): readonly ConsensusEffect[] {
    // Each from another peer: the same answer goes to one only now and then.
    return this.engine.step(atMs, { kind: "message", from: `peer ${this.#heard++}`, message });
  }

  tick(atMs: number): readonly ConsensusEffect[] {
    return this.engine.step(atMs, { kind: "tick" });
  }

  give(...blocks: Block[]): readonly ConsensusEffect[] {
    const last = blocks.at(-1)!;
    return this.hear({ kind: "give", blocks, certificates: [this.finality(last)], recoveries: [], more: false });
  }

  /** Blocks that a greeting is answered with. */
  answersTo(known: readonly Block[]): readonly string[] {
    const ids = known.map((block) => block.id);
    const effects = this.hear({
      kind: "hello",
      epochId: this.world.chain,
      lastFinal: this.world.chain,
      height: 0,
      known: [...ids, this.world.chain],
    });
    return effects.flatMap((effect) =>
      effect.kind === "send" && effect.message.kind === "give" ? effect.message.blocks.map((block) => toHex(block.id)) : [],
    );
  }

  /** A payment waits for a block. */
  work(): readonly ConsensusEffect[] {
    const payment = createModelTransaction(this.world.chain, "account.transfer", 1, 1);
    this.chain.pool.set(toHex(payment.id), payment);
    return this.engine.step(2000, { kind: "transactions-changed" });
  }

  /** A recovery of an epoch on a base, signed by these seats. */
  recovery(epochId: Hash, base: Hash, names: readonly string[], sleepers = false): CompleteRecovery {
    const seats = names.map((name) => this.seatOf(name));
    const recovery = { chain: this.world.chain, epochId, base, seats, sleepers };
    return { recovery, signatures: seats.map(() => new Uint8Array(64)) };
  }

  recovered(complete: CompleteRecovery): readonly ConsensusEffect[] {
    return this.hear({ kind: "give", blocks: [], certificates: [], recoveries: [complete], more: false });
  }

  /** The epoch it stands in, as the recovery that began it. */
  follows(complete: CompleteRecovery): boolean {
    return toHex(this.engine.epochId) === toHex(recoveryBlockId(complete.recovery));
  }
}
