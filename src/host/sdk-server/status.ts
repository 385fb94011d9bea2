/** How this peer is, and how its consensus and finality have been: what the first screen shows. */
import { bytesToHex, equalBytes } from "../../kit/bytes.ts";
import { accountKey, readAccount, settled } from "../../ledger/accounts.ts";
import { headOf, parametersOf, seatsOf, type StateView } from "../../ledger/index.ts";
import type { CommittedBlock } from "../../peer/effects.ts";
import type { PeerView } from "../../peer/view.ts";
import { accountToDid, toHex, type VotingKey } from "../../protocol/identifiers.ts";
import type { RefusalShape } from "../../protocol/refusal.ts";
import type { VoteKind } from "../../protocol/vote.ts";
import type { AccountText, ConsensusInfo, FinalitySample, JoiningProgress, NetworkInfo, Room, Status } from "../../sdk/api.ts";
import { accountText } from "./texts.ts";

/** Four minutes of blocks at one a second: what a chart shows. */
const SAMPLES_MAX = 240;
const ROUNDS_MAX = 32;

/** Keeps the newest `SAMPLES_MAX`. */
function keep<Item>(items: Item[], item: Item, max: number): void {
  items.push(item);
  if (items.length > max) items.shift();
}

function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}

/** Measures finality: of own transactions from submission, of blocks from their header's time. */
export class Finality {
  readonly #own: number[] = [];
  readonly #blocks: FinalitySample[] = [];

