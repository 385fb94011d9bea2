/** What comes from the network is a stranger's word: a peer that is fed nonsense goes on, says what was wrong, and blames nobody else. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { recoveryDigest } from "../consensus/signature-checks.ts";
import { decodeConsensusMessage, encodeConsensusMessage } from "../consensus/wire.ts";
import { createRandom } from "../kit/random.ts";
import { OBJECTIVE_FAULTS } from "../protocol/codes.ts";
import { encode } from "../protocol/codec.ts";
import { createBlock, transactionsRootOf, type Block } from "../protocol/block.ts";
import { asHash, asVotingKey, digest, toHex, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { createTransaction, envelopeOf, type Call } from "../protocol/transaction.ts";
import { recoverBytes, statementBytes, type Certificate, type Statement } from "../protocol/vote.ts";
import { decodeFetch, encodeFetch } from "../protocol/wire.ts";
import { rivalOf } from "./forged-statements.suite.ts";
import type { ClusterPeer } from "./memory-cluster.ts";
import {
  START_MS,
  clusters,
  type Rig,
  createRig,
  untrustedEvent,
  eventOf,
  signedTransaction,
  strangersCandidate,
  batchOf,
  lastSample,
  emptyClaims,
  forgedVote,
  promiseUpon,
  changedCertificate,
  candidateWith,
  WAYS,
  GOSSIP,
  HELLO,
  SYNC,
  FETCH,
  BATCH,
  type Way,
} from "./untrusted-rig.suite.ts";

const MESSAGES = 10_000;
/** More than are tried at once. */
const CLAIMS = 2 * LIMITS.claimsTriedMax;

afterEach(() => {
  for (const cluster of clusters.splice(0)) cluster.closeAll();
});

type Case = readonly [name: string, way: Way, bytes: (rig: Rig) => Promise<Uint8Array> | Uint8Array];

/** What no honest peer ever sends, with the code that it costs. */
const OBJECTIVE: readonly (readonly [...Case, code: string])[] = [
  ...WAYS.map((way): readonly [...Case, string] => {
    const name = "topic" in way ? way.topic : way.protocol;
    return [`malformed bytes on ${name}`, way, () => Uint8Array.of(0xff, 1, 2), "encoding-invalid"];
  }),
  ["bytes that are not the canonical form", GOSSIP, (rig) => Uint8Array.of(...lastSample(rig, "vote"), 0), "encoding-invalid"],
  ["a value nested too deep", SYNC, () => new Uint8Array(5000).fill(0x81).fill(0x80, 4999), "encoding-invalid"],
  ["a message above the limit", SYNC, () => new Uint8Array(LIMITS.messageBytesMax + 1), "too-large"],
  ["an unknown kind of message", GOSSIP, () => encode(["gossip", 1]), "schema-invalid"],
  ["a batch of transactions on the topic of consensus", GOSSIP, async (rig) => batchOf(await signedTransaction(rig)), "schema-invalid"],
  ["a vote on the topic of transactions", BATCH, (rig) => lastSample(rig, "vote"), "schema-invalid"],
  [
    "more transactions than a batch has",
    BATCH,
    () => encode(Array.from({ length: LIMITS.transactionBatchMax + 1 }, () => new Uint8Array(1))),
    "too-large",
  ],
  [
    "more envelopes wanted than a block has",
    FETCH,
    () => encode(["wanted", 1, Array.from({ length: LIMITS.blockTransactionsMax + 1 }, () => new Uint8Array(32))]),
    "too-large",
  ],
  ["a vote with a wrong signature", GOSSIP, (rig) => forgedVote(rig, { round: 1 }, { badSignature: true }), "signature-invalid"],
  [
    "a transaction with a wrong signature",
    BATCH,
    async (rig) => {
      const { bodyBytes } = await signedTransaction(rig);
      return batchOf(createTransaction(bodyBytes, [[rig.forger.account, new Uint8Array(64).fill(1)]]));
    },
    "signature-invalid",
  ],
  [
    "a certificate without a quorum",
    GOSSIP,
    (rig) => changedCertificate(rig, (old) => ({ ...old, signers: old.signers.slice(0, 1), signatures: old.signatures.slice(0, 1) })),
    "certificate-invalid",
  ],
  [
    "a certificate for something else",
    GOSSIP,
    (rig) => changedCertificate(rig, (old) => ({ ...old, round: old.round + 1 })),
    "signature-invalid",
  ],
  ["a candidate with another list of transactions", GOSSIP, (rig) => candidateWith(rig, []), "encoding-invalid"],
  [
    "a vote of a key that is no seat",
    GOSSIP,
    async (rig) => forgedVote(rig, {}, { votingKey: await rig.forger.keys.create("voting") }),
    "vote-invalid",
  ],
  ["a candidate of a key that is no seat", GOSSIP, (rig) => strangersCandidate(rig), "vote-invalid"],
  [
    "a candidate of a seat with another's vote",
    GOSSIP,
    (rig) => strangersCandidate(rig, { proposer: asVotingKey(rig.forger.votingKey) }),
    "vote-invalid",
  ],
  ["a promise upon a skipped round", GOSSIP, (rig) => promiseUpon(rig, "a skipped round"), "vote-invalid"],
  ["a promise upon a block of an older epoch", GOSSIP, (rig) => promiseUpon(rig, "an older epoch"), "vote-invalid"],
  ["claims without their work", BATCH, async (rig) => batchOf(...(await emptyClaims(rig, CLAIMS))), "work-too-low"],
];

