/** Greeting, answering who is behind, and rule 8: repeating while work stands still. */
import { TokenBucket } from "../../kit/token-bucket.ts";
import { toHex, type Hash, type HashHex } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Block } from "../../protocol/block.ts";
import type { Certificate, Vote } from "../../protocol/vote.ts";
import type { TreeNode } from "../block-tree.ts";
import type { ConsensusMessage } from "../engine.ts";
import type { Epoch } from "../epochs.ts";
import { isSpent } from "../recovery.ts";
import { endSync } from "./ahead.ts";
import { ANSWER_PAUSE_MS, GAP_MS, GIVE_PAUSE_MS, HELLO_PAUSE_MS, REPEAT_MS, VAIN_BELIEFS_MAX, type SimplexState } from "./state.ts";

/** Final blocks newest first, ever more thinly, after the one last given. */
function knownBlocks(s: SimplexState, given: Hash | null): Hash[] {
  const known: Hash[] = given === null ? [] : [given];
  for (let back = 1; back <= s.finals.length && known.length < LIMITS.knownBlocksMax - 1; back *= 2) {
    known.push(s.finals[s.finals.length - back]!.id);
  }
  const oldest = s.finals[0]!.id;
  if (known[known.length - 1] !== oldest) known.push(oldest);
  return known;
}

export function helloMessage(s: SimplexState, given: Hash | null = null): ConsensusMessage {
  return { kind: "hello", epochId: s.epoch.id, lastFinal: s.finalNode.id, height: s.finalNode.info.height, known: knownBlocks(s, given) };
}

/** Says where this peer stands, since the other seems to know more, such as this epoch; at a bounded rate. */
export function greet(s: SimplexState, peer: string, epoch: HashHex): void {
  if (!s.ahead.has(peer)) s.ahead.set(peer, { lastFinal: null, epoch });
  if (s.nowMs - (s.helloAtMs.get(peer) ?? -HELLO_PAUSE_MS) < HELLO_PAUSE_MS) return;
  s.helloAtMs.set(peer, s.nowMs);
  // From the beginning again: an answer on the way may have been lost, or this peer's own branch has changed.
  s.walked.delete(peer);
  believe(s);
  greetAgain(s, peer, null);
}

/**
 * Somebody says something that this peer cannot know: perhaps it is behind. Whoever likes can say so and costs itself nothing, so each time that brought
 * nothing the next such word is believed later; nobody is left unready for long by a stranger's word.
 */
function believe(s: SimplexState): void {
  if (s.nowMs < s.believesAtMs) return;
  s.behindSinceMs = s.nowMs;
  s.believesAtMs = s.nowMs + GAP_MS * 2 ** s.vainBeliefs;
  s.vainBeliefs = Math.min(s.vainBeliefs + 1, VAIN_BELIEFS_MAX);
}

/** Such a word was true, or this peer has slept and may well be behind. */
export function believeAgain(s: SimplexState): void {
  s.believesAtMs = 0;
  s.vainBeliefs = 0;
}

/** The same without a pause: to a new link, and to go on after an answer whose last block was `given`. */
export function greetAgain(s: SimplexState, peer: string, given: Hash | null): void {
  s.greeted.set(peer, true);
  s.send(peer, helloMessage(s, given));
}

/** The same answer goes to the same peer once in a pause: it is on its way, or not of use yet. */
function mayAnswer(s: SimplexState, peer: string, answer: string, pauseMs: number): boolean {
  const name = `${peer}/${answer}`;
  if (s.nowMs - (s.answeredAtMs.get(name) ?? -pauseMs) < pauseMs) return false;
  s.answeredAtMs.set(name, s.nowMs);
  return true;
}

/** Blocks in memory are dear to send, too, and a question for them is small: each peer has its share of this peer's time for them. */
export function mayServe(s: SimplexState, peer: string, blocks: readonly Block[]): boolean {
  let bucket = s.served.get(peer);
  if (bucket === undefined) {
    bucket = new TokenBucket({ capacity: LIMITS.serveBytesPerSecondMax, perSecond: LIMITS.serveBytesPerSecondMax, nowMs: s.nowMs });
    s.served.set(peer, bucket);
  }
  return bucket.take(sizeOf(...blocks), s.nowMs);
}

