/** Going on when more than a third of the seats are gone: promises, steps, and recoveries signed by every seat they name. PROTOCOL, "Recovery". */
import { compareBytes, equalBytes } from "../kit/bytes.ts";
import { LIMITS } from "../protocol/limits.ts";
import { includesSeat } from "../protocol/seats.ts";
import { toHex, type HashHex, type VotingKey } from "../protocol/identifiers.ts";
import { recoveryBlockId, type Alive, type Recovery, type RecoverySignature } from "../protocol/vote.ts";
import { completeRecoveryToValue, encodeOwnAlive, encodeOwnRecoveries, recordKeys } from "./records.ts";
import { encode } from "../protocol/codec.ts";
import type { TreeNode } from "./block-tree.ts";
import type { CompleteRecovery } from "./engine.ts";
import type { Epoch } from "./epochs.ts";
import { choose } from "./simplex/branch.ts";
import { highestOf, type Highest } from "./simplex/rounds.ts";
import { LEAVE_OUT, SLEEPERS, type SimplexState } from "./simplex/state.ts";

/** In units of T: when a third and when any number suffice. */
const STEP_THIRD = 2;
const STEP_ANY = 4;

/** Whether a seat has voted in an epoch begun by a recovery of this one that it signed: it may sign no other, and is silent. */
export function isSpent(s: SimplexState, epoch: Epoch, seat: HashHex): boolean {
  const own = s.ownRecoveries.get(`${epoch.key}/${seat}`);
  return own !== undefined && own.recoveries.some((recovery) => s.voted.has(`${toHex(recoveryBlockId(recovery))}/${seat}`));
}

/** At every tick: promises when the clock has passed T, and signs a recovery that the steps allow. */
export function recover(s: SimplexState): void {
  const t = s.options.recoveryMs;
  const { epoch } = s;
  if (s.clockMs < t) return;
  const current = s.seat;
  const seat = current ?? sleeperOf(s);
  if (seat === null) return;
  const seatKey = toHex(seat);
  if (isSpent(s, epoch, seatKey)) return;
  const highest = highestOf(s);
  promise(s, seat, highest);
  const heard = s.alives.get(seatKey);
  if (heard === undefined) return;
  s.alives.set(seatKey, { alive: heard.alive, atMs: s.nowMs });
  const recovery = proposeRecovery(s, seat, current === null, highest);
  if (recovery !== null) sign(s, seat, recovery);
}

/** Sleepers recover among themselves when no current seat was heard for long. */
function sleeperOf(s: SimplexState): VotingKey | null {
  const patienceMs = SLEEPERS * s.options.recoveryMs;
  if (s.clockMs < patienceMs || s.nowMs - s.currentSeatHeardMs < patienceMs) return null;
  return s.seatIn(s.finalNode.info.sleeping);
}

/** `alive` is durable before it goes out: its signer casts no further vote in the epoch. Renewed when more was notarized since. */
function promise(s: SimplexState, seat: VotingKey, highest: Highest): void {
  const { epoch } = s;
  const name = `${epoch.key}/${toHex(seat)}`;
  const old = s.ownAlives.get(name);
  if (old !== undefined && highest.round <= (old.alive.highest?.round ?? 0)) return;
  const alive = { chain: s.options.chain, epochId: epoch.id, lastFinal: s.finalNode.id, highest: highest.certificate };
  s.ownAlives.set(name, { seat, alive });
  s.puts.push([recordKeys.alive(epoch.key, toHex(seat)), encodeOwnAlive({ seat, alive })]);
  s.gated.push({ kind: "cast", seat, cast: { kind: "alive", alive } });
}