/**
 * What depends on where each peer stands: it changes nothing, and nobody is blamed for it. It is refused with a code that each peer notes once for each
 * neighbour, or passed over as known, held or of no use.
 */
const SUBJECTIVE: readonly (readonly [...Case, code: string | null])[] = [
  ["a vote of another chain", GOSSIP, (rig) => forgedVote(rig, { chain: asHash(new Uint8Array(32)) }), "wrong-chain"],
  ["a vote of an unknown epoch", GOSSIP, (rig) => forgedVote(rig, { epochId: asHash(new Uint8Array(32).fill(9)) }), null],
  ["a stale vote", GOSSIP, (rig) => forgedVote(rig, { round: 1 }), null],
  ["a vote far ahead", GOSSIP, (rig) => forgedVote(rig, { round: 2 ** 50 }), null],
  ["a vote that was heard before", GOSSIP, (rig) => lastSample(rig, "vote"), null],
  ["a consensus message on the stream of greetings", WAYS[2], (rig) => lastSample(rig, "certificate"), null],
  ["an answer that nobody asked for", FETCH, () => encode(["bodies", 77, [new Uint8Array(3)]]), null],
  [
    "a transaction of another chain",
    BATCH,
    async (rig) => batchOf(await signedTransaction(rig, { chain: asHash(new Uint8Array(32)) })),
    "wrong-chain",
  ],
  ["an expired transaction", BATCH, async (rig) => batchOf(await signedTransaction(rig, { validUntilMs: START_MS })), "expired"],
  ["a transaction that was final before", BATCH, (rig) => rig.samples.get("transactions")![0]!, null],
  [
    "a transaction with a number far ahead",
    BATCH,
    async (rig) => batchOf(await signedTransaction(rig, { nonce: [3, 1_000_000] })),
    "nonce-gap",
  ],
  [
    "a transaction that its sender cannot pay",
    BATCH,
    async (rig) => batchOf(await signedTransaction(rig, { fee: 2 ** 40 })),
    "balance-too-low",
  ],
  [
    "a transaction that another than its sender signed",
    BATCH,
    async (rig) => batchOf(await signedTransaction(rig, { sender: rig.honest[0]!.peer.account })),
    "signature-missing",
  ],
  [
    "an operation that this version does not have",
    BATCH,
    async (rig) => batchOf(await signedTransaction(rig, { calls: [["nothing.at-all", null]] })),
    "unknown-operation",
  ],
];

