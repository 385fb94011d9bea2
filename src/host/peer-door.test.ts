/** Who is let in where not everybody is: knocks, passes, refusals, and gossip over direct streams. spec/admission.md. */
import { describe, expect, it } from "vitest";
import { equalBytes } from "../kit/bytes.ts";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { listProposals } from "../ledger/index.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { NetworkCommand, StreamProtocol } from "../peer/ports.ts";
import { decodeAdmission, encodeAdmission, knockProof, passBytes } from "../protocol/admission.ts";
import type { Value } from "../protocol/codec.ts";
import { chainOf, ROLES } from "../protocol/genesis.ts";
import { asAccountId } from "../protocol/identifiers.ts";
import type { Call } from "../protocol/transaction.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterOptions, type ClusterPeer } from "./memory-cluster.ts";

const clusters = clustersOfTests();
const START_MS = 1_750_000_000_000;
const NOTE: Call = ["record.write", { about: "x", kind: "note", digest: null, note: "hello" }];

interface Said {
  readonly from: string;
  readonly command: NetworkCommand;
}

class Closed {
  readonly clock: VirtualClock = createVirtualClock(START_MS);
  readonly cluster: MemoryCluster;
  /** All that was ordered of the network. */
  readonly said: Said[] = [];

  constructor({ isPublic = false, ...options }: Partial<ClusterOptions> & { readonly isPublic?: boolean } = {}) {
    this.cluster = new MemoryCluster({
      clock: this.clock,
      machine: machineOf({}),
      seed: 5,
      ...(isPublic ? {} : { closed: { kind: "consortium", members: { b: ROLES, c: ROLES } } as const }),
      onCommand: (from, command) => void this.said.push({ from, command }),
      ...options,
    });
    clusters.push(this.cluster);
  }

  until(condition: () => boolean, what: string, withinMs = 120_000): Promise<void> {
    return this.cluster.runUntil(this.clock, condition, { what, withinMs });
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.nowMs() + ms;
    await this.until(() => this.clock.nowMs() >= endMs, "time passes", ms + 1000);
  }

  async openAll(...names: string[]): Promise<ClusterPeer[]> {
    const peers: ClusterPeer[] = [];
    for (const name of names) peers.push(await this.cluster.open(name));
    return peers;
  }

  async seated(...names: string[]): Promise<ClusterPeer[]> {
    const peers = await this.openAll(...names);
    await this.until(() => peers.every(({ peer }) => peer.seatWork === "seated"), "all have seats");
    return peers;
  }

  async send(from: ClusterPeer, ...calls: Call[]): Promise<void> {
    let isFinal = false;
    const sent = from.send(calls, 0).then(() => (isFinal = true));
    await this.until(() => isFinal, "final");
    await sent;
  }

  async decide(change: Value, proposer: ClusterPeer, ...others: ClusterPeer[]): Promise<void> {
    const untilMs = this.clock.nowMs() + 3_600_000;
    await this.send(proposer, ["governance.propose", { change, note: "", untilMs }]);
    const proposal = listProposals(proposer.peer.state)[0]!.id;
    for (const other of others) await this.send(other, ["governance.vote", { proposal, approve: true }]);
    await this.send(proposer, ["governance.execute", { proposal }]);
  }

  /** A peer with no code of ours: it is linked, and the test says for it what it likes. */
  linkStranger(name: string): void {
    for (const [self, { runner }] of this.cluster.running)
      runner.input({ kind: "network", event: { kind: "linked", peer: name, self, direct: true } });
  }

  says(name: string, to: ClusterPeer, protocol: StreamProtocol, bytes: Uint8Array): void {
    to.runner.input({ kind: "network", event: { kind: "message", from: name, protocol, bytes } });
  }

  /** What was sent to somebody, by protocol. */
  heardBy(name: string): string[] {
    return this.said.flatMap(({ command }) => (command.kind === "send" && command.peer === name ? [command.protocol] : []));
  }

  refusalsOf(name: string): number {
    return this.said.filter(({ command }) => command.kind === "refuse" && command.peer === name).length;
  }
}

const account = (closed: Closed, name: string) => asAccountId(closed.cluster.accountOf(name));

