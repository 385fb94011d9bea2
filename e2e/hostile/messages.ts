/** What an attacker says: messages that tabs really sent, made wrong; and statements that it signs with keys of its own. */
import { decodeConsensusMessage, encodeConsensusMessage, type WireMessage } from "../../src/consensus/wire.ts";
import { signedMessage, SIGNED_KINDS, type Forger, type Victim } from "../../src/host/forged-statements.suite.ts";
import { createKeys, type PeerKeys } from "../../src/host/keys/keys.ts";
import { createMemorySeeds } from "../../src/host/keys/memory-seeds.ts";
import { mutate, pick, randomBytes } from "../../src/host/mutations.suite.ts";
import type { Random } from "../../src/kit/random.ts";
import { decode, encode, type Value } from "../../src/protocol/codec.ts";
import { encodeIntroduction } from "../../src/protocol/introduction.ts";
import { asAccountId, digest, didToAccount, fromHex, type AccountId, type Hash } from "../../src/protocol/identifiers.ts";
import {
  createTransaction,
  encodeTransactionBody,
  TRANSACTION_VERSION,
  type Transaction,
  type TransactionBody,
} from "../../src/protocol/transaction.ts";
import type { Certificate, Vote } from "../../src/protocol/vote.ts";
import { decodeFetch, decodeTransactionBatch, encodeFetch, encodeTransactionBatch } from "../../src/protocol/wire.ts";
import type { Status } from "../../src/sdk/api.ts";

/** Every way by which bytes reach the peer of a tab. */
export const WAYS = ["transactions", "consensus", "hello", "sync", "fetch"] as const;
export type Way = (typeof WAYS)[number];
export const isGossip = (way: Way): boolean => way === "transactions" || way === "consensus";

export interface Wrong {
  readonly way: Way;
  readonly bytes: Uint8Array;
  /** What it was before it was made wrong. */
  readonly kind?: string;
}

type Message<Kind extends WireMessage["kind"]> = Extract<WireMessage, { kind: Kind }>;

function kindOf(way: Way, bytes: Uint8Array): string {
  if (way === "transactions") return way;
  return way === "fetch" ? decodeFetch(bytes).kind : decodeConsensusMessage(bytes).kind;
}

/** What honest peers say, by kind; where it is said usually. */
export const KINDS = [
  "transactions",
  "hello",
  "ask",
  "give",
  "candidate",
  "vote",
  "certificate",
  "alive",
  "recover",
  "absent",
  "wanted",
  "bodies",
] as const satisfies readonly (WireMessage["kind"] | "transactions" | "wanted" | "bodies")[];

/** Under which of them what is signed by the attacker is said. */
const SIGNED_AS: Readonly<Record<string, string>> = { transaction: "transactions", claim: "transactions", stranger: "vote", rival: "give" };

export function usualWays(kind: string): readonly Way[] {
  if (kind === "transactions") return ["transactions"];
  if (kind === "wanted" || kind === "bodies") return ["fetch"];
  return kind === "hello" ? ["hello", "consensus"] : ["consensus", "sync"];
}

/** What somebody knows who listened to the tabs, with an account and a voting key of his own, which has no seat. */
export class Insider {
  readonly chain: Hash;
  readonly account: AccountId;
  readonly #keys: PeerKeys;
  readonly #samples = new Map<string, Uint8Array[]>();
  readonly #forger: Forger;
  readonly #victim: Victim;
  #number = 0;

