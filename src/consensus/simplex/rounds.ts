/** Rounds: whether work waits, candidates, proposing, patience. PROTOCOL, "Rest" and rules 1 to 6. */
import { equalBytes } from "../../kit/bytes.ts";
import type { Block } from "../../protocol/block.ts";
import { toHex, type HashHex, type VotingKey } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Alive, Certificate, Vote } from "../../protocol/vote.ts";
import type { TreeNode } from "../block-tree.ts";
import { ask } from "./asks.ts";
import type { SimplexState } from "./state.ts";
import { castVote, hasPromised, ownVotes } from "./votes.ts";

/** A seat's vote is carried again in headers after this long, far below the 30 s after which silence counts. */
const CARRY_AGAIN_MS = 5000;
/** Late votes are of rounds no longer ago than everybody's turn this many times. */
const LATE_TURNS = 2;
/** In units of T: a leader may have taken the epoch into its branch a little earlier than who votes. */
const VOTER_PATIENCE = 0.8;
/** Votes that become possible by a vote just cast: a round's notarize and its finalize, and the next round's. */
const PASSES_MAX = 20;

/** The highest notarized (or final) candidate that this peer has executed. */
export interface Highest {
  readonly node: TreeNode;
  readonly round: number;
  readonly certificate: Certificate | null;
}

export function highestOf(s: SimplexState): Highest {
  const { epoch } = s;
  for (let round = s.currentRound() - 1; round > epoch.finalRound; round--) {
    const notarized = epoch.round(round)?.notarized;
    if (notarized === undefined || notarized === null) continue;
    const found = s.tree.ensure(notarized.candidate!);
    if ("key" in found && found.epochKey === epoch.key) return { node: found, round, certificate: notarized };
    if ("missing" in found) ask(s, found.missing, null);
  }
  return { node: s.finalHead, round: epoch.finalRound, certificate: epoch.final };
}

/** Why work waits; nothing does when all are false (PROTOCOL, "Rest"). */
export interface Work {
  readonly highest: Highest;
  /** Whether the highest candidate lies at or above its epoch's end. */
  readonly ended: boolean;
  readonly unfinal: boolean;
  readonly transactions: boolean;
  readonly heartbeat: boolean;
  readonly alives: readonly Alive[];
  readonly any: boolean;
}

function workOf(s: SimplexState): Work {
  const { epoch, options } = s;
  const highest = highestOf(s);
  const { node } = highest;
  const ended = node.key !== epoch.key && node.endedBy !== null;
  const quietMs = s.nowMs - Math.max(s.notarizedAtMs, s.finalAtMs);
  const unfinal = (node.heighted !== s.finalNode || ended) && quietMs >= options.baseTimeoutMs;
  const alives = ended || !mayCarryAlives(s, Math.max(node.info.timeMs + 1, s.wallMs), 1) ? [] : standingAlives(s);
  const transactions = !ended && s.chain.hasWork(node.id, s.wallMs);
  const heartbeat = !ended && s.wallMs >= node.heighted.info.timeMs + options.heartbeatMs;
  const round = s.currentRound();
  const any =
    unfinal ||
    transactions ||
    heartbeat ||
    alives.length > 0 ||
    s.recoveryInSight ||
    (epoch.round(round)?.votesFor("skip", null)?.size ?? 0) > epoch.faults ||
    candidatesOf(s, round).some((block) => isValidCandidate(s, block));
  return { highest, ended, unfinal, transactions, heartbeat, alives, any };
}

/**
 * Whether a block of this time may carry promises. Honest seats promise after T at the earliest; one that lies must not end every epoch at its first
 * block. Header times are what all see alike; the own clock counts as well, for the ledger's time may stand where it is ahead of all clocks.
 */
function mayCarryAlives(s: SimplexState, timeMs: number, patience: number): boolean {
  const t = s.options.recoveryMs;
  // Where the epoch's beginning is no longer in memory, it was before the lowest block that is.
  const begun = s.tree.get(s.epoch.key) ?? s.finals[0]!;
  return timeMs >= begun.info.timeMs + t || s.nowMs - s.epochTakenMs >= patience * t;
}

/** Promises of current seats in this epoch, which a block must carry so that their signers may vote again. */
function standingAlives(s: SimplexState): Alive[] {
  const { epoch } = s;
  const alives: Alive[] = [];
  for (const seat of epoch.seats) {
    const heard = s.alives.get(toHex(seat));
    if (heard !== undefined && equalBytes(heard.alive.epochId, epoch.id)) alives.push(heard.alive);
  }
  return alives;
}