/** What a person or dApp asks of its own peer, and the code it gets. */
const ASKED: readonly (readonly [name: string, calls: (rig: Rig) => readonly Call[], code: string])[] = [
  ["malformed", () => [["account.transfer", { to: "me", amount: 1 }]], "schema-invalid"],
  [
    "too large",
    () => [
      [
        "record.write",
        { about: "x", kind: "x", digest: new Uint8Array(32), note: "x".repeat(LIMITS.transactionBytesMax), countersigner: null },
      ],
    ],
    "too-large",
  ],
  ["unaffordable", (rig) => [["account.transfer", { to: rig.cluster.accountOf("b"), amount: 2 ** 40 }]], "balance-too-low"],
  ["unknown", () => [["nothing.at-all", null]], "unknown-operation"],
  ["unauthorized", () => [["device.retire", { device: new Uint8Array(32) }]], "unknown-device"],
];

describe("what is refused, one by one", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await createRig(2);
    clusters.pop();
    const [first] = rig.honest;
    let isFinal = false;
    void first!.send([["account.transfer", { to: rig.cluster.accountOf("b"), amount: 1 }]]).then(() => (isFinal = true));
    await rig.cluster.runUntil(rig.clock, () => isFinal && rig.honest.every(({ peer }) => peer.waiting === 0), { what: "final" });
  });
  afterAll(() => rig.cluster.closeAll());

  async function penaltiesFor(way: Way, bytes: Uint8Array): Promise<readonly string[]> {
    const { cluster, clock, honest } = rig;
    const target = honest[0]!;
    const before = target.penalties.length;
    target.runner.input({ kind: "network", event: eventOf(way, bytes) });
    const endMs = clock.nowMs() + 100;
    await cluster.runUntil(clock, () => clock.nowMs() >= endMs, { what: "taken" });
    expect(honest.flatMap(({ halted }) => halted)).toEqual([]);
    return target.penalties.slice(before).map(({ peer, code }) => `${peer} ${code}`);
  }

  it.each(OBJECTIVE)("%s costs who says it, and goes no further", async (_name, way, bytes, code) => {
    const verdicts: boolean[] = [];
    rig.heard.push((from, command) => {
      if (from === "a" && command.kind === "verdict" && command.id === 1) verdicts.push(command.accept);
    });
    expect(await penaltiesFor(way, await bytes(rig))).toEqual([`mallory ${code}`]);
    rig.heard.pop();
    expect(verdicts).toEqual(way.kind === "gossip" ? [false] : []);
  });

  it.each(SUBJECTIVE)(
    "%s costs nobody its standing, and changes nothing; what is refused is noted with its code",
    async (_name, way, bytes, code) => {
      const before = rig.honest[0]!.peer;
      const { waiting } = before;
      const root = toHex(before.final.stateRoot);
      const seen = rig.honest[0]!.logs.length;
      expect(await penaltiesFor(way, await bytes(rig))).toEqual([]);
      const { logs } = rig.honest[0]!;
      const noted = (line: string): boolean => line === `info refused ${JSON.stringify({ peer: "mallory", code })}`;
      expect(code === null ? logs.slice(seen) : logs.filter(noted)).toHaveLength(code === null ? 0 : 1);
      expect([before.waiting, toHex(before.final.stateRoot)]).toEqual([waiting, root]);
    },
  );

  it.each(ASKED)("%s calls of its own person", async (_name, calls, code) => {
    const { cluster, clock, honest } = rig;
    const outcomes: string[] = [];
    honest[0]!.send(calls(rig), 10).then(
      ({ receipt }) => outcomes.push(receipt.refusal?.code ?? "done"),
      (error: unknown) => outcomes.push((error as Error).message),
    );
    await cluster.runUntil(clock, () => outcomes.length > 0, { what: "an outcome" });
    expect(outcomes).toEqual([code]);
  });
});

const giveOf = (blocks: readonly Block[], more: boolean, certificates: readonly Certificate[] = []): Uint8Array =>
  encodeConsensusMessage({ kind: "give", blocks, certificates, recoveries: [], more });

