/** Votes and certificates: gathering those of others, casting one's own. PROTOCOL, "Engine 1, simplex", rules 4 to 7. */
import { assert } from "../../kit/assert.ts";
import { equalBytes } from "../../kit/bytes.ts";
import { encodeBlock } from "../../protocol/block.ts";
import { toHex, type Hash } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { recoveryBlockId, type Certificate, type Vote, type VoteKind } from "../../protocol/vote.ts";
import type { Epoch, Round } from "../epochs.ts";
import { encodeCertificate, encodeOwnVotes, recordKeys, type OwnVotes } from "../records.ts";
import { ask } from "./asks.ts";
import { choose } from "./branch.ts";
import { passOnLater } from "./pass-on.ts";
import type { SimplexState } from "./state.ts";

/** Takes a vote whose signature was checked. A quorum of them makes a certificate. */
export function addVote(s: SimplexState, vote: Vote): void {
  const epoch = s.epochs.get(toHex(vote.epochId));
  const seatKey = toHex(vote.seat);
  const seat = epoch?.indexOf(seatKey);
  if (epoch === undefined || seat === undefined) return;
  const round = epoch.openRound(vote.round);
  if (round === undefined) return;
  const said = round.bySeat.get(seat);
  if (said !== undefined) {
    if (said.length >= LIMITS.votesPerSeatMax) return;
    const other = said.find((earlier) => contradicts(earlier, vote));
    if (other !== undefined) s.out.push({ kind: "evidence", first: other, second: vote });
  }
  const votes = round.add(vote, seat);
  if (votes === undefined) return;
  if (epoch === s.epoch) {
    const last = s.lastVotes.get(seatKey);
    if (last === undefined || last.round < vote.round) s.lastVotes.set(seatKey, vote);
    if (vote.kind === "notarize" && vote.round > epoch.finalRound) ask(s, vote.candidate!, null);
  }
  if (votes.size >= epoch.quorum && needsCertificate(epoch, round, vote)) {
    const certificate = assemble(vote, votes);
    // rule 7: whoever gathers a certificate passes it on.
    if (addCertificate(s, certificate) && s.has("rule7")) passOnLater(s, certificate);
  }
}

/** Statements of one seat about one round that no honest seat makes together (PROTOCOL, safety). */
export function contradicts(a: Vote, b: Vote): boolean {
  if (a.kind === b.kind) return a.candidate !== null && !equalBytes(a.candidate, b.candidate!);
  const kinds = [a.kind, b.kind];
  if (kinds.includes("skip")) return kinds.includes("finalize");
  return !equalBytes(a.candidate!, b.candidate!);
}

function needsCertificate(epoch: Epoch, round: Round, vote: Vote): boolean {
  if (vote.kind === "notarize") return round.notarized === null;
  if (vote.kind === "skip") return round.skipped === null;
  return vote.round > epoch.finalRound && (epoch.wanted === null || vote.round > epoch.wanted.round);
}

function assemble(vote: Vote, votes: ReadonlyMap<number, Vote>): Certificate {
  const signers = [...votes.keys()].sort((a, b) => a - b);
  const { chain, epochId, round, kind, candidate } = vote;
  return { chain, epochId, round, kind, candidate, signers, signatures: signers.map((signer) => votes.get(signer)!.signature) };
}

/** Takes a certificate whose signatures were checked; gives whether it was news. */
export function addCertificate(s: SimplexState, certificate: Certificate): boolean {
  const epoch = s.epochs.get(toHex(certificate.epochId));
  if (epoch === undefined || !epoch.accepts(certificate)) return false;
  if (certificate.kind === "finalize") {
    if (certificate.round <= epoch.finalRound || (epoch.wanted !== null && certificate.round <= epoch.wanted.round)) return false;
    epoch.wanted = certificate;
    choose(s);
    return true;
  }
  const round = epoch.openRound(certificate.round);
  if (round === undefined) return false;
  if (certificate.kind === "skip") {
    if (round.skipped !== null) return false;
    round.skipped = certificate;
    if (epoch === s.epoch) s.absent.add(toHex(epoch.leaderOf(certificate.round)));
    return true;
  }
  if (round.notarized !== null) return false;
  round.notarized = certificate;
  if (epoch === s.epoch) {
    s.notarizedAtMs = s.nowMs;
    if (certificate.round > epoch.finalRound && "missing" in s.tree.ensure(certificate.candidate!)) ask(s, certificate.candidate!, null);
  }
  return true;
}

