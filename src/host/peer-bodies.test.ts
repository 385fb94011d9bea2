/** What a long run of final blocks leaves in memory, and that storage answers for the rest. */
import { describe, expect, it } from "vitest";
import { encodeConsensusMessage } from "../consensus/wire.ts";
import { createVirtualClock } from "../kit/clock.ts";
import { accountOf } from "../ledger/index.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { createBlock, heldBytesOfBlock, transactionsRootOf } from "../protocol/block.ts";
import { digest, toHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { createTransaction, encodeTransactionBody } from "../protocol/transaction.ts";
import { statementBytes } from "../protocol/vote.ts";
import { decodeFetch } from "../protocol/wire.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterOptions, type ClusterPeer } from "./memory-cluster.ts";

const START_MS = 1_750_000_000_000;
const BLOCKS = LIMITS.recentBlocksMax + 20;
const rootOf = ({ peer }: ClusterPeer): string => toHex(peer.final.stateRoot);
const to = (side: number): Uint8Array => new Uint8Array(32).fill(side);

const clusters = clustersOfTests();

describe("many final blocks above a root that a recovery holds back", () => {
  it("leave few bodies in memory; a reload goes on, a newcomer comes up, and what a switch undoes comes back from storage", async () => {
    const clock = createVirtualClock(START_MS);
    const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed: 3, parameters: { recoveryMs: 1000, grant: 1_000_000 } });
    clusters.push(cluster);
    let peers: ClusterPeer[] = [];
    for (const name of ["a", "b", "c"]) peers.push(await cluster.open(name));
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
    const [alone, ...others] = peers as [ClusterPeer, ClusterPeer, ClusterPeer];
    for (const { name } of others) cluster.cut("a", name);
    const transfer = async (from: ClusterPeer, side: number): Promise<void> => {
      let isFinal = false;
      void from.send([["account.transfer", { to: to(side), amount: 1 }]]).then(() => (isFinal = true));
      await cluster.runUntil(clock, () => isFinal, { what: "a transfer is final" });
    };
    for (let count = 0; count < BLOCKS; count++) await transfer(alone, 1);
    expect(alone.peer.consensus.strength).not.toBe("full");
    await cluster.settled();
    const bodyBytes = heldBytesOfBlock(alone.committed.at(-1)!.block!);
    expect(alone.peer.bodiesBytes).toBeLessThan((LIMITS.recentBlocksMax + 10) * bodyBytes);

    // All that it had above the root is known again, though no body was read.
    const { height } = alone.peer.final;
    const root = rootOf(alone);
    cluster.close("a");
    const again = await cluster.open("a");
    expect([again.peer.final.height, rootOf(again)]).toEqual([height, root]);
    await transfer(again, 1);
    expect(again.peer.bodiesBytes).toBeLessThan(10 * bodyBytes);
    const newcomer = await cluster.open("n", { seatWanted: false });
    for (const { name } of others) cluster.cut("n", name);
    await cluster.runUntil(clock, () => rootOf(newcomer) === rootOf(again), { what: "the newcomer has it all" });
    cluster.close("n");

    // The two have gone on as well, and are the better branch.
    await transfer(others[0]!, 2);
    cluster.heal();
    peers = [again, ...others];
    const paid = (side: number): number[] => peers.map(({ peer }) => accountOf(peer.state, to(side)).balance);
    await cluster.runUntil(clock, () => again.undoneAbove.length > 0, { what: "it leaves its branch", withinMs: 120_000 });
    const all = BLOCKS + 1;
    await cluster.runUntil(clock, () => paid(1).every((balance) => balance === all), { what: "all is final again", withinMs: 240_000 });
    expect(paid(2)).toEqual([1, 1, 1]);
    expect(new Set(peers.map(rootOf)).size).toBe(1);
    expect([...peers, newcomer].flatMap(({ halted }) => halted)).toEqual([]);
    expect([...peers, newcomer].flatMap(({ penalties }) => penalties)).toEqual([]);
  }, 120_000);
});

describe("candidates of a seat that name what nobody has", () => {
  it("do not keep a peer from what is honest, and one that was given up is heard again when it is said again", async () => {
    const clock = createVirtualClock(START_MS);
    const asked = new Set<string>();
    const onCommand: ClusterOptions["onCommand"] = (from, command) => {
      if (from !== "a" || command.kind !== "send" || command.protocol !== "fetch") return;
      const message = decodeFetch(command.bytes);
      if (message.kind === "wanted") for (const envelope of message.envelopes) asked.add(toHex(envelope));
    };
    const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed: 4, onCommand });
    clusters.push(cluster);
    const [a, b] = [await cluster.open("a"), await cluster.open("b")];
    await cluster.runUntil(clock, () => [a, b].every(({ peer }) => peer.seatWork === "seated"), { what: "two seats" });
    const send = async (from: ClusterPeer): Promise<void> => {
      let isFinal = false;
      void from.send([["account.transfer", { to: to(1), amount: 1 }]]).then(() => (isFinal = true));
      await cluster.runUntil(clock, () => isFinal && rootOf(a) === rootOf(b), { what: "final" });
    };
    await send(b);
    const { block } = a.committed.at(-1)!;
    const own = new Set((await b.keys.list("voting")).map(toHex));
    const seat = a.peer.consensus.seats.find((key) => own.has(toHex(key)))!;
    const { epochId } = a.peer.consensus;
    const candidateOf = async (number: number): Promise<{ bytes: Uint8Array; envelope: string }> => {
      const transactions = block!.transactions.map(({ body }) =>
        createTransaction(encodeTransactionBody({ ...body, fee: 1000 + number }), [[body.sender, new Uint8Array(64)]]),
      );
      const header = { ...block!.header, epochId, round: 1000 + number, proposer: seat, certificate: null, lateVotes: [], alives: [] };
      const forged = createBlock({ ...header, transactionsRoot: transactionsRootOf(transactions) }, transactions);
      const said = { chain: a.peer.chain, epochId, round: 1000 + number, kind: "notarize", candidate: forged.id } as const;
      const vote = { ...said, seat, signature: await b.keys.sign(seat, statementBytes(said)) };
      const bytes = encodeConsensusMessage({ kind: "candidate", block: forged, vote, certificates: [] });
      return { bytes, envelope: toHex(digest(transactions[0]!.bytes)) };
    };
    let gossips = 0;
    const say = async ({ bytes, envelope }: { bytes: Uint8Array; envelope: string }): Promise<boolean> => {
      asked.delete(envelope);
      const event = { kind: "gossip", id: 1e6 + gossips++, topic: "consensus", from: "b", bytes: bytes.slice() } as const;
      a.runner.input({ kind: "network", event });
      await cluster.settled();
      return asked.has(envelope);
    };
    const first = await candidateOf(0);
    expect(await say(first)).toBe(true);
    expect(await say(first)).toBe(false);
    for (let number = 1; number <= LIMITS.fetchesMax; number++) expect(await say(await candidateOf(number))).toBe(true);
    expect(await say(first)).toBe(true);
    for (const from of [a, b]) await send(from);
    expect([a, b].flatMap(({ halted }) => halted)).toEqual([]);
  });
});