export function onHello(s: SimplexState, from: string, hello: Extract<ConsensusMessage, { kind: "hello" }>): void {
  if (!s.has("rule8")) return;
  const lastFinal = s.tree.get(toHex(hello.lastFinal));
  const epoch = toHex(hello.epochId);
  s.ahead.set(from, { lastFinal: toHex(hello.lastFinal), epoch });
  endSync(s);
  if (lastFinal === s.finalNode && epoch === s.epoch.key) return;
  if (s.ahead.has(from)) greet(s, from, epoch);
  giveAfter(s, from, [...hello.known, hello.lastFinal, hello.epochId]);
}

/** Gives what follows the first of these blocks that is final here, one epoch at a time. */
export function giveAfter(s: SimplexState, peer: string, known: readonly Hash[]): void {
  for (const id of known) {
    const node = s.tree.get(toHex(id));
    if (node?.isFinal) {
      return give(s, peer, node, known);
    }
  }
  s.out.push({ kind: "serve-chain", peer, known });
}

function give(s: SimplexState, peer: string, from: TreeNode, known: readonly Hash[]): void {
  let index = s.branch.findIndex((epoch) => epoch.key === from.key);
  if (index < 0) index = s.branch.findIndex((epoch) => epoch.key === from.epochKey);
  if (index < 0) {
    s.out.push({ kind: "serve-chain", peer, known });
    return;
  }
  const epoch = s.branch[index]!;
  const next = s.branch[index + 1];
  const start = next === undefined ? undefined : s.tree.get(next.key);
  const recovery = start?.recovery ?? null;
  const top = recovery !== null ? start!.parent! : next === undefined ? s.finalHead : closingOf(s, epoch, start);
  // It stands on the empty candidate that closed this epoch, or above: what it lacks is of the next one.
  if (recovery === null && start !== undefined && s.tree.isAncestor(top, from)) return give(s, peer, start, known);
  if (!mayAnswer(s, peer, `${from.key}/${top.key}`, GIVE_PAUSE_MS)) return;
  const chunk = chunkOf(s, from, top);
  // Storage answers by turns: who has had its share of this second waits there.
  if (chunk === undefined || !mayServe(s, peer, chunk.blocks)) {
    s.out.push({ kind: "serve-chain", peer, known });
    return;
  }
  const { isWhole } = chunk;
  if ((isWhole && next === undefined && epoch.final === null) || !s.has("rule2")) return;
  s.send(peer, {
    kind: "give",
    blocks: chunk.blocks,
    certificates: isWhole && epoch.final !== null && s.has("rule7") ? [epoch.final] : [],
    recoveries: isWhole && recovery !== null ? [recovery] : [],
    more: !isWhole || next !== undefined,
  });
}

/** The candidate whose certificate closed an epoch: the ending block, or an empty one above it. */
function closingOf(s: SimplexState, epoch: Epoch, start: TreeNode | undefined): TreeNode {
  const closing = epoch.final === null ? undefined : s.tree.get(toHex(epoch.final.candidate!));
  return closing ?? start ?? s.finalHead;
}

/** Bodies above `from` up to `top`, as many as one message takes; undefined where storage must answer. */
function chunkOf(s: SimplexState, from: TreeNode, top: TreeNode): { blocks: Block[]; isWhole: boolean } | undefined {
  const below = s.tree.isAncestor(from, top) ? from : s.tree.commonOf(from, top);
  const blocks: Block[] = [];
  let sizeBytes = 0;
  for (const node of s.tree.path(below, top)) {
    if (node.recovery !== null) continue;
    if (node.block === null) return undefined;
    sizeBytes += sizeOf(node.block);
    if (blocks.length > 0 && (sizeBytes > LIMITS.giveBytesMax || blocks.length >= LIMITS.waitingBlocksMax / 4))
      return { blocks, isWhole: false };
    blocks.push(node.block);
  }
  return { blocks, isWhole: true };
}

