/** Steps from epoch to epoch and proofs that a block is final, each changed in every way that a liar could: none is believed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeConsensusMessage } from "../consensus/wire.ts";
import { createVirtualClock } from "../kit/clock.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { checkFinality, checkStep, type Checked, type EpochStep, type FinalityProof, type TrustedEpoch } from "../peer/epoch-steps.ts";
import { decodeSnapshotMessage, encodeSnapshotMessage, type SnapshotMessage } from "../peer/snapshot-wire.ts";
import { chainOf, decodeGenesis } from "../protocol/genesis.ts";
import { asHash, asVotingKey, type Hash } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { createSignatures } from "./signatures/signatures.ts";

type Step<Kind extends EpochStep["kind"]> = Extract<EpochStep, { kind: Kind }>;

const said: SnapshotMessage[] = [];
let cluster: MemoryCluster;
let chain: Hash;
let start: TrustedEpoch;
let steps: readonly EpochStep[];
let proof: FinalityProof;

/** What a stranger asks for, one after the other. */
async function ask(of: ClusterPeer, clock: ReturnType<typeof createVirtualClock>, message: SnapshotMessage): Promise<SnapshotMessage> {
  const before = said.length;
  of.runner.input({
    kind: "network",
    event: { kind: "message", from: "stranger", protocol: "snapshot", bytes: encodeSnapshotMessage(message) },
  });
  await cluster.runUntil(clock, () => said.length > before, { what: "an answer" });
  return said.at(-1)!;
}

beforeAll(async () => {
  const clock = createVirtualClock(1_750_000_000_000);
  cluster = new MemoryCluster({
    clock,
    machine: machineOf({}),
    seed: 3,
    parameters: { grant: 1_000_000, recoveryMs: 1000 },
    onCommand: (_, command) => {
      if (command.kind === "send" && command.peer === "stranger" && command.protocol === "snapshot")
        said.push(decodeSnapshotMessage(command.bytes));
    },
  });
  const open = async (name: string): Promise<ClusterPeer> => {
    const peer = await cluster.open(name);
    await cluster.runUntil(clock, () => peer.peer.seatWork === "seated", { what: "seated" });
    return peer;
  };
  const pay = async (blocks: number): Promise<void> => {
    for (let block = 0; block < blocks; block++) {
      const { height } = a.peer.final;
      void a.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]]);
      await cluster.runUntil(clock, () => a.peer.final.height > height, { what: "a block" });
    }
  };
  const a = await open("a");
  await open("b");
  // One of two goes: the other recovers, and goes on alone.
  cluster.close("b");
  await pay(30);
  await open("c");
  await pay(240);
  chain = chainOf(cluster.genesis);
  const { foundingSeat } = decodeGenesis(cluster.genesis);
  start = { id: chain, seats: [foundingSeat], sleeping: [], height: 0, lastRecovery: null, begunBy: null };
  const answer = await ask(a, clock, { kind: "epochs", after: chain });
  if (answer.kind !== "steps") throw new Error(answer.kind);
  steps = answer.steps;
  const nothing = asHash(new Uint8Array(32));
  const hello = encodeConsensusMessage({ kind: "hello", epochId: nothing, lastFinal: nothing, height: 0, known: [] });
  const before = said.length;
  a.runner.input({ kind: "network", event: { kind: "message", from: "stranger", protocol: "hello", bytes: hello } });
  await cluster.runUntil(clock, () => said.length > before, { what: "an offer" });
  const offer = said.at(-1)!;
  if (offer.kind !== "offer") throw new Error(offer.kind);
  proof = offer.snapshots[0]!.proof;
}, 60_000);

afterAll(() => cluster.closeAll());

const signatures = createSignatures();

/** Whether it would be believed; or the code of the refusal. */
async function verdict(work: () => Checked<unknown>): Promise<string> {
  try {
    const { checks } = work();
    return (await signatures.verify(checks)).every(Boolean) && checks.length > 0 ? "believed" : "signature-invalid";
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

/** The first step of a kind, and the epoch that it leads on from. */
function stepOf<Kind extends EpochStep["kind"]>(kind: Kind): { readonly from: TrustedEpoch; readonly step: Step<Kind> } {
  let from = start;
  for (const step of steps) {
    if (step.kind === kind) return { from, step: step as Step<Kind> };
    from = checkStep(step, from, chain).believed;
  }
  throw new Error(`no step of kind ${kind}`);
}

/** The last epoch, in which the offered block is. */
function lastEpoch(): TrustedEpoch {
  return steps.reduce((from, step) => checkStep(step, from, chain).believed, start);
}

const flip = (bytes: Uint8Array, at = bytes.length - 1): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));

