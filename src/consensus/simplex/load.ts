/** Restart: the branch, promises and votes as they were written, and the candidates that were voted for. */
import { assert } from "../../kit/assert.ts";
import { decode } from "../../protocol/codec.ts";
import { toHex, type Hash, type HashHex } from "../../protocol/identifiers.ts";
import { recoveryBlockId, type VoteKind } from "../../protocol/vote.ts";
import type { CompleteRecovery, ConsensusInput, DurableRecord } from "../engine.ts";
import { Epoch } from "../epochs.ts";
import {
  bodiesOf,
  decodeBranch,
  decodeCertificate,
  decodeEpoch,
  decodeOwnAlive,
  decodeOwnRecoveries,
  decodeOwnVotes,
  recordKeys,
  valueToCompleteRecovery,
} from "../records.ts";
import { isSpent, keepRecovery } from "../recovery.ts";
import { choose } from "./branch.ts";
import type { SimplexState } from "./state.ts";
import { helloMessage } from "./sync.ts";
import { addCertificate } from "./votes.ts";

export function load(s: SimplexState, input: Extract<ConsensusInput, { kind: "load" }>): void {
  const byKind = groupByKind(input.records);
  const rows = (kind: string): readonly DurableRecord[] => byKind.get(kind) ?? [];
  loadOwn(s, rows);
  const branchIds = loadBranch(s, rows("epoch"), rows("branch"));
  const bodies = bodiesOf(input.records);
  s.tree.restore(input.finals);
  for (const block of bodies) s.tree.offer(block);
  for (const block of bodies) s.durableBodies.add(toHex(block.id));
  const recoveries = rows("recovery").map(([, bytes]): CompleteRecovery => valueToCompleteRecovery(decode(bytes)));
  const isFollowed = ({ recovery }: CompleteRecovery): boolean => branchIds.has(toHex(recoveryBlockId(recovery)));
  // First what was final and stored; then what a crash left undone.
  loadRecoveries(s, recoveries.filter(isFollowed));
  choose(s);
  s.loaded = true;
  loadRecoveries(s, recoveries);
  choose(s);
  for (const [, bytes] of rows("notarized")) addCertificate(s, decodeCertificate(bytes));
  s.finalAtMs = s.nowMs;
  s.currentSeatHeardMs = s.nowMs;
  s.roundAtMs = s.nowMs;
  castAgain(s);
  s.broadcast(helloMessage(s));
}

function groupByKind(records: readonly DurableRecord[]): ReadonlyMap<string, DurableRecord[]> {
  const byKind = new Map<string, DurableRecord[]>();
  for (const record of records) {
    const kind = record[0].split("/", 1)[0]!;
    const rows = byKind.get(kind);
    if (rows === undefined) byKind.set(kind, [record]);
    else rows.push(record);
  }
  return byKind;
}

function loadOwn(s: SimplexState, rows: (kind: string) => readonly DurableRecord[]): void {
  for (const [, bytes] of rows("own")) {
    const own = decodeOwnVotes(bytes);
    s.own.set(`${toHex(own.epochId)}/${own.round}/${toHex(own.seat)}`, own);
  }
  for (const [key] of rows("voted")) s.voted.add(key.slice("voted/".length));
  for (const [, bytes] of rows("alive")) {
    const own = decodeOwnAlive(bytes);
    s.ownAlives.set(`${toHex(own.alive.epochId)}/${toHex(own.seat)}`, own);
  }
  for (const [, bytes] of rows("recovers")) {
    const own = decodeOwnRecoveries(bytes);
    s.ownRecoveries.set(`${toHex(own.epochId)}/${toHex(own.seat)}`, own);
  }
}

/** Gives the ids of the branch's epochs. Those that began below the tree's root are only remembered for their seats. */
function loadBranch(s: SimplexState, epochRows: readonly DurableRecord[], branchRows: readonly DurableRecord[]): ReadonlySet<HashHex> {
  const branchRow = branchRows[0];
  if (branchRow === undefined) return new Set();
  for (const [, bytes] of epochRows) {
    const record = decodeEpoch(bytes);
    const epoch = new Epoch(record.id, record.seats, record.begunBy);
    epoch.adoptedMs = record.adoptedMs;
    epoch.final = record.final;
    epoch.floor = epoch.finalRound;
    s.epochs.set(epoch.key, epoch);
    s.writtenEpochs.set(epoch.key, epoch.finalRound);
  }
  const ids = decodeBranch(branchRow[1]).map(toHex);
  const root = s.finalNode;
  const begins = ids.lastIndexOf(root.key);
  const first = begins >= 0 ? begins : ids.lastIndexOf(root.epochKey);
  const branch = ids.slice(Math.max(first, 0)).map((key) => s.epochs.get(key));
  assert(first >= 0 && branch.every((epoch) => epoch !== undefined), "the branch and its epochs were written together");
  s.branch = branch as Epoch[];
  return new Set(ids);
}

/** Rows of epochs that were forgotten since, and of more recoveries than one keeps, go. */
function loadRecoveries(s: SimplexState, recoveries: readonly CompleteRecovery[]): void {
  for (const complete of recoveries) {
    const epoch = s.epochs.get(toHex(complete.recovery.epochId));
    const key = toHex(recoveryBlockId(complete.recovery));
    if (epoch?.recoveries.has(key)) continue;
    if (epoch === undefined || !keepRecovery(s, epoch, complete)) s.deletes.push(recordKeys.recovery(key));
  }
}

/** What this peer said last counts again once it is signed anew; it was durable before. */
function castAgain(s: SimplexState): void {
  const { epoch } = s;
  const { chain } = s.options;
  const held = new Set(s.keys.map(toHex));
  for (const own of s.own.values()) {
    if (toHex(own.epochId) !== epoch.key || own.round <= epoch.finalRound || !held.has(toHex(own.seat))) continue;
    const said: [VoteKind, Hash | null][] = [];
    if (own.notarize !== null) said.push(["notarize", own.notarize]);
    if (own.skip) said.push(["skip", null]);
    if (own.finalize !== null) said.push(["finalize", own.finalize]);
    for (const [kind, candidate] of said) {
      const statement = { chain, epochId: epoch.id, round: own.round, kind, candidate };
      s.gated.push({ kind: "cast", seat: own.seat, cast: { kind: "vote", statement } });
    }
  }
  for (const key of s.keys) {
    const seat = toHex(key);
    const alive = s.ownAlives.get(`${epoch.key}/${seat}`)?.alive;
    if (alive === undefined || isSpent(s, epoch, seat)) continue;
    s.gated.push({ kind: "cast", seat: key, cast: { kind: "alive", alive } });
    const recovery = s.ownRecoveries.get(`${epoch.key}/${seat}`)?.recoveries.at(-1);
    if (recovery !== undefined) s.gated.push({ kind: "cast", seat: key, cast: { kind: "recover", recovery } });
  }
}
