import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { equalBytes } from "../kit/bytes.ts";
import { BLOCK_VERSION, createBlock, transactionsRootOf, type Block, type BlockHeader } from "../protocol/block.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { asVotingKey, digest, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import { quorumOf, recoverBytes, statementBytes, type Certificate, type Recovery, type Statement, type Vote } from "../protocol/vote.ts";
import type { ConsensusMessage } from "./engine.ts";
import { isGossiped, messageChecks, recoveryDigest, UnknownEpoch, type Members } from "./signature-checks.ts";
import { decodeConsensusMessage, encodeConsensusMessage, type WireMessage } from "./wire.ts";

const hash = (name: string): Hash => digest(encode(name));
const CHAIN = hash("chain");
const EPOCH = hash("epoch");
const secrets = [1, 2, 3, 4].map((number) => new Uint8Array(32).fill(number));
const seats = secrets.map((secret): VotingKey => asVotingKey(ed25519.getPublicKey(secret)));
const [sleeper, stranger] = [5, 6].map((number) => asVotingKey(ed25519.getPublicKey(new Uint8Array(32).fill(number))));
const members: Members = {
  seatsOf: (epochId) => (equalBytes(epochId, EPOCH) ? seats : undefined),
  sleepersOf: (epochId) => (equalBytes(epochId, EPOCH) ? [sleeper!] : []),
};

const notarize: Statement = { chain: CHAIN, epochId: EPOCH, round: 3, kind: "notarize", candidate: hash("candidate") };
const voteOf = (statement: Statement, seat = 0): Vote => ({
  ...statement,
  seat: seats[seat]!,
  signature: ed25519.sign(statementBytes(statement), secrets[seat]!),
});
const certificateOf = (statement: Statement, signers: readonly number[]): Certificate => ({
  ...statement,
  signers,
  signatures: signers.map((signer) => ed25519.sign(statementBytes(statement), secrets[signer]!)),
});
const certificate = certificateOf(notarize, [0, 1, 3]);
const header: BlockHeader = {
  version: BLOCK_VERSION,
  chain: CHAIN,
  height: 5,
  epochId: EPOCH,
  round: 3,
  parent: hash("parent"),
  timeMs: 1000,
  proposer: seats[0]!,
  transactionsRoot: transactionsRootOf([]),
  receiptsRoot: hash("receipts"),
  stateRoot: hash("state"),
  seatsDigest: hash("seats"),
  endsEpoch: false,
  lastRecovery: null,
  certificate,
  lateVotes: [voteOf({ ...notarize, round: 2 }, 2)],
  alives: [],
};
const block = createBlock(header, []);
const recovery: Recovery = { chain: CHAIN, epochId: EPOCH, base: hash("base"), seats: seats.slice(0, 2), sleepers: false };
const signRecovery = (seat: number): Uint8Array => ed25519.sign(recoverBytes(recoveryDigest(recovery)), secrets[seat]!);
const alive = {
  chain: CHAIN,
  epochId: EPOCH,
  lastFinal: hash("final"),
  highest: certificate,
  seat: seats[1]!,
  signature: new Uint8Array(64),
};

const MESSAGES: Readonly<Record<ConsensusMessage["kind"], ConsensusMessage>> = {
  candidate: { kind: "candidate", block, vote: voteOf({ ...notarize, candidate: block.id }), certificates: [certificate] },
  vote: { kind: "vote", vote: voteOf(notarize) },
  certificate: { kind: "certificate", certificate },
  alive: { kind: "alive", alive },
  recover: { kind: "recover", recover: { recovery, seat: seats[0]!, signature: signRecovery(0) } },
  absent: { kind: "absent", absent: { chain: CHAIN, epochId: EPOCH, round: 4, seat: seats[2]!, signature: new Uint8Array(64) } },
  hello: { kind: "hello", epochId: EPOCH, lastFinal: hash("final"), height: 7, known: [hash("a"), hash("b")] },
  ask: { kind: "ask", id: hash("wanted") },
  give: {
    kind: "give",
    blocks: [block],
    certificates: [certificate],
    recoveries: [{ recovery, signatures: [signRecovery(0), signRecovery(1)] }],
    more: true,
  },
};
const KINDS = Object.keys(MESSAGES) as ConsensusMessage["kind"][];

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
  return "taken";
};
const decodeOf = (message: ConsensusMessage): WireMessage => decodeConsensusMessage(encodeConsensusMessage(message));
const asList = (kind: ConsensusMessage["kind"]): Value[] => [...(decode(encodeConsensusMessage(MESSAGES[kind])) as readonly Value[])];
const codeOfList = (list: Value): string => codeOf(() => decodeConsensusMessage(encode(list)));