describe("members", () => {
  it("let each other in, and agree without gossip that anybody could hear", async () => {
    const closed = new Closed();
    const peers = await closed.seated("a", "b", "c");
    for (const peer of peers) await closed.send(peer, NOTE);
    await closed.until(() => new Set(peers.map(({ peer }) => peer.final.height)).size === 1, "one height");
    const kinds = new Set(closed.said.map(({ command }) => command.kind));
    expect(kinds).not.toContain("publish");
    expect(closed.said.find(({ command }) => command.kind === "join")?.command).toMatchObject({ closed: true });
    for (const name of ["a", "b", "c"])
      expect(closed.said.filter(({ command }) => command.kind === "admit" && command.peer === name)).toHaveLength(2);
  });

  it("hear what is said by those whom they are not linked to themselves", async () => {
    const closed = new Closed();
    closed.cluster.cut("a", "c");
    const [a, , c] = await closed.seated("a", "b", "c");
    await closed.send(a!, NOTE);
    await closed.until(() => c!.peer.final.height === a!.peer.final.height, "it comes over the one between");
    expect(closed.heardBy("c")).toContain("forward");
  });

  it("pass on nothing that is unsound", async () => {
    const closed = new Closed();
    const [a] = await closed.seated("a", "b", "c");
    const garbage = Uint8Array.of(1, 0, 0xff);
    closed.says("b", a!, "forward", garbage);
    await closed.pass(1_000);
    expect(a!.penalties).toEqual([{ peer: "b", code: "encoding-invalid" }]);
    const passedOn = closed.said.filter(({ command }) => command.kind === "send" && equalBytes(command.bytes, garbage));
    expect(passedOn).toEqual([]);
  });

  it("keep the same links when a connection is changed for another", async () => {
    const closed = new Closed();
    const [a] = await closed.seated("a", "b", "c");
    a!.runner.input({ kind: "network", event: { kind: "linked", peer: "b", self: "a", direct: true } });
    await closed.send(a!, NOTE);
    await closed.pass(15_000);
    expect(closed.refusalsOf("b")).toBe(0);
  });
});

describe("a stranger", () => {
  it("[I-2] who does not know the genesis hears nothing but a knock, whatever it says, and is let go", async () => {
    const closed = new Closed();
    const [a, b] = await closed.seated("a", "b", "c");
    await closed.send(a!, NOTE);
    closed.linkStranger("mallory");
    closed.says("mallory", b!, "admit", encodeAdmission({ kind: "knock", proof: new Uint8Array(32) }));
    const overheard = closed.said.filter(({ from, command }) => from === "a" && command.kind === "send" && command.peer === "b");
    for (const { command } of overheard)
      if (command.kind === "send") for (const to of [a!, b!]) closed.says("mallory", to, command.protocol, command.bytes);
    await closed.send(a!, NOTE);
    await closed.pass(15_000);
    expect(new Set(closed.heardBy("mallory"))).toEqual(new Set(["admit"]));
    const admissions = closed.said.flatMap(({ command }) =>
      command.kind === "send" && command.peer === "mallory" ? [decodeAdmission(command.bytes).kind] : [],
    );
    expect(new Set(admissions)).toEqual(new Set(["knock"]));
    expect(closed.refusalsOf("mallory")).toBe(3);
  });

  it("who says that a member is none stops nobody", async () => {
    const closed = new Closed();
    const [a] = await closed.seated("a", "b", "c");
    closed.linkStranger("mallory");
    closed.says("mallory", a!, "admit", encodeAdmission({ kind: "refused" }));
    await closed.cluster.settled();
    expect([a!.peer.isShutOut, a!.peer.caughtUp]).toEqual([false, true]);
    // A member's word counts until anybody serves this peer again.
    closed.says("b", a!, "admit", encodeAdmission({ kind: "refused" }));
    await closed.cluster.settled();
    expect(a!.peer.isShutOut).toBe(true);
    await closed.send(a!, NOTE);
    expect(a!.peer.isShutOut).toBe(false);
  });

  it("who shows somebody else's knock or pass gains nothing", async () => {
    const closed = new Closed();
    const [a, b] = await closed.seated("a", "b", "c");
    closed.linkStranger("mallory");
    closed.linkStranger("malvin");
    const { genesis } = closed.cluster;
    const chain = chainOf(genesis);
    // As b said it, by one who has no way to knock as another, and by one who was a member once.
    const signature = await b!.keys.sign(account(closed, "b"), passBytes(chain, "b"));
    for (const [name, from] of [
      ["mallory", "b"],
      ["malvin", "malvin"],
    ] as const) {
      const proof = knockProof(genesis, from, "a");
      closed.says(name, a!, "admit", encodeAdmission({ kind: "pass", proof, account: account(closed, "b"), signature }));
      await closed.cluster.settled();
    }
    await closed.send(a!, NOTE);
    for (const name of ["mallory", "malvin"]) {
      expect(closed.said.filter(({ command }) => command.kind === "admit" && command.peer === name)).toEqual([]);
      expect(new Set(closed.heardBy(name))).toEqual(new Set(["admit"]));
    }
    expect(a!.penalties).toEqual([{ peer: "malvin", code: "signature-invalid" }]);
  });

  it("in a public BoT is not forwarded to, nor taken in by that way", async () => {
    const closed = new Closed({ isPublic: true });
    const [a] = await closed.openAll("a", "b");
    await closed.until(() => a!.peer.caughtUp, "caught up");
    const height = a!.peer.final.height;
    closed.says("b", a!, "forward", Uint8Array.of(0, 0, 0xff));
    await closed.cluster.settled();
    expect(a!.penalties).toEqual([]);
    expect(a!.peer.final.height).toBe(height);
    expect(closed.heardBy("a")).not.toContain("forward");
    expect(closed.heardBy("a")).not.toContain("admit");
  });
});