function sizeOf(...blocks: readonly Block[]): number {
  let sizeBytes = 0;
  for (const block of blocks) {
    sizeBytes += block.headerBytes.length;
    for (const transaction of block.transactions) sizeBytes += transaction.bytes.length;
  }
  return sizeBytes;
}

/** Whoever votes below this peer's finality is told of it, also at rest. */
export function answerBelow(s: SimplexState, from: string, said: Vote | Certificate): void {
  if (!s.has("rule7")) return;
  const key = toHex(said.epochId);
  const index = s.branch.findIndex((epoch) => epoch.key === key);
  const epoch = s.branch[index];
  if (epoch === undefined) return;
  const next = s.branch[index + 1];
  if (next !== undefined && next.begunBy !== null) return giveAfter(s, from, [said.epochId]);
  const knowsIt = said.round > epoch.finalRound || (said.round === epoch.finalRound && said.kind === "finalize");
  // A late vote of a closed epoch may come from one that lacks the certificate; the certificate itself does not.
  const isBehind = next === undefined ? !knowsIt : !knowsIt || !("signers" in said);
  if (isBehind && epoch.final !== null && mayAnswer(s, from, `final/${key}`, ANSWER_PAUSE_MS)) {
    s.send(from, { kind: "certificate", certificate: epoch.final });
  }
}

/** rule 8: the last finality certificate, all later certificates, and this peer's own later votes, alive and latest recover. */
export function repeat(s: SimplexState): void {
  if (!s.working || s.nowMs - s.lastRepeatMs < REPEAT_MS || s.nowMs - s.roundAtMs < 0.9 * REPEAT_MS) return;
  s.lastRepeatMs = s.nowMs;
  if (!s.has("rule8")) return;
  const { epoch, seat } = s;
  const index = seat === null ? undefined : epoch.indexOf(toHex(seat));
  const final = epoch.final ?? s.branch[s.branch.length - 2]?.final ?? null;
  if (final !== null && s.has("rule7")) s.broadcast({ kind: "certificate", certificate: final });
  for (let round = epoch.finalRound + 1; round <= s.currentRound(); round++) {
    const known = epoch.round(round);
    if (known === undefined) continue;
    for (const certificate of [known.notarized, known.skipped]) {
      if (certificate !== null && s.has("rule7")) s.broadcast({ kind: "certificate", certificate });
    }
    for (const vote of index === undefined ? [] : (known.bySeat.get(index) ?? [])) s.broadcast(voteMessage(s, vote));
  }
  repeatPromises(s);
  s.broadcast(helloMessage(s));
}

function repeatPromises(s: SimplexState): void {
  const { epoch } = s;
  for (const key of s.keys) {
    const seat = toHex(key);
    if (!s.ownAlives.has(`${epoch.key}/${seat}`) || isSpent(s, epoch, seat)) continue;
    const heard = s.alives.get(seat);
    if (heard !== undefined) s.broadcast({ kind: "alive", alive: heard.alive });
    const signed = s.ownRecoveries.get(`${epoch.key}/${seat}`)?.recoveries;
    const last = signed?.[signed.length - 1];
    for (const [, { recovery, signatures }] of s.gathered.entries()) {
      if (last === undefined || toHex(recovery.base) !== toHex(last.base) || recovery.seats.length !== last.seats.length) continue;
      const signature = signatures.get(seat as HashHex);
      if (signature !== undefined) s.broadcast({ kind: "recover", recover: signature });
    }
  }
}

/** A vote for an own candidate goes out with the candidate. */
export function voteMessage(s: SimplexState, vote: Extract<ConsensusMessage, { kind: "vote" }>["vote"]): ConsensusMessage {
  if (vote.kind !== "notarize") return { kind: "vote", vote };
  const key = toHex(vote.candidate!);
  const certificates = s.proposals.get(key);
  const block = s.tree.body(key);
  return certificates === undefined || block === undefined ? { kind: "vote", vote } : { kind: "candidate", block, vote, certificates };
}