/** Whether the seat gave its word to cast no vote in the current epoch: by `alive`, or by a later recovery of the epoch before. */
export function hasPromised(s: SimplexState, epoch: Epoch, seatKey: string): boolean {
  if (!s.has("promise")) return false;
  if (s.ownAlives.has(`${epoch.key}/${seatKey}`)) return true;
  if (epoch.begunBy === null) return false;
  const signed = s.ownRecoveries.get(`${toHex(epoch.begunBy.recovery.epochId)}/${seatKey}`);
  if (signed === undefined) return false;
  const last = signed.recoveries.length - 1;
  return signed.recoveries.some((recovery, index) => index < last && toHex(recoveryBlockId(recovery)) === epoch.key);
}

export function ownVotes(s: SimplexState, epoch: Epoch, round: number, seatKey: string): OwnVotes | undefined {
  return s.own.get(`${epoch.key}/${round}/${seatKey}`);
}

/**
 * Casts a vote of this peer's seat, if the rules allow: it is recorded at once, written strictly, and only then signed and sent.
 * Gives whether it was cast.
 */
export function castVote(s: SimplexState, kind: VoteKind, round: number, candidate: Hash | null): boolean {
  const { epoch, seat } = s;
  if (seat === null || round <= epoch.floor) return false;
  const seatKey = toHex(seat);
  if (hasPromised(s, epoch, seatKey)) return false;
  const name = `${epoch.key}/${round}/${seatKey}`;
  const own = s.own.get(name) ?? { epochId: epoch.id, round, seat, notarize: null, skip: false, finalize: null };
  if (!mayCast(s, own, kind, candidate)) return false;
  if (kind === "notarize") {
    assert(candidate !== null, "notarize names a candidate");
    own.notarize = candidate;
    persistBodies(s, candidate);
  } else if (kind === "skip") own.skip = true;
  else {
    own.finalize = candidate;
    // With the notarize certificate it rests on: without it modelled runs lost final transactions after all crashed at once.
    const { notarized } = epoch.round(round)!;
    if (s.has("durableNotarized")) s.puts.push([recordKeys.notarized(epoch.key, round), encodeCertificate(notarized!)]);
  }
  s.own.set(name, own);
  s.puts.push([recordKeys.own(epoch.key, round, toHex(seat)), encodeOwnVotes(own)]);
  if (epoch.begunBy !== null && !s.voted.has(`${epoch.key}/${seatKey}`)) {
    s.voted.add(`${epoch.key}/${seatKey}`);
    s.puts.push([recordKeys.voted(epoch.key, seatKey), new Uint8Array()]);
  }
  s.gated.push({
    kind: "cast",
    seat,
    cast: { kind: "vote", statement: { chain: s.options.chain, epochId: epoch.id, round, kind, candidate } },
  });
  return true;
}

function mayCast(s: SimplexState, own: OwnVotes, kind: VoteKind, candidate: Hash | null): boolean {
  switch (kind) {
    case "notarize":
      return own.notarize === null || (!s.has("rule4") && !equalBytes(own.notarize, candidate!)); // rule 4: once per round
    case "skip":
      return !own.skip && (own.finalize === null || !s.has("rule5")); // rule 6: unless it voted finalize
    case "finalize":
      // rule 5: what it voted notarize for, and not after a skip
      if (own.finalize !== null) return false;
      return !s.has("rule5") || (own.notarize !== null && equalBytes(own.notarize, candidate!) && !own.skip);
  }
}

/** rule 2: a candidate voted for is kept, with all below it that is not final, in the write of the vote itself. */
function persistBodies(s: SimplexState, candidate: Hash): void {
  for (let node = s.tree.get(toHex(candidate)); node !== undefined && node !== s.finalHead; node = node.parent ?? undefined) {
    if (node.block === null || s.durableBodies.has(node.key)) break;
    s.durableBodies.add(node.key);
    s.puts.push([recordKeys.body(node.key), encodeBlock(node.block)]);
  }
}
