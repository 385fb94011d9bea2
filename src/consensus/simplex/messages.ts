/** What a message changes. Its signatures were checked by the caller. */
import { equalBytes } from "../../kit/bytes.ts";
import type { Block } from "../../protocol/block.ts";
import { toHex, type Hash, type HashHex, type VotingKey } from "../../protocol/identifiers.ts";
import { recoveryBlockId, type Absent, type Alive, type Certificate, type RecoverySignature, type Vote } from "../../protocol/vote.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { CompleteRecovery, ConsensusMessage } from "../engine.ts";
import { addRecovery, addRecoverySignature } from "../recovery.ts";
import { ask } from "./asks.ts";
import { choose } from "./branch.ts";
import type { SimplexState } from "./state.ts";
import { heardSaid } from "./pass-on.ts";
import { endSync } from "./ahead.ts";
import { answerBelow, believeAgain, giveAfter, greet, greetAgain, mayServe, onHello, voteMessage } from "./sync.ts";
import { addCertificate, addVote } from "./votes.ts";

/** A message of a peer. */
export function onMessage(s: SimplexState, from: string, message: ConsensusMessage): void {
  switch (message.kind) {
    case "candidate":
      for (const certificate of [message.block.header.certificate, ...message.certificates]) if (certificate !== null) take(s, certificate);
      s.tree.offer(message.block);
      return onVote(s, from, message.vote);
    case "vote":
      return onVote(s, from, message.vote);
    case "certificate":
      return onCertificate(s, from, message.certificate);
    case "alive":
      return onAlive(s, from, message.alive);
    case "recover":
      return onRecover(s, from, message.recover);
    case "absent":
      return onAbsent(s, message.absent);
    case "hello":
      return onHello(s, from, message);
    case "ask":
      return onAsk(s, from, message.id);
    case "give":
      return onGive(s, from, message);
  }
}

/** A message of this peer itself, signed now: it counts, and goes out. The vote for an own candidate takes the candidate along. */
export function onOwn(s: SimplexState, message: ConsensusMessage): void {
  if (message.kind === "vote") {
    s.broadcast(voteMessage(s, message.vote));
    addVote(s, message.vote);
    return;
  }
  s.broadcast(message);
  if (message.kind === "alive") keepAlive(s, message.alive);
  else if (message.kind === "recover") addRecoverySignature(s, message.recover);
}

/**
 * Whoever signs something is not away; what was signed for another epoch may be repeated by anybody, at any time. So may what a seat signed in this
 * one before it vanished: that it lives, so that its sleepers are not needed, is shown by news alone.
 */
function heard(s: SimplexState, seat: VotingKey, epochId: Hash, isNews: () => boolean): void {
  const key = toHex(seat);
  if (!equalBytes(epochId, s.epoch.id) || s.epoch.indexOf(key) === undefined) return;
  s.absent.delete(key);
  if (!isNews()) return;
  s.currentSeatHeardMs = s.nowMs;
  s.hasHeardCurrentSeat = true;
}

function onVote(s: SimplexState, from: string, vote: Vote): void {
  heard(s, vote.seat, vote.epochId, () => vote.round > Math.max(s.epoch.finalRound, s.lastVotes.get(toHex(vote.seat))?.round ?? 0));
  const key = toHex(vote.epochId);
  if (!s.isOnBranch(key)) {
    s.held.set(`${key}/${vote.round}/${vote.kind}/${toHex(vote.seat)}`, vote);
    return greet(s, from, key);
  }
  addVote(s, vote);
  answerBelow(s, from, vote);
}

function take(s: SimplexState, certificate: Certificate): void {
  heardSaid(s, certificate);
  addCertificate(s, certificate);
}

function onCertificate(s: SimplexState, from: string, certificate: Certificate): void {
  take(s, certificate);
  const epoch = toHex(certificate.epochId);
  if (!s.isOnBranch(epoch)) greet(s, from, epoch);
  else answerBelow(s, from, certificate);
}

/** Of a promise's proof; none proves less than one without a round. */
function roundOf(alive: Alive | undefined): number {
  return alive === undefined ? -1 : (alive.highest?.round ?? 0);
}

function isNewSignature(s: SimplexState, { recovery, seat }: RecoverySignature): boolean {
  const key = toHex(recoveryBlockId(recovery));
  return !s.epoch.recoveries.has(key) && s.gathered.get(key)?.signatures.has(toHex(seat)) !== true;
}

function onAlive(s: SimplexState, from: string, alive: Alive): void {
  heard(s, alive.seat, alive.epochId, () => roundOf(alive) > roundOf(s.alives.get(toHex(alive.seat))?.alive));
  if (alive.highest !== null) onCertificate(s, from, alive.highest);
  const key = toHex(alive.epochId);
  if (key !== s.epoch.key) {
    if (s.isOnBranch(key)) giveAfter(s, from, [alive.lastFinal, alive.epochId]);
    else greet(s, from, key);
    return;
  }
  keepAlive(s, alive);
  if (alive.highest !== null) ask(s, alive.highest.candidate!, null);
}