/** The recovery that the promises heard add up to, if this seat's clock has come to its step. */
function proposeRecovery(s: SimplexState, seat: VotingKey, sleepers: boolean, highest: Highest): Recovery | null {
  const { epoch } = s;
  const named = namedSeats(s, seat, sleepers);
  if (!named.some((alive) => equalBytes(alive.seat, seat)) || !(sleepers || stepAllows(s, epoch, named.length))) return null;
  const roundOf = (alive: Alive): number => alive.highest?.round ?? 0;
  let top = named[0]!;
  for (const alive of named) if (roundOf(alive) > roundOf(top)) top = alive;
  // A seat never signs a base below a notarized block whose body it holds.
  if (highest.round > roundOf(top)) return null;
  const found = top.highest === null ? s.finalHead : s.tree.ensure(top.highest.candidate!);
  if (!("key" in found) || (found.epochKey !== epoch.key && found.key !== epoch.key)) return null;
  const base = found.heighted.id;
  return { chain: s.options.chain, epochId: epoch.id, base, seats: named.map((alive) => alive.seat), sleepers };
}

/** Promises heard within T, by seat. Who did not complete the last recovery for long is left out. */
function namedSeats(s: SimplexState, seat: VotingKey, sleepers: boolean): Alive[] {
  const { epoch } = s;
  const t = s.options.recoveryMs;
  const allowed = new Set((sleepers ? s.finalNode.info.sleeping : epoch.seats).map(toHex));
  const named: Alive[] = [];
  for (const [key, { alive, atMs }] of s.alives.entries()) {
    if (equalBytes(alive.epochId, epoch.id) && allowed.has(key) && s.nowMs - atMs < t) named.push(alive);
  }
  named.sort((a, b) => compareBytes(a.seat, b.seat));
  const last = s.ownRecoveries.get(`${epoch.key}/${toHex(seat)}`)?.recoveries.at(-1);
  if (last === undefined || s.sinceSignedMs < LEAVE_OUT * t) return named;
  const signed = s.gathered.get(toHex(recoveryBlockId(last)))?.signatures;
  const asked = new Set(last.seats.map(toHex));
  return named.filter((alive) => {
    const key = toHex(alive.seat);
    return equalBytes(alive.seat, seat) || !asked.has(key) || signed?.has(key) === true;
  });
}

/** Over half of the seats after T, over a third after 2T, any after 4T. */
function stepAllows(s: SimplexState, epoch: Epoch, named: number): boolean {
  const steps = s.clockMs / s.options.recoveryMs;
  const seats = epoch.seats.length;
  return 2 * named > seats || (3 * named > seats && steps >= STEP_THIRD) || steps >= STEP_ANY;
}

/** Signs a recovery unless an earlier signature forbids it: a second one needs strictly more seats, or 4T more. */
function sign(s: SimplexState, seat: VotingKey, recovery: Recovery): void {
  const { epoch } = s;
  const seatKey = toHex(seat);
  const name = `${epoch.key}/${seatKey}`;
  const signed = s.ownRecoveries.get(name)?.recoveries ?? [];
  const id = toHex(recoveryBlockId(recovery));
  if (signed.some((other) => toHex(recoveryBlockId(other)) === id)) return;
  const last = signed.at(-1);
  if (last !== undefined && recovery.seats.length <= last.seats.length && s.sinceSignedMs < LEAVE_OUT * s.options.recoveryMs) return;
  const own = { epochId: epoch.id, seat, recoveries: [...signed, recovery] };
  s.ownRecoveries.set(name, own);
  s.sinceSignedMs = 0;
  s.puts.push([recordKeys.recovers(epoch.key, seatKey), encodeOwnRecoveries(own)]);
  s.gated.push({ kind: "cast", seat, cast: { kind: "recover", recovery } });
}