describe("consensus messages on the wire", () => {
  it.each(KINDS.filter((kind) => kind !== "candidate"))("%s comes back as it was", (kind) => {
    expect(decodeOf(MESSAGES[kind])).toEqual(MESSAGES[kind]);
  });

  it("candidate comes back with the digests of its transactions in place of them", () => {
    const { kind, vote, certificates } = MESSAGES.candidate as Extract<ConsensusMessage, { kind: "candidate" }>;
    expect(decodeOf(MESSAGES.candidate)).toMatchObject({ kind, id: block.id, header, envelopes: [], vote, certificates });
  });

  it.each(KINDS)("%s: one part too many or too few, and another kind's name, are schema-invalid", (kind) => {
    const list = asList(kind);
    expect(codeOfList([...list, null])).toBe("schema-invalid");
    expect(codeOfList(list.slice(0, -1))).toBe("schema-invalid");
    expect(codeOfList(["nonsense", ...list.slice(1)])).toBe("schema-invalid");
    expect(codeOfList(["__proto__", ...list.slice(1)])).toBe("schema-invalid");
  });

  it.each(KINDS)("%s: every part exchanged for null is schema-invalid, but where null has a meaning", (kind) => {
    const list = asList(kind);
    for (let index = 1; index < list.length; index++) {
      expect(codeOfList(list.map((item, at) => (at === index ? null : item)))).toBe("schema-invalid");
    }
  });

  it("lists above their limits are too-large", () => {
    const id = hash("a");
    expect(
      codeOf(() => decodeOf({ ...MESSAGES.hello, known: Array.from({ length: LIMITS.knownBlocksMax + 1 }, () => id) } as ConsensusMessage)),
    ).toBe("too-large");
    const certificates = Array.from({ length: LIMITS.certificatesMax + 1 }, () => certificate);
    expect(codeOf(() => decodeOf({ ...MESSAGES.candidate, certificates } as ConsensusMessage))).toBe("too-large");
    const envelopes = Array.from({ length: LIMITS.blockTransactionsMax + 1 }, () => id);
    expect(codeOfList(asList("candidate").map((item, at) => (at === 2 ? envelopes : item)))).toBe("too-large");
    const blocks = Array.from({ length: LIMITS.giveBlocksMax + 1 }, () => block);
    expect(codeOf(() => decodeOf({ ...MESSAGES.give, blocks } as ConsensusMessage))).toBe("too-large");
    expect(codeOf(() => decodeConsensusMessage(new Uint8Array(LIMITS.messageBytesMax + 1)))).toBe("too-large");
  });

  it("bytes that are not the one canonical form are encoding-invalid", () => {
    const bytes = encodeConsensusMessage(MESSAGES.vote);
    expect(codeOf(() => decodeConsensusMessage(Uint8Array.from([...bytes, 0])))).toBe("encoding-invalid");
    expect(codeOf(() => decodeConsensusMessage(bytes.slice(0, -1)))).toBe("encoding-invalid");
    expect(codeOf(() => decodeConsensusMessage(new Uint8Array(100_000).fill(0x81)))).toBe("encoding-invalid");
  });
});