/** Of seats only: anybody can sign for a key of their own, and keys are many. Who has voted in a later round has come back. */
function onAbsent(s: SimplexState, absent: Absent): void {
  const seat = toHex(absent.seat);
  if (!equalBytes(absent.epochId, s.epoch.id) || s.epoch.indexOf(seat) === undefined) return;
  if ((s.lastVotes.get(seat)?.round ?? 0) <= absent.round) s.absent.add(seat);
}

function keepAlive(s: SimplexState, alive: Alive): void {
  const key = toHex(alive.seat);
  if (!equalBytes(alive.epochId, s.epoch.id)) return;
  const isSleeper = s.finalNode.info.sleeping.some((seat) => equalBytes(seat, alive.seat));
  if (s.epoch.indexOf(key) === undefined && !isSleeper) return;
  const known = s.alives.get(key)?.alive;
  const isOlder = known !== undefined && roundOf(known) > roundOf(alive);
  s.alives.set(key, { alive: isOlder ? known : alive, atMs: s.nowMs });
}

function onRecover(s: SimplexState, from: string, signature: RecoverySignature): void {
  heard(s, signature.seat, signature.recovery.epochId, () => isNewSignature(s, signature));
  const epoch = toHex(signature.recovery.epochId);
  if (!s.epochs.has(epoch)) return greet(s, from, epoch);
  addRecoverySignature(s, signature);
}

function onAsk(s: SimplexState, from: string, id: Hash): void {
  if (!s.has("rule2")) return;
  const body = s.tree.body(toHex(id));
  if (body === undefined) s.out.push({ kind: "serve-block", peer: from, id });
  else if (mayServe(s, from, [body])) s.send(from, { kind: "give", blocks: [body], certificates: [], recoveries: [], more: false });
}

function onGive(s: SimplexState, from: string, give: Extract<ConsensusMessage, { kind: "give" }>): void {
  const finalBefore = s.finalHead;
  const blocks = vouchedFor(s, from, give);
  let isNews = false;
  for (const block of blocks) {
    isNews = !s.tree.has(toHex(block.id)) || isNews;
    s.tree.offer(block);
    s.asks.delete(toHex(block.id));
  }
  // Headers carry the finality of their ancestors, so that a long chain is executed as it comes.
  const carried = blocks.findLast((block) => block.header.certificate !== null)?.header.certificate;
  if (carried) addCertificate(s, carried);
  for (const recovery of give.recoveries) isNews = addRecovery(s, recovery) || isNews;
  for (const certificate of give.certificates) isNews = addCertificate(s, certificate) || isNews;
  choose(s);
  const goesOn = isNews || s.finalHead !== finalBefore || walksOn(s, from);
  if (isNews) s.walked.delete(from);
  if (s.finalHead !== finalBefore) believeAgain(s);
  if (give.more && goesOn) {
    greetAgain(s, from, lastOf(blocks, give.recoveries));
    // A long way is not over because it takes long.
    if (s.behindSinceMs !== null && s.finalHead !== finalBefore) s.behindSinceMs = s.nowMs;
  } else if (s.ahead.get(from)?.lastFinal === null) s.ahead.delete(from);
  endSync(s);
}

/**
 * Of the blocks that were given those that somebody stands for: they were asked for, or a certificate or recovery names them, or one above them. A
 * part of a long chain may end in some that only the next part proves; they are kept if this peer has asked for the part by a greeting. All else
 * would be a stranger's word, and execution is dear.
 */
function vouchedFor(s: SimplexState, from: string, give: Extract<ConsensusMessage, { kind: "give" }>): readonly Block[] {
  const wasGreeted = s.greeted.delete(from);
  if (give.more && wasGreeted) return give.blocks;
  const named = new Set<HashHex>(give.recoveries.map(({ recovery }) => toHex(recovery.base)));
  for (const certificate of [...give.certificates, ...give.blocks.map(({ header }) => header.certificate)]) {
    if (certificate !== null && certificate.candidate !== null) named.add(toHex(certificate.candidate));
  }
  const blocks: Block[] = [];
  for (const block of give.blocks.toReversed()) {
    const key = toHex(block.id);
    if (!named.has(key) && !s.asks.has(key) && !s.tree.has(key)) continue;
    named.add(toHex(block.header.parent));
    blocks.push(block);
  }
  return blocks.reverse();
}

/** A recovery comes after the blocks of the epoch that it ends, and stands for the block that begins the next. */
function lastOf(blocks: readonly Block[], recoveries: readonly CompleteRecovery[]): Hash | null {
  const recovery = recoveries.at(-1)?.recovery;
  return recovery === undefined ? (blocks.at(-1)?.id ?? null) : recoveryBlockId(recovery);
}

/** What is known already may lie below a fork that is many epochs up: then it is walked to, but nobody can keep us walking. */
function walksOn(s: SimplexState, from: string): boolean {
  const steps = (s.walked.get(from) ?? 0) + 1;
  if (steps > LIMITS.walkedAnswersMax) return false;
  s.walked.set(from, steps);
  return true;
}

/** Votes of other branches' epochs may count now. */
export function releaseHeld(s: SimplexState): void {
  if (s.held.size === 0) return;
  const released: [string, Vote][] = [];
  for (const [name, vote] of s.held.entries()) if (s.isOnBranch(toHex(vote.epochId) as HashHex)) released.push([name, vote]);
  for (const [name, vote] of released) {
    s.held.delete(name);
    addVote(s, vote);
  }
}