describe("blocks that nobody stands for", () => {
  it("their transactions are verified and forgotten: nobody is served with them", async () => {
    const rig = await createRig(3);
    const served: number[] = [];
    const [target] = rig.honest;
    rig.heard.push((from, command) => {
      if (from !== "a" || command.kind !== "send" || command.protocol !== "fetch") return;
      const message = decodeFetch(command.bytes);
      if (message.kind === "bodies") served.push(message.envelopes.length);
    });
    const old = rig.forger.finalBlocks().at(-1)!;
    const transactions = [await signedTransaction(rig)];
    const block = createBlock({ ...old.header, transactionsRoot: transactionsRootOf(transactions) }, transactions);
    await sayToAll(rig, giveOf([block], true));
    for (const list of [transactions, rig.forger.finalBlocks().at(-1)!.transactions]) {
      const wanted = encodeFetch({ kind: "wanted", id: 1, envelopes: list.map(envelopeOf) });
      target!.runner.input({ kind: "network", event: { ...FETCH, from: "mallory", bytes: wanted } });
    }
    expect(served).toEqual([0, old.transactions.length]);
  });

  async function recoverBy(rig: Rig, base: Hash, { key, sleepers }: { key: Uint8Array; sleepers: boolean }): Promise<Uint8Array> {
    const { epochId } = rig.honest[0]!.peer.consensus;
    const seat = asVotingKey(key);
    const recovery = { chain: rig.forger.chain, epochId, base, seats: [seat], sleepers };
    const signature = await rig.forger.keys.sign(key, recoverBytes(recoveryDigest(recovery)));
    return encodeConsensusMessage({ kind: "recover", recover: { recovery, seat, signature } });
  }

  async function sayToAll(rig: Rig, bytes: Uint8Array): Promise<void> {
    for (const { runner } of rig.honest) runner.input({ kind: "network", event: { ...SYNC, from: "mallory", bytes: bytes.slice() } });
    const endMs = rig.clock.nowMs() + 100;
    await rig.cluster.runUntil(rig.clock, () => rig.clock.nowMs() >= endMs, { what: "taken" });
  }

  async function goOn({ honest, clock, cluster }: Rig): Promise<void> {
    let isFinal = false;
    void honest[0]!.send([["account.transfer", { to: cluster.accountOf("b"), amount: 1 }]]).then(() => (isFinal = true));
    await cluster.runUntil(clock, () => isFinal, { what: "final" });
  }

  it.each([1, 2, 3])("the rival of a final block %i below the head, and the recovery of a stranger that names it", async (depth) => {
    const rig = await createRig(3);
    const rival = rivalOf(rig.forger.finalBlocks().at(-1 - depth)!);
    const key = await rig.forger.keys.create("voting");
    await sayToAll(rig, giveOf([rival], true));
    await sayToAll(rig, await recoverBy(rig, rival.id, { key, sleepers: true }));
    expect(rig.honest.flatMap(({ halted }) => halted)).toEqual([]);
    await goOn(rig);
  });

  it("the same by a seat, which may complete a recovery that names itself alone", async () => {
    const rig = await createRig(3);
    const epochId = toHex(rig.honest[0]!.peer.consensus.epochId);
    const first = rig.forger.finalBlocks().findIndex((block) => toHex(block.id) === epochId);
    const rival = rivalOf(rig.forger.finalBlocks()[first - 2]!);
    const [base] = [rig.forger.finalBlocks()[first - 3]!.id];
    for (const named of [rival.id, base, asHash(new Uint8Array(32).fill(7))]) {
      await sayToAll(rig, giveOf([rival], true));
      await sayToAll(rig, await recoverBy(rig, named, { key: rig.forger.votingKey, sleepers: false }));
    }
    expect(rig.honest.flatMap(({ halted }) => halted)).toEqual([]);
    await goOn(rig);
  });

  it("candidates of strangers have nothing fetched, and are not passed on", async () => {
    const rig = await createRig(3);
    const [target] = rig.honest;
    const heard: string[] = [];
    rig.heard.push((from, command) => {
      if (from !== "a") return;
      if (command.kind === "verdict" && command.id === 1 && command.accept) heard.push("passed on");
      if (command.kind === "send" && command.protocol === "fetch") heard.push(`${decodeFetch(command.bytes).kind} of ${command.peer}`);
    });
    const [seat] = target!.peer.consensus.seats;
    const nowhere = digest(Uint8Array.of(1));
    for (const change of [{}, { proposer: seat! }, { epochId: nowhere }]) {
      for (let salt = 0; salt < 3; salt++) {
        const bytes = await strangersCandidate(rig, { ...change, salt });
        target!.runner.input({ kind: "network", event: eventOf(GOSSIP, bytes) });
      }
    }
    const endMs = rig.clock.nowMs() + 3000;
    await rig.cluster.runUntil(rig.clock, () => rig.clock.nowMs() >= endMs, { what: "taken" });
    expect(heard).toEqual([]);
    expect(target!.penalties.map(({ code }) => code)).toEqual(Array.from({ length: 6 }, () => "vote-invalid"));
  });

  it("one with a transaction that no version has", async () => {
    const rig = await createRig(3);
    const old = rig.forger.finalBlocks().at(-1)!;
    const transactions = [await signedTransaction(rig, { calls: [["nothing.at-all", null]] })];
    // A vote of its own, so that there is a signature to wait for.
    const { epochId } = rig.honest[0]!.peer.consensus;
    const key = await rig.forger.keys.create("voting");
    const said: Statement = { chain: rig.forger.chain, epochId, round: 1, kind: "skip", candidate: null };
    const vote = { ...said, seat: asVotingKey(key), signature: await rig.forger.keys.sign(key, statementBytes(said)) };
    const header = { ...old.header, transactionsRoot: transactionsRootOf(transactions), lateVotes: [vote] };
    await sayToAll(rig, giveOf([createBlock(header, transactions)], true));
    expect(rig.honest.map(({ penalties }) => penalties)).toEqual(rig.honest.map(() => [{ peer: "mallory", code: "signature-invalid" }]));
    expect(rig.honest.flatMap(({ halted }) => halted)).toEqual([]);
    await goOn(rig);
  });
});