describe("what must be verified in a consensus message", () => {
  const checksOf = (message: ConsensusMessage, chain = CHAIN): ReturnType<typeof messageChecks> =>
    messageChecks(decodeOf(message), chain, members);

  it.each([
    ["vote", 1],
    ["certificate", 3],
    ["alive", 4],
    ["recover", 1],
    ["absent", 1],
    ["candidate", 1 + 3 + 1 + 3],
    ["give", 3 + 1 + 3 + 2],
    ["hello", 0],
    ["ask", 0],
  ] as const)("%s: %i signatures", (kind, count) => {
    expect(checksOf(MESSAGES[kind])).toHaveLength(count);
  });

  it("the signatures of votes and certificates are over what they say", () => {
    for (const kind of ["vote", "certificate", "recover"] as const) {
      for (const { publicKey, signature, message } of checksOf(MESSAGES[kind]))
        expect(ed25519.verify(signature, message, publicKey)).toBe(true);
    }
  });

  it.each(["candidate", "vote", "certificate", "alive", "recover", "absent", "give"] as const)(
    "%s of another chain is wrong-chain",
    (kind) => {
      expect(codeOf(() => checksOf(MESSAGES[kind], hash("another chain")))).toBe("wrong-chain");
    },
  );

  it("a statement of another chain inside of what is of this one is wrong-chain, too", () => {
    const other = hash("another chain");
    const blockWith = (change: Partial<BlockHeader>): Block => createBlock({ ...header, ...change }, []);
    const give = MESSAGES.give as Extract<ConsensusMessage, { kind: "give" }>;
    const foreign = { ...recovery, chain: other };
    const inside: readonly ConsensusMessage[] = [
      { ...give, blocks: [blockWith({ chain: other })] },
      { ...give, blocks: [blockWith({ certificate: { ...certificate, chain: other } })] },
      { ...give, blocks: [blockWith({ lateVotes: [voteOf({ ...notarize, chain: other, round: 2 }, 2)] })] },
      { ...give, blocks: [blockWith({ alives: [{ ...alive, chain: other }] })] },
      { ...give, blocks: [blockWith({ alives: [{ ...alive, highest: { ...certificate, chain: other } }] })] },
      { ...give, certificates: [{ ...certificate, chain: other }] },
      { ...give, recoveries: [{ recovery: foreign, signatures: [signRecovery(0), signRecovery(1)] }] },
      { kind: "alive", alive: { ...alive, highest: { ...certificate, chain: other } } },
      { ...(MESSAGES.candidate as Extract<ConsensusMessage, { kind: "candidate" }>), certificates: [{ ...certificate, chain: other }] },
    ];
    expect(inside.map((message) => codeOf(() => checksOf(message)))).toEqual(inside.map(() => "wrong-chain"));
  });

  it("a certificate without a quorum, or by a seat that is none, is certificate-invalid", () => {
    expect(quorumOf(seats.length)).toBe(3);
    expect(codeOf(() => checksOf({ kind: "certificate", certificate: certificateOf(notarize, [0, 1]) }))).toBe("certificate-invalid");
    const foreign = { ...certificate, signers: [0, 1, 4] };
    expect(codeOf(() => checksOf({ kind: "certificate", certificate: foreign }))).toBe("certificate-invalid");
    expect(codeOf(() => checksOf({ kind: "alive", alive: { ...alive, highest: certificateOf(notarize, [2]) } }))).toBe(
      "certificate-invalid",
    );
  });

  it("signers that do not ascend, so that one could count twice, are schema-invalid", () => {
    const twice = { ...certificate, signers: [0, 0, 1] };
    expect(codeOf(() => decodeOf({ kind: "certificate", certificate: twice }))).toBe("schema-invalid");
  });

  it("an epoch that is not known is no fault of the sender's", () => {
    const vote = voteOf({ ...notarize, epochId: hash("later") });
    expect(() => checksOf({ kind: "vote", vote })).toThrow(UnknownEpoch);
  });

  type Message<Kind extends ConsensusMessage["kind"]> = Extract<ConsensusMessage, { kind: Kind }>;
  const messageOf = <Kind extends ConsensusMessage["kind"]>(kind: Kind): Message<Kind> => MESSAGES[kind] as Message<Kind>;
  const { absent } = messageOf("absent");
  const recoverBy = (seat: VotingKey, change: Partial<Recovery> = {}): ConsensusMessage => ({
    kind: "recover",
    recover: { recovery: { ...recovery, seats: [seat], ...change }, seat, signature: new Uint8Array(64) },
  });

  it("a vote, a hint or a recovery of a key that is no seat of its epoch is vote-invalid, also of one that sleeps", () => {
    for (const seat of [stranger!, sleeper!]) {
      expect(codeOf(() => checksOf({ kind: "vote", vote: { ...voteOf(notarize), seat } }))).toBe("vote-invalid");
      expect(codeOf(() => checksOf({ kind: "absent", absent: { ...absent, seat } }))).toBe("vote-invalid");
      expect(codeOf(() => checksOf(recoverBy(seat)))).toBe("vote-invalid");
    }
    expect(codeOf(() => checksOf(recoverBy(seats[3]!, { seats: seats.slice(0, 2) })))).toBe("vote-invalid");
  });

  it("who sleeps may promise, and recover with others who sleep; of any other key that costs nobody anything", () => {
    const promiseOf = (seat: VotingKey): ConsensusMessage => ({ kind: "alive", alive: { ...alive, seat } });
    for (const seat of [seats[0]!, sleeper!]) {
      expect(codeOf(() => checksOf(promiseOf(seat)))).toBe("taken");
      expect(codeOf(() => checksOf(recoverBy(seat, { sleepers: true })))).toBe("taken");
    }
    expect(codeOf(() => checksOf(promiseOf(stranger!)))).toBe("unknown-seat");
    expect(codeOf(() => checksOf(recoverBy(stranger!, { sleepers: true })))).toBe("unknown-seat");
  });

  it("a statement of a stranger of an epoch that is not known may be a seat's", () => {
    const epochId = hash("later");
    const later: readonly ConsensusMessage[] = [
      { kind: "vote", vote: { ...voteOf(notarize), epochId, seat: stranger! } },
      { kind: "absent", absent: { ...absent, epochId, seat: stranger! } },
      { kind: "alive", alive: { ...alive, epochId, highest: null, seat: stranger! } },
      recoverBy(stranger!, { epochId }),
      recoverBy(stranger!, { epochId, sleepers: true }),
      candidateBy(stranger!, { epochId, certificate: null, lateVotes: [] }),
    ];
    for (const message of later) expect(() => checksOf(message)).toThrow(UnknownEpoch);
  });

  function candidateBy(proposer: VotingKey, change: Partial<BlockHeader> = {}, said: Partial<Vote> = {}): ConsensusMessage {
    const made = createBlock({ ...header, proposer, ...change }, []);
    const { epochId, round } = made.header;
    const vote = { ...voteOf(notarize), epochId, round, candidate: made.id, seat: proposer, ...said };
    return { kind: "candidate", block: made, vote, certificates: [] };
  }

  it("a candidate comes with its proposer's own vote for it, in its epoch and round: else it is vote-invalid", () => {
    expect(codeOf(() => checksOf(candidateBy(seats[1]!)))).toBe("taken");
    const wrong: readonly ConsensusMessage[] = [
      candidateBy(stranger!),
      candidateBy(seats[1]!, {}, { candidate: hash("another") }),
      candidateBy(seats[1]!, {}, { seat: seats[2]! }),
      candidateBy(stranger!, {}, { seat: seats[2]! }),
      candidateBy(seats[1]!, {}, { seat: stranger! }),
      candidateBy(seats[1]!, {}, { round: header.round + 1 }),
      candidateBy(seats[1]!, {}, { epochId: hash("later") }),
      candidateBy(seats[1]!, { epochId: hash("later") }, { epochId: EPOCH }),
      candidateBy(seats[1]!, {}, { kind: "finalize" }),
      candidateBy(seats[1]!, {}, { kind: "skip", candidate: null }),
    ];
    expect(wrong.map((message) => codeOf(() => checksOf(message)))).toEqual(wrong.map(() => "vote-invalid"));
  });

  it("of answers only complete recoveries of members are gossiped", () => {
    const { recoveries } = messageOf("give");
    const giveOf = (change: Partial<Message<"give">>): Message<"give"> => ({
      ...messageOf("give"),
      blocks: [],
      certificates: [],
      ...change,
    });
    const by = (change: Partial<Recovery>) => [{ ...recoveries[0]!, recovery: { ...recovery, ...change } }];
    const sent: readonly (readonly [boolean, Message<"give">])[] = [
      [true, giveOf({})],
      [true, giveOf({ recoveries: by({ seats: [sleeper!], sleepers: true }) })],
      [false, giveOf({ blocks: [block] })],
      [false, giveOf({ certificates: [certificate] })],
      [false, giveOf({ recoveries: by({ seats: [seats[0]!, stranger!] }) })],
      [false, giveOf({ recoveries: by({ seats: [sleeper!] }) })],
      [false, giveOf({ recoveries: by({ seats: [stranger!], sleepers: true }) })],
      [false, giveOf({ recoveries: by({ epochId: hash("later") }) })],
    ];
    expect(sent.map(([, give]) => isGossiped(give, members))).toEqual(sent.map(([isOne]) => isOne));
  });

  it("candidates are named by skip and notarize votes as they must be", () => {
    const list = asList("vote");
    const vote = list[1] as readonly Value[];
    expect(codeOfList(["vote", vote.map((item, at) => (at === 3 ? "skip" : item))])).toBe("schema-invalid");
    expect(codeOfList(["vote", vote.map((item, at) => (at === 4 ? null : item))])).toBe("schema-invalid");
  });
});