  onOwnFinal(durationMs: number): void {
    keep(this.#own, durationMs, SAMPLES_MAX);
  }

  onCommitted({ height, timeMs, block }: CommittedBlock, state: StateView | null, nowMs: number): void {
    const proposer = block === null || state === null ? null : seatOwner(state, block.header.proposer);
    const finalityMs = Math.max(0, nowMs - timeMs);
    keep(this.#blocks, { height, atMs: nowMs, finalityMs, transactions: block?.transactions.length ?? 0, proposer }, SAMPLES_MAX);
  }

  get blocks(): readonly FinalitySample[] {
    return [...this.#blocks];
  }

  get own(): Status["finality"] {
    const sorted = this.#own.toSorted((a, b) => a - b);
    return { p50Ms: percentile(sorted, 0.5), p95Ms: percentile(sorted, 0.95), samples: sorted.length };
  }
}

/** Whose seat a voting key is; the key itself where the seat is no more. */
export function seatOwner(state: StateView, votingKey: VotingKey): AccountText {
  const { current, sleeping, waiting } = seatsOf(state);
  const seat = [...current, ...sleeping, ...waiting].find((one) => equalBytes(one.votingKey, votingKey));
  return seat === undefined ? accountToDid(votingKey) : accountText(state, seat.account);
}

type RoundInfo = ConsensusInfo["rounds"][number];

/**
 * Remembers how the last rounds ended: the engine itself only knows the one that is open. It is looked at now and then, so a round that passed between two
 * looks is listed only if it made a block final.
 */
export class Rounds {
  readonly #rounds: (RoundInfo & { readonly epoch: string })[] = [];
  #recoverySinceMs: number | null = null;

  /** A final block says of its round what nothing else does. A recovery begins an epoch and is of no round. */
  onCommitted({ block, height }: CommittedBlock, state: StateView, nowMs: number): void {
    if (block === null) return;
    const epoch = toHex(block.header.epochId);
    const { round } = block.header;
    const known = this.#rounds.findLastIndex((one) => one.epoch === epoch && one.round === round);
    const leader = seatOwner(state, block.header.proposer);
    const ended = { epoch, round, leader, outcome: "final", height, atMs: this.#rounds[known]?.atMs ?? nowMs } as const;
    if (known >= 0) this.#rounds[known] = ended;
    else {
      const open = this.#rounds.at(-1);
      // The open one may have begun after it.
      const isLater = open?.outcome === "open" && (open.epoch !== epoch || open.round > round);
      this.#rounds.splice(isLater ? -1 : this.#rounds.length, 0, ended);
      if (this.#rounds.length > ROUNDS_MAX) this.#rounds.shift();
    }
  }

  /** To be called after blocks became final and before each look. */
  onStep({ consensus, state }: PeerView, nowMs: number): void {
    const { round, notarizedRound } = consensus;
    const epoch = toHex(consensus.epochId);
    this.#recoverySinceMs = consensus.recovery === null ? null : (this.#recoverySinceMs ?? nowMs);
    const isCurrent = (one: { readonly epoch: string; readonly round: number }): boolean => one.epoch === epoch && one.round === round;
    for (const [index, one] of this.#rounds.entries()) {
      if (one.outcome !== "open" || isCurrent(one)) continue;
      const isNotarized = one.epoch === epoch && one.round === notarizedRound;
      this.#rounds[index] = {
        ...one,
        outcome: isNotarized ? "notarized" : "skipped",
        height: isNotarized ? consensus.notarizedHeight : null,
      };
    }
    if (this.#rounds.some(isCurrent)) return;
    keep(
      this.#rounds,
      { epoch, round, leader: seatOwner(state, consensus.leader), outcome: "open", height: null, atMs: nowMs },
      ROUNDS_MAX,
    );
  }

  info(view: PeerView): ConsensusInfo {
    const { consensus, state, waitingFor } = view;
    const { epochId, round, leader, quorum, working, votes, seat, recovery } = consensus;
    const kindsOf = (votingKey: VotingKey): readonly VoteKind[] => votes.find((vote) => equalBytes(vote.seat, votingKey))?.kinds ?? [];
    const rows = consensus.seats.map((votingKey) => {
      const kinds = kindsOf(votingKey);
      return {
        votingKey: bytesToHex(votingKey),
        account: seatOwner(state, votingKey),
        mine: seat !== null && equalBytes(seat, votingKey),
        notarize: kinds.includes("notarize"),
        skip: kinds.includes("skip"),
        finalize: kinds.includes("finalize"),
      };
    });
    const count = (kind: VoteKind): number => rows.filter((row) => row[kind]).length;
    return {
      epoch: toHex(epochId),
      round,
      leader: seatOwner(state, leader),
      quorum,
      working,
      votes: rows,
      tallies: { notarize: count("notarize"), skip: count("skip"), finalize: count("finalize") },
      rounds: this.#rounds
        .toReversed()
        .map(({ round: number, leader: of, outcome, height, atMs }) => ({ round: number, leader: of, outcome, height, atMs })),
      recovery:
        recovery === null || this.#recoverySinceMs === null
          ? null
          : {
              // A consortium has none: it waits.
              step: view.genesis.kind === "consortium" ? null : recoveryStep(recovery.clockMs, parametersOf(state).recoveryMs),
              sinceMs: this.#recoverySinceMs,
              missing: waitingFor.map((votingKey) => seatOwner(state, votingKey)),
            },
    };
  }
}

/** Steps of a recovery by the clock (PROTOCOL): over half of the seats after T, over a third after 2T, any after 4T. */
function recoveryStep(clockMs: number, recoveryMs: number): number {
  if (clockMs >= 4 * recoveryMs) return 3;
  if (clockMs >= 2 * recoveryMs) return 2;
  return clockMs >= recoveryMs ? 1 : 0;
}

export interface StatusDeps {
  readonly view: PeerView | null;
  readonly finality: Finality;
  readonly joining: readonly JoiningProgress[];
  readonly slot: number;
  readonly keysDurable: boolean;
  /** Something is wrong with this peer itself, so that there may be no view at all. */
  readonly fault: RefusalShape | null;
  readonly room: Room | null;
}

/** Before the peer runs: nothing is known but how far joining has come. */
function statusWhileStarting({ joining, slot, keysDurable, fault, finality, room }: StatusDeps): Status {
  return {
    ready: false,
    peer: "",
    account: "",
    keysDurable,
    chain: "",
    height: 0,
    final: { height: 0, digest: "", stateRoot: "", timeMs: 0 },
    peers: [],
    seats: { total: 0, mine: false },
    strength: "full",
    name: "",
    kind: "public",
    token: "",
    balance: 0,
    slot,
    joining,
    relay: false,
    pending: 0,
    waitingFor: [],
    finality: finality.own,
    fault,
    split: null,
    room,
  };
}

export function statusOf(deps: StatusDeps): Status {
  const { view } = deps;
  if (view === null) return statusWhileStarting(deps);
  const { state, consensus, network, final, genesis, split } = view;
  const own = settled(readAccount(state, accountKey(view.account)), headOf(state).timeMs);
  return {
    ready: view.caughtUp && view.halted === null && deps.fault === null,
    peer: network?.self ?? "",
    account: accountText(state, view.account),
    keysDurable: deps.keysDurable,
    chain: toHex(view.chain),
    height: Math.max(final.height, consensus.notarizedHeight),
    final: { height: final.height, digest: toHex(final.id), stateRoot: toHex(final.stateRoot), timeMs: final.timeMs },
    peers: (network?.links ?? []).map(({ peer, direct }) => ({ id: peer, direct })),
    seats: { total: consensus.seats.length, mine: consensus.seat !== null },
    strength: consensus.strength,
    name: genesis.name,
    kind: genesis.kind,
    token: genesis.token ?? "",
    balance: own.balance,
    slot: deps.slot,
    joining: deps.joining,
    relay: network?.relays.some((relay) => relay.state === "linked") ?? false,
    pending: view.ownPending.length,
    waitingFor: view.waitingFor.map((votingKey) => seatOwner(state, votingKey)),
    finality: deps.finality.own,
    fault: view.halted ?? deps.fault,
    split: split === null ? null : { mine: toHex(final.id), other: toHex(split.recovery), sinceHeight: split.sinceHeight },
    room: deps.room,
  };
}

/** The links as the network last told them; empty before it did. */
export function networkInfo(view: PeerView | null): NetworkInfo {
  return view?.network ?? { self: "", relays: [], links: [], known: 0, directSpent: false, bytesIn: 0, bytesOut: 0 };
}