describe("the word of a stranger that this peer is behind", () => {
  it("is not answered by another stranger's empty hands: what one said is there decides", async () => {
    const rig = await createRig(6);
    const { peer, runner } = rig.honest[0]!;
    const nowhere = digest(Uint8Array.of(1));
    const say = (from: string, protocol: "hello" | "sync", bytes: Uint8Array): void => {
      runner.input({ kind: "network", event: { kind: "message", from, protocol, bytes } });
    };
    say("alice", "hello", encodeConsensusMessage({ kind: "hello", epochId: nowhere, lastFinal: nowhere, height: 1000, known: [nowhere] }));
    expect(peer.consensus.behind).toBe(true);
    say("mallory", "sync", giveOf([], false));
    expect(peer.consensus.behind).toBe(true);
    const endMs = rig.clock.nowMs() + 6_000;
    await rig.cluster.runUntil(rig.clock, () => rig.clock.nowMs() >= endMs, { what: "its time is over" });
    expect(peer.consensus.behind).toBe(false);
  });

  it("is believed ever more seldom while it brings nothing: a tab stays ready", async () => {
    const rig = await createRig(4);
    const { clock, cluster, honest } = rig;
    const { peer, runner } = honest[0]!;
    let unreadySeconds = 0;
    const seconds = 160;
    for (let second = 0; second < seconds; second++) {
      const nowhere = digest(Uint8Array.of(second % 256, second >> 8));
      const hello = encodeConsensusMessage({ kind: "hello", epochId: nowhere, lastFinal: nowhere, height: 1000, known: [nowhere] });
      // Each time under another name, and with an empty answer to what it is asked.
      const from = `mallory ${second}`;
      for (const [protocol, bytes] of [
        ["hello", hello],
        ["sync", giveOf([], false)],
      ] as const) {
        if (second % 2 === 0 && protocol === "sync") continue;
        runner.input({ kind: "network", event: { kind: "message", from, protocol, bytes: bytes.slice() } });
      }
      const endMs = clock.nowMs() + 1000;
      await cluster.runUntil(clock, () => clock.nowMs() >= endMs, { what: "a second" });
      if (!peer.caughtUp) unreadySeconds++;
    }
    // Five seconds at once, then again after 5, 10, 20, 40 and 80.
    expect(unreadySeconds).toBeGreaterThan(0);
    expect(unreadySeconds).toBeLessThan(35);
  }, 120_000);
});