/** Bodies at hand for which the round's leader has voted. */
function candidatesOf(s: SimplexState, round: number): Block[] {
  const { epoch } = s;
  const known = epoch.round(round);
  if (known === undefined) return [];
  const blocks: Block[] = [];
  for (const [index, votes] of known.bySeat) {
    if (!isProposer(s, round, epoch.seats[index]!)) continue;
    for (const vote of votes) {
      const body = vote.kind === "notarize" ? s.tree.body(toHex(vote.candidate!)) : undefined;
      if (body !== undefined && blocks.length < LIMITS.candidatesPerRoundMax) blocks.push(body);
    }
  }
  return blocks;
}

/** rule 3: whose turn it is. */
function isProposer(s: SimplexState, round: number, seat: VotingKey): boolean {
  return equalBytes(s.epoch.leaderOf(s.has("rule3") ? round : 0), seat);
}

/** rule 4: the leader's, on a notarized parent with skips between shown, not ahead of time, and valid by executing it. */
function isValidCandidate(s: SimplexState, block: Block): boolean {
  const { epoch, tree } = s;
  const { header } = block;
  if (!equalBytes(header.epochId, epoch.id) || !isProposer(s, header.round, header.proposer)) return false;
  const parent = tree.ensure(header.parent);
  if (!("key" in parent)) {
    if ("missing" in parent) ask(s, parent.missing, null);
    return false;
  }
  if (isAheadOfTime(s, header.timeMs, parent)) return false;
  if (s.has("rule4") && !isJustified(s, parent, header.round)) return false;
  const node = tree.ensure(block.id);
  return "key" in node && node.epochKey === epoch.key && carriesWhatItMay(s, block, node);
}

/** Where the ledger is ahead of this clock already, since a proposer's was, the least that a block can state must do: or nothing is final until it is caught up. */
function isAheadOfTime(s: SimplexState, timeMs: number, parent: TreeNode): boolean {
  return timeMs > Math.max(s.wallMs + LIMITS.clockAheadMsMax, parent.info.timeMs + 1);
}

function isJustified(s: SimplexState, parent: TreeNode, round: number): boolean {
  const { epoch } = s;
  const parentRound = parent.key === epoch.key ? 0 : parent.info.round;
  if (parentRound >= round || parentRound < epoch.finalRound) return false;
  if (parentRound > 0) {
    const notarized = epoch.round(parentRound)?.notarized;
    const isNotarized = notarized !== undefined && notarized !== null && toHex(notarized.candidate!) === parent.key;
    const isFinal = epoch.final !== null && toHex(epoch.final.candidate!) === parent.key;
    if (parent.epochKey !== epoch.key || !(isNotarized || isFinal)) return false;
  }
  for (let between = parentRound + 1; between < round; between++) if (!epoch.round(between)?.skipped) return false;
  return true;
}

/** The statements in a header: their signatures were checked; they must be of this epoch and its seats, and prove an ancestor. */
function carriesWhatItMay(s: SimplexState, block: Block, node: TreeNode): boolean {
  const { epoch } = s;
  const { certificate, lateVotes, alives } = block.header;
  if (certificate !== null) {
    if (certificate.kind !== "finalize" || !equalBytes(certificate.epochId, epoch.id) || !epoch.accepts(certificate)) return false;
    const ancestor = s.tree.get(toHex(certificate.candidate!));
    if (ancestor === undefined || ancestor === node || !s.tree.isAncestor(ancestor, node)) return false;
  }
  if (alives.length > 0 && !mayCarryAlives(s, block.header.timeMs, VOTER_PATIENCE)) return false;
  let last = -1;
  for (const { epochId, seat } of alives) {
    const index = epoch.indexOf(toHex(seat));
    if (index === undefined || index <= last || !equalBytes(epochId, epoch.id)) return false;
    last = index;
  }
  const voters = new Set<HashHex>();
  for (const vote of lateVotes) {
    const seat = toHex(vote.seat);
    if (voters.has(seat) || epoch.indexOf(seat) === undefined || !equalBytes(vote.epochId, epoch.id)) return false;
    if (vote.round >= block.header.round || vote.round < oldestLateRound(s, block.header.round)) return false;
    voters.add(seat);
  }
  return true;
}

/** rules 3 to 6, as far as what is known allows. */
export function progress(s: SimplexState): void {
  voteForCandidates(s);
  const round = s.currentRound();
  const work = workOf(s);
  if (work.any && !s.working) {
    s.roundAtMs = Math.max(s.roundAtMs, s.nowMs);
    s.clockMs = 0;
    s.sinceSignedMs = 0;
  }
  s.working = work.any;
  if (!work.any) return;
  propose(s, round, work);
  skip(s, round);
}

function voteForCandidates(s: SimplexState): void {
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const { epoch } = s;
    const gatedBefore = s.gated.length;
    for (let round = epoch.finalRound + 1; round <= s.currentRound(); round++) {
      for (const block of candidatesOf(s, round)) if (isValidCandidate(s, block)) castVote(s, "notarize", round, block.id);
    }
    // rule 5
    for (let round = epoch.finalRound + 1; round < s.currentRound(); round++) {
      const notarized = epoch.round(round)?.notarized;
      if (notarized !== undefined && notarized !== null) castVote(s, "finalize", round, notarized.candidate);
    }
    if (s.gated.length === gatedBefore) return;
  }
}