describe("steps", () => {
  it("lead from the founding seat over every epoch to the block that is offered, which is final there", async () => {
    expect(steps.map(({ kind }) => kind)).toEqual(["closed", "recovered", "closed"]);
    for (const kind of ["closed", "recovered"] as const) {
      const { from, step } = stepOf(kind);
      expect(await verdict(() => checkStep(step, from, chain))).toBe("believed");
    }
    expect(await verdict(() => checkFinality(proof, lastEpoch(), chain))).toBe("believed");
  });

  it("are believed of no other epoch, and of no other chain", async () => {
    for (const kind of ["closed", "recovered"] as const) {
      const { step } = stepOf(kind);
      expect(await verdict(() => checkStep(step, { ...lastEpoch(), sleeping: null }, chain))).toBe("epoch-unproven");
    }
    const { from, step } = stepOf("closed");
    expect(await verdict(() => checkStep(step, from, asHash(flip(chain))))).toBe("wrong-chain");
    expect(await verdict(() => checkFinality(proof, start, chain))).toBe("epoch-unproven");
  });

  const closedLies: readonly (readonly [what: string, change: (step: Step<"closed">) => Step<"closed">, code: string])[] = [
    ["seats left out", (step) => ({ ...step, seats: step.seats.slice(1) }), "epoch-unproven"],
    ["no seats", (step) => ({ ...step, seats: [] }), "epoch-unproven"],
    ["no header", (step) => ({ ...step, proof: { ...step.proof, headers: [] } }), "epoch-unproven"],
    [
      "a forged signature",
      (step) => ({
        ...step,
        proof: {
          ...step.proof,
          certificate: { ...step.proof.certificate, signatures: step.proof.certificate.signatures.map((one) => flip(one, 3)) },
        },
      }),
      "signature-invalid",
    ],
    [
      "fewer signatures than a quorum",
      (step) => ({ ...step, proof: { ...step.proof, certificate: { ...step.proof.certificate, signers: [], signatures: [] } } }),
      "certificate-invalid",
    ],
    [
      "a certificate that only notarizes",
      (step) => ({ ...step, proof: { ...step.proof, certificate: { ...step.proof.certificate, kind: "notarize" } } }),
      "epoch-unproven",
    ],
    [
      "a header beside the line",
      (step) => ({ ...step, proof: { ...step.proof, headers: [...step.proof.headers, proof.headers[0]!] } }),
      "epoch-unproven",
    ],
    ["a block that ends no epoch", (step) => ({ ...step, proof, seats: step.seats }), "epoch-unproven"],
  ];
  it.each(closedLies)("with %s are not believed", async (_, change, code) => {
    const { from, step } = stepOf("closed");
    expect(await verdict(() => checkStep(change(step), from, chain))).toBe(code);
  });

  const recoveredLies: readonly (readonly [what: string, change: (step: Step<"recovered">) => Step<"recovered">, code: string])[] = [
    ["another base", (step) => ({ ...step, base: { ...step.base!, header: proof.headers[0]! } }), "epoch-unproven"],
    ["no base", (step) => ({ ...step, base: null }), "epoch-unproven"],
    ["other seats at the base", (step) => ({ ...step, base: { ...step.base!, seats: flip(step.base!.seats, 8) } }), "epoch-unproven"],
    ["another proof of them", (step) => ({ ...step, base: { ...step.base!, proof: flip(step.base!.proof, 40) } }), "epoch-unproven"],
    [
      "a forged signature",
      (step) => ({ ...step, complete: { ...step.complete, signatures: step.complete.signatures.map((one) => flip(one, 3)) } }),
      "signature-invalid",
    ],
    [
      "a seat that is none",
      (step) => ({
        ...step,
        complete: {
          ...step.complete,
          recovery: { ...step.complete.recovery, seats: [asVotingKey(flip(step.complete.recovery.seats[0]!))] },
        },
      }),
      "recovery-invalid",
    ],
    [
      "sleepers who are none",
      (step) => ({ ...step, complete: { ...step.complete, recovery: { ...step.complete.recovery, sleepers: true } } }),
      "recovery-invalid",
    ],
  ];
  it.each(recoveredLies)("over a recovery with %s are not believed", async (_, change, code) => {
    const { from, step } = stepOf("recovered");
    expect(await verdict(() => checkStep(change(step), from, chain))).toBe(code);
  });

  it("over many epochs need more than a third of the believed seats, and no recovery between", async () => {
    const { step } = stepOf("closed");
    const [, , last] = steps as readonly [EpochStep, EpochStep, Step<"closed">];
    const skip: EpochStep = { kind: "skipped", header: last.proof.headers[0]!, seats: last.seats, certificate: proof.certificate };
    const afterRecovery = checkStep(steps[1]!, checkStep(step, start, chain).believed, chain).believed;
    expect(await verdict(() => checkStep(skip, afterRecovery, chain))).toBe("believed");
    // From before the recovery: whoever it left behind may have gone on, too.
    expect(await verdict(() => checkStep(skip, start, chain))).toBe("epoch-unproven");
    const strangers = { ...afterRecovery, seats: [flip(afterRecovery.seats[0]!)] as unknown as TrustedEpoch["seats"] };
    expect(await verdict(() => checkStep(skip, strangers, chain))).toBe("epoch-unproven");
    expect(await verdict(() => checkStep(skip, { ...afterRecovery, height: 1_000_000 }, chain))).toBe("epoch-unproven");
  });
});
