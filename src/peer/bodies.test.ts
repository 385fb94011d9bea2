/** Bodies that candidates name: what a seat can have this peer hold for them, and that an honest candidate's come all the same. */
import { describe, expect, it } from "vitest";
import { Scenario, START_MS } from "../ledger/scenario.suite.ts";
import { digest, toHex, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { heldBytesOf, type Transaction } from "../protocol/transaction.ts";
import { decodeFetch, encodeFetch } from "../protocol/wire.ts";
import { Bodies } from "./bodies.ts";
import { Outbox } from "./outbox.ts";
import type { Transactions } from "./transactions.ts";

const NAMED = 1000;
const scenario = new Scenario({}).fund([100], 1_000_000);
const named = Array.from({ length: NAMED }, (_, index) => scenario.transfer(100, 1, 1 + index));
const envelopesOf = (transactions: readonly Transaction[]): Hash[] => transactions.map(({ bytes }) => digest(bytes));
const missing = (number: number): Hash => digest(Uint8Array.of(number >> 8, number & 255));

function createRig({ isVerified = true } = {}) {
  const outbox = new Outbox();
  let nowMs = START_MS;
  const transactions = {
    verified: () => undefined,
    isVerifying: () => false,
    verify: (_from: string, _all: unknown, _how: unknown, then: (allValid: boolean) => void) => (isVerified ? then(true) : undefined),
  } as unknown as Transactions;
  const bodies = new Bodies({ outbox, transactions, anotherPeer: (than) => than });
  bodies.tick(nowMs);
  const dropped: string[] = [];
  const done: string[] = [];
  let most = 0;
  const byEnvelope = new Map(named.map((transaction) => [toHex(digest(transaction.bytes)), transaction]));
  /** A candidate that `from` said: `from` answers all that it is asked for and has. */
  const say = (name: string, envelopes: readonly Hash[], isAwaited = false): void =>
    bodies.resolve("seat", {
      envelopes,
      then: () => done.push(name),
      isAwaited: () => isAwaited,
      onDropped: () => dropped.push(name),
    });
  const answer = (): void => {
    for (let effects = outbox.drain(); effects.length > 0; effects = outbox.drain()) {
      for (const effect of effects) {
        if (effect.kind !== "network" || effect.command.kind !== "send") continue;
        const wanted = decodeFetch(effect.command.bytes);
        const found = wanted.envelopes.flatMap((envelope) => byEnvelope.get(toHex(envelope as Hash))?.bytes ?? []);
        bodies.onMessage("seat", encodeFetch({ kind: "bodies", id: wanted.id, envelopes: found }));
        most = Math.max(most, bodies.heldBytes);
      }
    }
  };
  const pass = (ms: number): void => bodies.tick((nowMs += ms));
  return { bodies, say, answer, pass, dropped, done, most: () => most };
}

describe("candidates of one seat that name what nobody has", () => {
  it("hold a bounded number of bytes together, and never the place of the candidate whose turn it is", () => {
    const { bodies, say, answer, pass, dropped, done, most } = createRig();
    const full = envelopesOf(named);
    for (let number = 0; number < LIMITS.fetchesMax; number++) {
      say(`spam ${number}`, [...full, missing(number)]);
      answer();
    }
    const candidateBytes = named.reduce((bytes, transaction) => bytes + heldBytesOf(transaction), 0);
    expect(LIMITS.fetchesMax * candidateBytes).toBeGreaterThan(2 * LIMITS.fetchedBytesMax);
    expect(most()).toBeLessThanOrEqual(LIMITS.fetchedBytesMax / 2);
    expect(most()).toBeGreaterThan(LIMITS.fetchedBytesMax / 2 - 2 * candidateBytes);
    say("honest", full, true);
    for (let number = 0; number < LIMITS.fetchesMax; number++) say(`more ${number}`, [...full, missing(1000 + number)]);
    answer();
    expect(done).toEqual(["honest"]);
    expect(most()).toBeLessThanOrEqual(LIMITS.fetchedBytesMax);
    expect(dropped.length).toBeGreaterThan(0);
    // What is never answered is given up in the end, and nothing of it is left.
    for (let second = 0; second < 60; second++) {
      pass(1000);
      answer();
    }
    expect(bodies.heldBytes).toBe(0);
    expect([...dropped, ...done]).toHaveLength(2 * LIMITS.fetchesMax + 1);
    say("honest, later", full);
    answer();
    expect(done).toEqual(["honest", "honest, later"]);
  });

  it("count until their signatures are checked", () => {
    const { bodies, say, answer, most } = createRig({ isVerified: false });
    for (let number = 0; number < 20; number++) say(`spam ${number}`, envelopesOf(named), true);
    answer();
    expect(bodies.heldBytes).toBeGreaterThan(LIMITS.fetchedBytesMax / 2);
    expect(most()).toBeLessThanOrEqual(LIMITS.fetchedBytesMax);
  });
});
