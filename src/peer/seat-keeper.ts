/**
 * Gives this peer a seat by itself, because a public BoT lives by its participants: claims the grant, bonds, takes a seat, returns
 * when it fell asleep. PROTOCOL, "Economy of a public BoT" and "Seats and epochs".
 */
import { BoundedMap } from "../kit/bounded-map.ts";
import { equalBytes } from "../kit/bytes.ts";
import { accountKey, readAccount } from "../ledger/accounts.ts";
import { parametersOf, seatsOf, type Seat, type Seats, type StateView } from "../ledger/index.ts";
import { takeMessage } from "../ledger/modules/seat.ts";
import { mayDo } from "../ledger/members.ts";
import { latestReferenceOf } from "../ledger/recent-blocks.ts";
import { toHex, type AccountId, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { Call } from "../protocol/transaction.ts";
import { voteToValue, type Vote } from "../protocol/vote.ts";
import type { RefusalShape } from "../protocol/refusal.ts";
import type { RoadReport } from "./effects.ts";
import type { Outbox } from "./outbox.ts";
import type { Transactions } from "./transactions.ts";

/** How long a submission of the keeper may wait, and the pause after one was refused; twice as long each time, up to a bound. */
const VALID_FOR_MS = 120_000;
const PAUSE_MS = 5_000;
/** Fees of the keeper's own small transactions, in started kilobytes. */
const KILOBYTES = 2;

interface Accusation {
  readonly first: Vote;
  readonly second: Vote;
  /** When it is made again; never while it is under way or done. */
  dueMs: number;
  pauseMs: number;
}

export type SeatWork = "none" | "claiming" | "taking" | "waiting" | "seated" | "unwanted";

export interface SeatKeeperOptions {
  readonly chain: Hash;
  readonly account: AccountId;
  readonly outbox: Outbox;
  readonly transactions: Pick<Transactions, "submit" | "ownPending">;
  readonly state: () => StateView;
  readonly votingKeys: readonly VotingKey[];
  readonly onKeys: (keys: readonly VotingKey[]) => void;
  readonly wanted: boolean;
}

export class SeatKeeper {
  readonly #options: SeatKeeperOptions;
  #keys: readonly VotingKey[];
  #wanted: boolean;
  #busy = false;
  #pauseUntilMs = 0;
  #pauseMs = PAUSE_MS;
  #nowMs = 0;
  #adoptedUntilMs = 0;
  #work: SeatWork = "none";
  /** A key and its proof that no seat has yet: a try that was refused leaves them to the next. */
  #spare: { readonly votingKey: VotingKey; readonly proof: Uint8Array } | null = null;
  /** By epoch and seat, done ones as well. */
  readonly #accusations = new BoundedMap<string, Accusation>(LIMITS.accusationsMax);

  constructor(options: SeatKeeperOptions) {
    this.#options = options;
    this.#keys = options.votingKeys;
    this.#wanted = options.wanted;
  }

  get work(): SeatWork {
    return this.#wanted || this.#work === "seated" ? this.#work : "unwanted";
  }

  get keys(): readonly VotingKey[] {
    return this.#keys;
  }

  /** A key made for a seat that somebody else takes for this account. It stays until that transaction had its time. */
  adopt(votingKey: VotingKey): void {
    this.#keys = [...this.#keys, votingKey];
    this.#adoptedUntilMs = this.#nowMs + VALID_FOR_MS;
    this.#options.onKeys(this.#keys);
  }

  setWanted(wanted: boolean): void {
    this.#wanted = wanted;
  }

  #isMine(seat: Seat): boolean {
    return this.#keys.some((key) => equalBytes(key, seat.votingKey));
  }

  tick(nowMs: number, caughtUp: boolean): void {
    this.#nowMs = nowMs;
    for (const [, accusation] of this.#accusations.entries()) if (nowMs >= accusation.dueMs) this.#accuse(accusation);
    const seats = seatsOf(this.#options.state());
    if (seats.current.some((seat) => this.#isMine(seat))) this.#work = "seated";
    else if (seats.waiting.some((seat) => this.#isMine(seat))) this.#work = "waiting";
    else if (!this.#busy) this.#work = "none";
    if (this.#busy || !this.#wanted || !caughtUp || nowMs < this.#pauseUntilMs) return;
    if (this.#work === "seated" || this.#work === "waiting") return;
    // Another peer of the account has its one seat. What the ledger is known to refuse is not asked: the fee would be gone all the same.
    const isOfAccount = ({ account }: Seat): boolean => equalBytes(account, this.#options.account);
    if ([...seats.current, ...seats.waiting].some(isOfAccount)) return;
    if (!mayDo(this.#options.state(), this.#options.account, "vote")) return;
    const asleep = seats.sleeping.find((seat) => this.#isMine(seat) && isOfAccount(seat));
    if (asleep === undefined) return this.#takeOrClaim(seats);
    if (seats.current.length < LIMITS.seatsMax) this.#submit("waiting", ["seat.present", { votingKey: asleep.votingKey }]);
  }

  #takeOrClaim(seats: Seats): void {
    const state = this.#options.state();
    const { account: owner, outbox } = this.#options;
    const { bond, feePerKilobyte, claimBits } = parametersOf(state);
    const account = readAccount(state, accountKey(owner));
    if (account.balance + (account.bond?.amount ?? 0) >= bond + KILOBYTES * feePerKilobyte) {
      if (seats.current.length + seats.waiting.length < LIMITS.seatsMax && this.#keysAsked(owner).length === 0) this.#take();
      return;
    }
    if (account.claimed) return;
    this.#busy = true;
    this.#work = "claiming";
    const reference = latestReferenceOf(state);
    outbox.claim({ account: owner, reference, bits: claimBits }, (nonce) => {
      this.#busy = false;
      if (nonce === null) this.#pause();
      else this.#submit("claiming", ["token.claim", { reference, nonce }], 0);
    });
  }

  /** Keys of seats that were asked for, by this keeper before a reload or by the person, and whose fate is open; of one account or of all this peer had. */
  #keysAsked(sender?: AccountId): readonly VotingKey[] {
    const pending = this.#options.transactions.ownPending.filter(({ body }) => sender === undefined || equalBytes(body.sender, sender));
    const calls = pending.flatMap(({ body }) => body.calls);
    return calls.flatMap(([operation, take]) => (operation === "seat.take" ? [(take as { readonly votingKey: VotingKey }).votingKey] : []));
  }

  #take(): void {
    const { chain, account, outbox, onKeys } = this.#options;
    if (this.#spare !== null) return this.#submit("taking", ["seat.take", this.#spare]);
    this.#busy = true;
    this.#work = "taking";
    outbox.createVotingKey((created) => {
      if (created === null) return this.#release();
      const votingKey = created as VotingKey;
      this.#keys = [...this.#keys, votingKey];
      onKeys(this.#keys);
      outbox.sign(votingKey, takeMessage(chain, account, votingKey), (proof) => {
        if (proof === null) return this.#release();
        this.#spare = { votingKey, proof };
        this.#submit("taking", ["seat.take", this.#spare]);
      });
    });
  }

  #release(): void {
    this.#busy = false;
    this.#pause();
  }

  #pause(): void {
    this.#pauseUntilMs = this.#nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LIMITS.seatPauseMsMax);
  }

  #submit(work: SeatWork, call: Call, kilobytes = KILOBYTES): void {
    this.#busy = true;
    this.#work = work;
    const fee = kilobytes * parametersOf(this.#options.state()).feePerKilobyte;
    this.#options.transactions.submit(
      { calls: [call], fee, validForMs: VALID_FOR_MS },
      (report) => this.#onReport(call[0], report),
      this.#nowMs,
    );
  }

  #onReport(operation: string, report: RoadReport): void {
    if (report.stage !== "final" && report.stage !== "refused") return;
    this.#busy = false;
    const refusal = report.stage === "final" ? report.receipt.refusal : report.refusal;
    if (operation === "seat.take" && (refusal === null || isOfKey(refusal))) this.#spare = null;
    if (refusal === null) {
      this.#pauseMs = PAUSE_MS;
      return;
    }
    this.#options.outbox.log("warning", "seat work refused", { operation, code: refusal.code });
    this.#pause();
  }

  /** Destroys the keys of seats that ended: an old seat must not be able to forge history. */
  forgetEnded(): void {
    if (this.#busy || this.#nowMs < this.#adoptedUntilMs) return;
    const seats = seatsOf(this.#options.state());
    if (!this.#wanted) this.#spare = null;
    const kept = [...seats.current, ...seats.sleeping, ...seats.waiting, ...(this.#spare === null ? [] : [this.#spare])];
    const unused = this.#keys.filter((key) => !kept.some(({ votingKey }) => equalBytes(votingKey, key)));
    if (unused.length === 0) return;
    const asked = this.#keysAsked();
    const ended = unused.filter((key) => !asked.some((other) => equalBytes(other, key)));
    if (ended.length === 0) return;
    this.#keys = this.#keys.filter((key) => !ended.includes(key));
    for (const publicKey of ended) this.#options.outbox.emit({ kind: "destroy-voting-key", publicKey });
    this.#options.onKeys(this.#keys);
  }

  /** Two votes of one seat that contradict each other: written to the ledger, once for each seat and epoch. */
  accuse(first: Vote, second: Vote): void {
    const key = `${toHex(first.epochId)}/${toHex(first.seat)}`;
    if (this.#accusations.has(key)) return;
    const accusation: Accusation = { first, second, dueMs: 0, pauseMs: PAUSE_MS };
    this.#accusations.set(key, accusation);
    this.#accuse(accusation);
  }

  #accuse(accusation: Accusation): void {
    const call: Call = ["seat.evidence", { first: voteToValue(accusation.first), second: voteToValue(accusation.second) }];
    const fee = KILOBYTES * parametersOf(this.#options.state()).feePerKilobyte;
    accusation.dueMs = Infinity;
    const onReport = (report: RoadReport): void => {
      const refusal = report.stage === "final" ? report.receipt.refusal : report.stage === "refused" ? report.refusal : null;
      // Where the ledger knows better (somebody else was faster, the bond is gone) there is nothing left to say.
      if (refusal === null || refusal.code === "evidence-invalid" || refusal.code === "unknown-seat") return;
      accusation.dueMs = this.#nowMs + accusation.pauseMs;
      accusation.pauseMs *= 2;
    };
    this.#options.transactions.submit({ calls: [call], fee, validForMs: VALID_FOR_MS }, onReport, this.#nowMs);
  }
}

/** The ledger knows this very key: of a seat of an earlier try, or of one that ended. */
function isOfKey({ code, data }: RefusalShape): boolean {
  return code === "seat-taken" && data["reason"] === "key";
}