/** rule 6: no patience for a leader known to be away, in the first two rounds after a final block; else it grows. */
function skip(s: SimplexState, round: number): void {
  const { epoch } = s;
  const leader = epoch.leaderOf(round);
  const age = round - epoch.finalRound;
  const isMine = s.seat !== null && equalBytes(leader, s.seat);
  const isAway = age <= 2 && !isMine && s.absent.has(toHex(leader));
  const dueAtMs = s.roundAtMs + (isAway ? 0 : s.timeoutMs(age));
  if (s.nowMs >= dueAtMs) {
    if (s.has("rule6")) castVote(s, "skip", round, null);
  } else s.out.push({ kind: "wake", atMs: dueAtMs });
}

/** rule 3: the leader extends the highest notarized block, showing its certificate and the skips between. */
function propose(s: SimplexState, round: number, work: Work): void {
  const { epoch, seat, options } = s;
  if (seat === null || !isProposer(s, round, seat)) return;
  if (ownVotes(s, epoch, round, toHex(seat))?.notarize || hasPromised(s, epoch, toHex(seat))) return;
  const from = work.highest;
  const certificates = justification(s, from, round);
  if (certificates === undefined) return;
  const bare = !work.transactions && !work.heartbeat && work.alives.length === 0;
  if (bare && !work.unfinal) return;
  const intervalMs = options.blockIntervalMs();
  const pauseMs = from.node.info.timeMs + intervalMs - s.wallMs;
  // A clock far behind the parent's must not hold a round up.
  if (pauseMs > 0 && pauseMs <= intervalMs) {
    s.out.push({ kind: "wake", atMs: s.nowMs + pauseMs });
    return;
  }
  const block = buildCandidate(s, from.node, round, work, bare);
  if (block === null) return;
  const node = s.tree.addOwn(block);
  if (castVote(s, "notarize", round, block.id)) s.proposals.set(node.key, certificates);
}

function justification(s: SimplexState, from: Highest, round: number): Certificate[] | undefined {
  const certificates = from.certificate === null ? [] : [from.certificate];
  for (let between = from.round + 1; between < round; between++) {
    const skipped = s.epoch.round(between)?.skipped;
    if (!skipped) return undefined;
    certificates.push(skipped);
  }
  return certificates;
}

function buildCandidate(s: SimplexState, parent: TreeNode, round: number, work: Work, bare: boolean): Block | null {
  const { epoch } = s;
  const request = {
    parent: parent.id,
    epochId: epoch.id,
    round,
    timeMs: Math.max(parent.info.timeMs + 1, s.wallMs),
    proposer: s.seat!,
    certificate: certificateToCarry(s, parent),
  };
  const empty = { empty: true, mayBeBare: false, lateVotes: [], alives: [] };
  const full = { empty: false, mayBeBare: work.heartbeat || work.alives.length > 0, lateVotes: lateVotes(s, round), alives: work.alives };
  const block = bare ? null : s.chain.propose({ ...request, ...full });
  if (block !== null || !work.unfinal) return block;
  return s.chain.propose({ ...request, ...empty });
}

/** The finality certificate of an ancestor: it proves the chain to those who come later, and who took part. */
function certificateToCarry(s: SimplexState, parent: TreeNode): Certificate | null {
  const { final } = s.epoch;
  if (final === null) return null;
  const node = s.tree.get(toHex(final.candidate!));
  return node !== undefined && s.tree.isAncestor(node, parent) ? final : null;
}

/** Who is only slow voted lately. An older vote proves nothing, and carried ever again it would keep a seat that is gone from lapsing. */
function oldestLateRound(s: SimplexState, round: number): number {
  return round - LATE_TURNS * s.epoch.seats.length;
}

/** Votes of seats that the last certificate does not show, so that an honest slow peer is not taken for one that left. */
function lateVotes(s: SimplexState, round: number): Vote[] {
  const shown = new Set(s.epoch.final?.signers ?? []);
  const votes: Vote[] = [];
  s.epoch.seats.forEach((seat, index) => {
    const key = toHex(seat);
    const vote = s.lastVotes.get(key);
    if (shown.has(index) || vote === undefined || vote.round >= round || vote.round < oldestLateRound(s, round)) return;
    if (s.nowMs - (s.carriedAtMs.get(key) ?? -CARRY_AGAIN_MS) < CARRY_AGAIN_MS) return;
    votes.push(vote);
    s.carriedAtMs.set(key, s.nowMs);
  });
  return votes;
}
