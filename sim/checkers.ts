/** What must hold after every event. A failure is a sentence with the time. */
import { bytesToHex } from "../src/kit/bytes.ts";
import { toHex } from "../src/protocol/identifiers.ts";
import { recoveryBlockId, type RecoverySignature, type Vote } from "../src/protocol/vote.ts";
import type { FinalReport, SaidMessage } from "./node.ts";

interface Said {
  notarize?: string;
  finalize?: string;
  skip?: true;
}

export interface CheckersOptions {
  /** Whether branches may differ for a while, because recoveries can fork a BoT: then heights are compared within an epoch only, where nothing ever forks. */
  readonly mayFork: boolean;
}

export class Checkers {
  readonly failures: string[] = [];
  readonly #options: CheckersOptions;
  readonly #said = new Map<string, Said>();
  readonly #promised = new Set<string>();
  readonly #votedIn = new Set<string>();
  readonly #gaveUp = new Set<string>();
  readonly #recoveries = new Map<string, string[]>();
  readonly #certified = new Map<string, string>();
  readonly #finalAtHeight = new Map<number, { readonly head: string; readonly stateRoot: string }>();
  readonly #stateRoots = new Map<string, string>();
  readonly finals: { readonly atMs: number; readonly id: string; readonly final: FinalReport }[] = [];

  constructor(options: CheckersOptions) {
    this.#options = options;
  }

  fail(nowMs: number, sentence: string): void {
    this.failures.push(`t=${nowMs} ${sentence}`);
  }

  /** No contradicting votes, no promise broken. */
  onSaid(nowMs: number, id: string, message: SaidMessage): void {
    if (message.kind === "vote" || message.kind === "candidate") this.#onVote(nowMs, id, message.vote);
    else if (message.kind === "alive") this.#promised.add(`${toHex(message.alive.seat)}/${toHex(message.alive.epochId)}`);
    else if (message.kind === "recover") this.#onRecover(nowMs, id, message.recover);
  }

  #onVote(nowMs: number, id: string, vote: Vote): void {
    const inEpoch = `${toHex(vote.seat)}/${toHex(vote.epochId)}`;
    const key = `${inEpoch}/${vote.round}`;
    const said: Said = this.#said.get(key) ?? {};
    const candidate = vote.candidate === null ? "" : bytesToHex(vote.candidate);
    const what = `${id} ${vote.kind} in round ${vote.round}`;
    const isNew = vote.kind === "skip" ? said.skip === undefined : said[vote.kind] === undefined;
    if (isNew && this.#promised.has(inEpoch)) this.fail(nowMs, `promise broken: ${what} after alive`);
    if (isNew && this.#gaveUp.has(inEpoch)) this.fail(nowMs, `promise broken: ${what} in an epoch it gave up`);
    if (!isNew && vote.kind !== "skip" && said[vote.kind] !== candidate) this.fail(nowMs, `contradiction: ${what} for two candidates`);
    if (vote.kind === "skip") said.skip = true;
    else said[vote.kind] = candidate;
    if (said.skip && said.finalize !== undefined) this.fail(nowMs, `contradiction: ${what}, both skip and finalize`);
    // A peer's signatures may come back in another order than they were asked for.
    if (said.finalize !== undefined && said.notarize !== undefined && said.notarize !== said.finalize)
      this.fail(nowMs, `contradiction: ${what} without notarize`);
    this.#said.set(key, said);
    this.#votedIn.add(inEpoch);
  }

  #onRecover(nowMs: number, id: string, { recovery, seat }: RecoverySignature): void {
    const seatKey = toHex(seat);
    const key = `${seatKey}/${toHex(recovery.epochId)}`;
    const digest = toHex(recoveryBlockId(recovery));
    const signed = this.#recoveries.get(key) ?? [];
    if (signed.includes(digest)) return;
    for (const other of signed) {
      if (this.#votedIn.has(`${seatKey}/${other}`)) this.fail(nowMs, `promise broken: ${id} voted above one recovery and signs another`);
      this.#gaveUp.add(`${seatKey}/${other}`);
    }
    this.#recoveries.set(key, [...signed, digest]);
  }

  /** One final block for each height of an epoch; prefixes of each other where nothing may fork; equal states. */
  onFinal(nowMs: number, id: string, final: FinalReport): void {
    this.finals.push({ atMs: nowMs, id, final });
    for (const { epoch, height, id: block } of final.certified) {
      const key = `${epoch}/${height}`;
      const other = this.#certified.get(key);
      if (other === undefined) this.#certified.set(key, block);
      else if (other !== block) this.fail(nowMs, `${id}: two final blocks of height ${height} in one epoch`);
    }
    const root = this.#stateRoots.get(final.head);
    if (root !== undefined && root !== final.stateRoot) this.fail(nowMs, `${id}: another state at ${final.head}`);
    this.#stateRoots.set(final.head, final.stateRoot);
    if (this.#options.mayFork) return;
    const same = this.#finalAtHeight.get(final.height);
    if (same === undefined) this.#finalAtHeight.set(final.height, { head: final.head, stateRoot: final.stateRoot });
    else if (same.head !== final.head) this.fail(nowMs, `${id}: final blocks of height ${final.height} differ`);
  }
}