describe("an account that is no member", () => {
  it("[I-7] is refused though it has the invite, learns of no block, and comes in once the members have voted for it", async () => {
    const closed = new Closed();
    const [a, b] = await closed.seated("a", "b", "c");
    const guest = await closed.cluster.open("guest", { seatWanted: false });
    await closed.until(() => closed.refusalsOf("guest") === 3, "all refuse it");
    await closed.until(() => guest.peer.isShutOut, "it knows that it is refused");
    expect(guest.peer.final.height).toBe(0);
    expect(guest.peer.caughtUp).toBe(false);
    expect(new Set(closed.heardBy("guest"))).toEqual(new Set(["admit", "hello"]));
    await closed.decide({ kind: "membership", account: account(closed, "guest"), roles: ["read"] }, a!, b!);
    await closed.until(() => guest.peer.final.height === a!.peer.final.height, "it reads the ledger");
    expect(guest.peer.isShutOut).toBe(false);
    await expect(guest.send([NOTE], 0)).rejects.toThrow("not-authorized");
  });

  it("any more is cut off with the block that says so", async () => {
    const closed = new Closed();
    const [a, b, c] = await closed.seated("a", "b", "c");
    await closed.decide({ kind: "membership", account: account(closed, "c"), roles: null }, a!, b!);
    await closed.until(() => closed.refusalsOf("c") >= 2, "both let it go");
    await closed.until(() => c!.peer.isShutOut && !c!.peer.caughtUp, "it knows, though it may have no block that says so");
    const height = c!.peer.final.height;
    await closed.send(a!, NOTE);
    await closed.pass(30_000);
    expect(c!.peer.final.height).toBeLessThanOrEqual(height + 1);
    expect(a!.peer.final.height).toBeGreaterThan(c!.peer.final.height);
  });

  it("for those alone who were away is heard by them, so that they learn who came in meanwhile", async () => {
    const closed = new Closed({ closed: { kind: "consortium", members: { b: ROLES, c: ROLES, d: ROLES, e: ["read"] } } });
    const [a, b, d] = await closed.seated("a", "b", "d", "c");
    const reader = await closed.cluster.open("e");
    await closed.until(() => reader.peer.final.height === a!.peer.final.height, "it reads");
    closed.cluster.close("c");
    closed.cluster.close("e");
    const guest = await closed.cluster.open("guest", { seatWanted: false });
    await closed.decide({ kind: "membership", account: account(closed, "guest"), roles: ["read"] }, a!, b!, d!);
    await closed.until(() => guest.peer.final.height === a!.peer.final.height, "it is in");
    const height = guest.peer.final.height;
    closed.cluster.close("a");
    closed.cluster.close("b");
    closed.cluster.close("d");
    // Two who have caught up with each other, and are behind all the same.
    closed.cluster.close("guest");
    const [back] = await closed.openAll("c", "e");
    await closed.until(() => back!.peer.caughtUp, "they have met");
    await closed.cluster.open("guest");
    await closed.until(() => back!.peer.final.height === height, "it hears the one whom it did not know");
    expect(closed.said.filter(({ from, command }) => "ce".includes(from) && command.kind === "refuse")).toEqual([]);
  });
});

describe("a consortium", () => {
  it("stops while a third of its seats is away, for as long as that takes, and goes on when they are back", async () => {
    const closed = new Closed({ closed: { kind: "consortium", members: { b: ROLES, c: ROLES, d: ROLES } } });
    const [a] = await closed.seated("a", "b", "c", "d");
    for (const name of ["c", "d"]) closed.cluster.close(name);
    let isFinal = false;
    const sent = a!.send([NOTE], 0, 3_000_000).then(() => (isFinal = true));
    const height = a!.peer.final.height;
    // Many times as long as a public BoT waits before it recovers.
    const endMs = closed.clock.nowMs() + 600_000;
    await closed.cluster.runUntil(closed.clock, () => closed.clock.nowMs() >= endMs, {
      what: "ten minutes",
      withinMs: 700_000,
      stepMs: 500,
    });
    expect([isFinal, a!.peer.final.height]).toEqual([false, height]);
    expect(a!.peer.consensus.strength).toBe("full");
    await closed.openAll("c", "d");
    await closed.until(() => isFinal, "final");
    await sent;
    expect(a!.peer.consensus.seats).toHaveLength(4);
  });
});

describe("a private BoT", () => {
  it("lets in its owner's devices alone, by the owner's word", async () => {
    const closed = new Closed({ closed: { kind: "private", members: {} } });
    const [owner] = await closed.seated("a");
    const phone = await closed.cluster.open("phone");
    await closed.until(() => phone.peer.isShutOut, "refused");
    await closed.send(owner!, [
      "governance.propose",
      {
        change: { kind: "membership", account: account(closed, "phone"), roles: ["transact", "vote"] },
        note: "",
        untilMs: closed.clock.nowMs() + 60_000,
      },
    ]);
    await closed.until(() => phone.peer.seatWork === "seated", "it has a seat");
    await closed.send(phone, NOTE);
    expect(owner!.peer.consensus.seats).toHaveLength(2);
  });
});