describe("questions that cost the peer more than the one who asks", () => {
  it("blocks in memory go to a peer at a rate; who has had its share is answered from storage, by turns", async () => {
    const rig = await createRig(7);
    const [{ runner }] = rig.honest as [ClusterPeer];
    const blocks = rig.forger.finalBlocks();
    const newest = blocks.at(-1)!;
    let givenBytes = 0;
    const given = new Set<string>();
    rig.heard.push((from, command) => {
      if (from !== "a" || command.kind !== "send" || command.peer !== "mallory" || command.protocol !== "sync") return;
      const message = decodeConsensusMessage(command.bytes);
      if (message.kind !== "give") return;
      givenBytes += command.bytes.length;
      for (const { id } of message.blocks) given.add(toHex(id));
    });
    const ask = encodeConsensusMessage({ kind: "ask", id: newest.id });
    const blockBytes = encodeConsensusMessage({ kind: "give", blocks: [newest], certificates: [], recoveries: [], more: false }).length;
    const questions = Math.ceil((1.6 * LIMITS.serveBytesPerSecondMax) / blockBytes);
    for (let question = 0; question < questions; question++) {
      runner.input({ kind: "network", event: { ...SYNC, from: "mallory", bytes: ask.slice() } });
    }
    expect(givenBytes).toBeGreaterThan(LIMITS.serveBytesPerSecondMax / 2);
    // What is around a block in a message comes on top.
    expect(givenBytes).toBeLessThan(1.5 * LIMITS.serveBytesPerSecondMax);

    given.clear();
    const { id: old, header } = blocks.at(-3)!;
    const hello = encodeConsensusMessage({
      kind: "hello",
      epochId: header.epochId,
      lastFinal: old,
      height: header.height ?? 0,
      known: [old],
    });
    runner.input({ kind: "network", event: { ...HELLO, from: "mallory", bytes: hello } });
    await rig.cluster.runUntil(rig.clock, () => given.has(toHex(blocks.at(-2)!.id)), { what: "an answer from storage" });
    expect(givenBytes).toBeLessThan(1.6 * LIMITS.serveBytesPerSecondMax);
  });
});

describe("untrusted input", () => {
  it("10 000 messages of every kind on every stream and topic: nobody halts, nobody honest is blamed, every transfer becomes final", async () => {
    const rig = await createRig(1);
    const { clock, cluster, honest, samples } = rig;
    const random = createRandom(7);
    const target = honest[0]!;
    const transfers: Promise<unknown>[] = [];
    let done = 0;
    for (let count = 0; count < MESSAGES; count++) {
      if (count % 200 === 0) {
        for (const peer of honest) {
          transfers.push(peer.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]]).then(() => (done += 1)));
        }
      }
      target.runner.input({ kind: "network", event: await untrustedEvent(random, rig, target) });
      if (count % 20 !== 0) continue;
      clock.advance(20);
      await cluster.settled();
    }
    await cluster.runUntil(clock, () => done === transfers.length, { what: "every transfer final" });
    await Promise.all(transfers);
    expect([...samples.keys()].sort()).toEqual(
      expect.arrayContaining(["absent", "ask", "bodies", "candidate", "certificate", "give", "hello", "transactions", "vote", "wanted"]),
    );
    expect(honest.flatMap(({ halted }) => halted)).toEqual([]);
    const penalties = honest.flatMap((peer) => peer.penalties);
    expect(penalties.filter(({ peer }) => peer !== "mallory")).toEqual([]);
    expect(penalties.filter(({ code }) => !OBJECTIVE_FAULTS.has(code))).toEqual([]);
    expect(penalties.map(({ code }) => code)).toEqual(
      expect.arrayContaining(["encoding-invalid", "schema-invalid", "too-large", "signature-invalid"]),
    );
  }, 240_000);
});