/** Gathers a signature (checked) under a recovery; with all of them it is complete. */
export function addRecoverySignature(s: SimplexState, signature: RecoverySignature): void {
  const { recovery } = signature;
  const epoch = s.epochs.get(toHex(recovery.epochId));
  if (epoch === undefined || !isWellFormedFor(s, epoch, recovery) || !recovery.seats.some((seat) => equalBytes(seat, signature.seat)))
    return;
  const key = toHex(recoveryBlockId(recovery));
  if (epoch.recoveries.has(key)) return;
  let gathered = s.gathered.get(key);
  if (gathered === undefined) s.gathered.set(key, (gathered = { recovery, signatures: new Map() }));
  const seat = toHex(signature.seat);
  if (!gathered.signatures.has(seat)) withdrawOldest(s, seat);
  gathered.signatures.set(seat, signature);
  if (gathered.signatures.size < recovery.seats.length) return;
  const signatures = recovery.seats.map((seat) => gathered.signatures.get(toHex(seat))!.signature);
  const complete = { recovery, signatures };
  addRecovery(s, complete);
  s.broadcast({ kind: "give", blocks: [], certificates: [], recoveries: [complete], more: false });
}

/** A seat that signs one recovery after the other pushes out its own signatures, and nobody else's. */
function withdrawOldest(s: SimplexState, seat: HashHex): void {
  const signed = [...s.gathered.entries()].filter(([, { signatures }]) => signatures.has(seat));
  const oldest = signed[0];
  if (oldest === undefined || signed.length < LIMITS.recoveriesPerSeatMax) return;
  oldest[1].signatures.delete(seat);
  if (oldest[1].signatures.size === 0) s.gathered.delete(oldest[0]);
}

/** Takes a complete recovery, its signatures checked; gives whether it was news. */
export function addRecovery(s: SimplexState, complete: CompleteRecovery): boolean {
  const epoch = s.epochs.get(toHex(complete.recovery.epochId));
  const key = toHex(recoveryBlockId(complete.recovery));
  if (epoch === undefined || epoch.recoveries.has(key) || !isWellFormedFor(s, epoch, complete.recovery)) return false;
  if (!keepRecovery(s, epoch, complete)) return false;
  s.puts.push([recordKeys.recovery(key), encode(completeRecoveryToValue(complete))]);
  choose(s);
  return true;
}

/**
 * Whether there is room for it. A seat that lies can complete any number of recoveries that name only itself: they must neither fill the disk nor
 * displace a stronger one.
 */
export function keepRecovery(s: SimplexState, epoch: Epoch, complete: CompleteRecovery): boolean {
  const { recovery } = complete;
  if (epoch.recoveries.size >= LIMITS.recoveriesMax) {
    const weakest = weakestOf(epoch);
    if (weakest === undefined || weakest[1].recovery.seats.length >= recovery.seats.length) return false;
    epoch.recoveries.delete(weakest[0]);
    s.deletes.push(recordKeys.recovery(weakest[0]));
  }
  epoch.recoveries.set(toHex(recoveryBlockId(recovery)), complete);
  return true;
}

function weakestOf(epoch: Epoch): readonly [HashHex, CompleteRecovery] | undefined {
  let weakest: readonly [HashHex, CompleteRecovery] | undefined;
  for (const entry of epoch.recoveries.entries()) {
    if (weakest === undefined || entry[1].recovery.seats.length < weakest[1].recovery.seats.length) weakest = entry;
  }
  return weakest;
}

/**
 * Current seats of the epoch, or such as sleep at the base: anybody else could make up keys without end. Nothing is executed for keys that were
 * asleep neither at the base nor below it.
 */
function isWellFormedFor(s: SimplexState, epoch: Epoch, recovery: Recovery): boolean {
  for (let index = 1; index < recovery.seats.length; index++) {
    if (compareBytes(recovery.seats[index - 1]!, recovery.seats[index]!) >= 0) return false;
  }
  if (!recovery.sleepers) return recovery.seats.every((seat) => epoch.indexOf(toHex(seat)) !== undefined);
  const areAsleep = (node: TreeNode): boolean => recovery.seats.every((seat) => includesSeat(node.info.sleeping, seat));
  const below = s.tree.below(recovery.base);
  if (below === undefined || !areAsleep(below)) return false;
  const base = s.tree.ensure(recovery.base);
  return "key" in base && areAsleep(base);
}