  private constructor(
    own: { keys: PeerKeys; account: Uint8Array; votingKey: Uint8Array },
    status: Status,
    samples: Map<string, Uint8Array[]>,
  ) {
    this.chain = fromHex(status.chain);
    this.account = asAccountId(own.account);
    this.#keys = own.keys;
    this.#samples = samples;
    const blocks = this.all("give").flatMap((message) => message.blocks);
    const { epochId, round } = this.newest("vote").vote;
    const finalId = fromHex(status.final.digest);
    this.#victim = {
      account: didToAccount(status.account),
      consensus: { epochId, round, finalId, notarizedId: finalId, seats: [...new Set(this.all("vote").map(({ vote }) => vote.seat))] },
      final: { timeMs: status.final.timeMs },
    };
    this.#forger = {
      chain: this.chain,
      votingKey: own.votingKey,
      account: own.account,
      keys: own.keys,
      finalBlocks: () => blocks,
      rivals: [],
      certificates: async () => this.all("certificate").map(({ certificate }) => certificate),
    };
  }

  /** `said` is what tabs said, by topic or stream. */
  static async create(random: Random, status: Status, said: readonly Record<string, Uint8Array[]>[]): Promise<Insider> {
    const keys = await createKeys(createMemorySeeds(), () => randomBytes(random, 32));
    const samples = new Map<string, Uint8Array[]>();
    const learn = (kind: string, bytes: Uint8Array): void => void samples.set(kind, [...(samples.get(kind) ?? []), bytes]);
    for (const ways of said) for (const way of WAYS) for (const bytes of ways[way] ?? []) learn(kindOf(way, bytes), bytes);
    const some = decodeTransactionBatch(samples.get("transactions")![0]!);
    // Asked for only where gossip was late.
    learn("ask", encodeConsensusMessage({ kind: "ask", id: fromHex(status.final.digest) }));
    learn("wanted", encodeFetch({ kind: "wanted", id: 1, envelopes: some.map(digest) }));
    learn("bodies", encodeFetch({ kind: "bodies", id: 1, envelopes: some }));
    return new Insider({ keys, account: await keys.create("account"), votingKey: await keys.create("voting") }, status, samples);
  }

  get kinds(): readonly string[] {
    return [...this.#samples.keys()];
  }

  samples(kind: string): readonly Uint8Array[] {
    return this.#samples.get(kind) ?? [];
  }

  all<Kind extends WireMessage["kind"]>(kind: Kind): Message<Kind>[] {
    return this.samples(kind).map((bytes) => decodeConsensusMessage(bytes) as Message<Kind>);
  }

  newest<Kind extends WireMessage["kind"]>(kind: Kind): Message<Kind> {
    return this.all(kind).at(-1)!;
  }

  /** As it was, signed validly by one who may not, or changed somewhere. */
  async wrong(random: Random): Promise<Wrong> {
    const kind = pick(random, this.kinds);
    const sample = pick(random, this.samples(kind));
    const ways = random.below(4) === 0 ? WAYS : usualWays(kind);
    switch (random.below(5)) {
      case 0:
        return { way: pick(random, ways), bytes: sample, kind };
      case 1: {
        const signed = pick(random, SIGNED_KINDS);
        const bytes = await signedMessage(random, this.#forger, signed, this.#victim);
        const signedKind = SIGNED_AS[signed] ?? signed;
        return { way: pick(random, random.below(4) === 0 ? WAYS : usualWays(signedKind)), bytes, kind: signedKind };
      }
      default:
        return { way: pick(random, ways), bytes: mutate(random, sample), kind };
    }
  }

  /** An introduction as neighbours give it, or one that is wrong. */
  wrongIntroduction(random: Random): Uint8Array {
    const chain = random.below(8) === 0 ? "cd".repeat(32) : Buffer.from(this.chain).toString("hex");
    const peers = Array.from({ length: random.below(64) }, () => "12D3KooWL3XJ9EMCyZvmmGXL2LMiVBtrVa2BuESsJiXkSj7333Jw");
    return mutate(random, encodeIntroduction({ chain, peers, hears: peers.slice(0, 2) }));
  }

  /** Validly signed with the attacker's account, and numbered one after another unless `change` says otherwise. */
  async transaction(change: Partial<TransactionBody>): Promise<Transaction> {
    const body = encodeTransactionBody({
      version: TRANSACTION_VERSION,
      chain: this.chain,
      sender: this.account,
      nonce: change.nonce ?? [0, this.#number++],
      validUntilMs: Date.now() + 600_000,
      fee: 2,
      calls: [["account.transfer", { to: this.#victim.account, amount: 1 }]],
      ...change,
    });
    return createTransaction(body, [[this.account, await this.#keys.sign(this.account, body)]]);
  }

  async batch(change: Partial<TransactionBody>): Promise<Uint8Array> {
    return encodeTransactionBatch([(await this.transaction({ nonce: [5, 0], ...change })).bytes]);
  }

  /** A seat's vote of which something is changed after it was signed. */
  vote(change: Partial<Vote>): Uint8Array {
    return encodeConsensusMessage({ kind: "vote", vote: { ...this.newest("vote").vote, ...change } });
  }

  certificate(change: (certificate: Certificate) => Partial<Certificate>): Uint8Array {
    const { certificate } = this.newest("certificate");
    return encodeConsensusMessage({ kind: "certificate", certificate: { ...certificate, ...change(certificate) } });
  }

  candidateWith(envelopes: readonly Uint8Array[]): Uint8Array {
    const list = [...(decode(this.samples("candidate").at(-1)!) as readonly Value[])];
    list[2] = envelopes;
    return encode(list);
  }
}
