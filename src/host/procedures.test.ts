/** The procedures of ITU-T Y.4464, clause 10, as far as this version has them: four peers with seats, what one does seen at the others. */
import { afterEach, beforeEach, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../kit/bytes.ts";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import {
  contractOf,
  contractSourceOf,
  descriptionOf,
  deviceOf,
  listContracts,
  listDevices,
  listRecords,
  listStreams,
  proveKey,
  runView,
  streamOf,
  verifyProof,
} from "../ledger/index.ts";
import type { RoadReport } from "../peer/effects.ts";
import { encode } from "../protocol/codec.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { toHex, type Hash } from "../protocol/identifiers.ts";
import type { Call } from "../protocol/transaction.ts";
import { quorumOf } from "../protocol/vote.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { createContractMachine } from "./vm/contract-machine.ts";
import { loadMeteredWasmNode } from "./vm/load-wasm-node.ts";

type Final = Extract<RoadReport, { stage: "final" }>;

const DESCRIPTION = utf8('{"@context":"https://www.w3.org/2022/wot/td/v1.1","title":"Lamp"}');
const GAS = 50_000_000;
const COUNTER = `export const manifest = { name: "Counter", description: "Counts.", methods: { add: { description: "Adds one." }, count: { description: "How many." } }, views: ["count"] };
export function init(ctx) { ctx.state.set("count", 0); }
export function add(ctx) { ctx.state.set("count", ctx.state.get("count") + 1); ctx.emit("added", { count: ctx.state.get("count") }); return ctx.state.get("count"); }
export function count(ctx) { return ctx.state.get("count"); }`;

let machine: ContractMachine;
let clock: VirtualClock;
let cluster: MemoryCluster;
let peers: ClusterPeer[];

beforeAll(async () => {
  machine = await createContractMachine(await loadMeteredWasmNode());
});
beforeEach(async () => {
  clock = createVirtualClock(1_750_000_000_000);
  cluster = new MemoryCluster({ clock, machine, seed: 11, parameters: { grant: 10_000 } });
  peers = [];
  for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
  await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
});
afterEach(() => cluster.closeAll());

/** Sends through one peer, and waits until every peer that runs has the block. */
async function send(peer: ClusterPeer, ...calls: readonly Call[]): Promise<Final> {
  let final: Final | null = null;
  let refused: unknown = null;
  peer.send(calls, 80).then(
    (report) => (final = report),
    (error: unknown) => (refused = error),
  );
  const isEverywhere = (height: number): boolean => [...cluster.running.values()].every(({ peer: other }) => other.final.height >= height);
  await cluster.runUntil(clock, () => refused !== null || (final !== null && isEverywhere((final as Final).height)), { what: "final" });
  if (refused !== null) throw refused as Error;
  return final!;
}

const resultOf = (final: Final): Hash => {
  expect(final.receipt.refusal).toBeNull();
  return final.receipt.results[0] as Hash;
};
const refusalOf = (final: Final): string | undefined => final.receipt.refusal?.code;
const everywhere = <Found>(look: (peer: ClusterPeer) => Found): Found[] => peers.map(look);

describe("consensus and storing (10.1)", () => {
  it("[10.1-1][10.1-2][10.1-3][10.1-4][R1][C1a][C2c][C4a][C4c][C5b][C5d] a transaction asked of one peer is agreed on by all, performed with one result, and stored at each", async () => {
    const [, , , d] = peers as [ClusterPeer, ClusterPeer, ClusterPeer, ClusterPeer];
    const final = await send(d, ["account.transfer", { to: cluster.accountOf("a"), amount: 3 }]);
    expect(final.receipt.refusal).toBeNull();
    expect(d.peer.consensus.seats).toHaveLength(4);
    expect(new Set(everywhere(({ peer }) => toHex(peer.final.stateRoot))).size).toBe(1);
    const stored = everywhere(({ name }) => [...cluster.diskOf(name).blocks.rows.keys()].filter((key) => key.endsWith("/0000")).length);
    expect(Math.min(...stored)).toBeGreaterThanOrEqual(final.height);
  });

  it("[10.1-5] every peer that takes part tells its own dApps, also the one that did not ask", async () => {
    const final = await send(peers[3]!, ["account.transfer", { to: cluster.accountOf("a"), amount: 3 }]);
    await cluster.runUntil(clock, () => peers.every(({ committed }) => committed.some(({ height }) => height === final.height)), {
      what: "told",
    });
    const told = everywhere(({ committed }) => committed.find(({ height }) => height === final.height)!);
    for (const { block, receipts } of told) {
      expect(block!.transactions.map(({ id }) => toHex(id))).toContain(toHex(final.transaction.id));
      expect(receipts).toHaveLength(block!.transactions.length);
    }
  });

  it("[C1c] a peer that the others do not hear makes nothing final by itself", async () => {
    const [a, b, c, d] = peers as [ClusterPeer, ClusterPeer, ClusterPeer, ClusterPeer];
    for (const other of ["b", "c", "d"]) cluster.cut("a", other);
    const before = a.peer.final.height;
    a.send([["account.transfer", { to: cluster.accountOf("b"), amount: 1 }]]).catch(() => undefined);
    b.send([["account.transfer", { to: cluster.accountOf("c"), amount: 1 }]]).catch(() => undefined);
    await cluster.runUntil(clock, () => c.peer.final.height > before && d.peer.final.height > before, { what: "the others go on" });
    const endMs = clock.nowMs() + 4000;
    await cluster.runUntil(clock, () => clock.nowMs() >= endMs, { what: "some time" });
    expect(a.peer.final.height).toBe(before);
    cluster.heal();
    await cluster.runUntil(clock, () => a.peer.final.height >= b.peer.final.height && a.peer.waiting === 0, { what: "a caught up" });
    expect(new Set(everywhere(({ peer }) => toHex(peer.final.stateRoot))).size).toBe(1);
  });
});

describe("contracts (10.2)", () => {
  it("[10.2-1][10.2-2][10.2-4][10.2-5][10.2-6][10.2-7][10.2-8][10.2-9][10.2-10][R5][R27][C8] deployed through one peer, stored at all, called through another, and everybody is told", async () => {
    const [a, , c] = peers as [ClusterPeer, ClusterPeer, ClusterPeer];
    const deployed = await send(a, ["contract.deploy", { source: COUNTER, arguments: null, gasMax: GAS }]);
    const contract = resultOf(deployed);
    expect(everywhere(({ peer }) => contractSourceOf(peer.state, contract))).toEqual(peers.map(() => COUNTER));
    expect(everywhere(({ peer }) => listContracts(peer.state, { limit: 5 }).map(({ name }) => name))).toEqual(peers.map(() => ["Counter"]));
    const called = await send(c, ["contract.call", { contract, method: "add", arguments: {}, gasMax: GAS }]);
    expect(called.receipt.results).toEqual([1]);
    const view = { contract, method: "count", arguments: {}, caller: c.peer.account };
    expect(everywhere(({ peer }) => runView(peer.state, machine, view).outcome)).toMatchObject(peers.map(() => ({ ok: true, result: 1 })));
    await cluster.runUntil(clock, () => peers.every(({ committed }) => committed.some(({ height }) => height === called.height)), {
      what: "told",
    });
    for (const { committed } of peers) {
      // Who took part in the consensus on the request: the block above carries their signatures.
      const { id } = committed.find(({ height }) => height === deployed.height)!;
      const certificates = committed.flatMap(({ block }) => block?.header.certificate ?? []);
      const signers = certificates.find(({ candidate }) => candidate !== null && toHex(candidate) === toHex(id))?.signers ?? [];
      expect(signers.length).toBeGreaterThanOrEqual(quorumOf(peers.length));
      const { receipts } = committed.find(({ height }) => height === called.height)!;
      expect(receipts.flatMap(({ events }) => events)).toContainEqual(
        expect.objectContaining({
          name: "contract.emitted",
          data: expect.objectContaining({ topic: "added", data: { count: 1 } }) as unknown,
        }),
      );
    }
    resultOf(await send(a, ["contract.terminate", { contract }]));
    expect(refusalOf(await send(c, ["contract.call", { contract, method: "add", arguments: {}, gasMax: GAS }]))).toBe(
      "contract-terminated",
    );
    expect(everywhere(({ peer }) => contractOf(peer.state, contract)?.status)).toEqual(peers.map(() => "terminated"));
  });

  it("[10.2-3] a request to deploy that is refused leaves nothing, at nobody", async () => {
    const roots = (): Set<string> => new Set(everywhere(({ peer }) => toHex(peer.final.stateRoot)));
    await send(peers[0]!, ["contract.deploy", { source: "export const manifest = 1;", arguments: null, gasMax: GAS }]).then(
      (final) => expect(refusalOf(final)).toBe("manifest-invalid"),
      (error: Error) => expect(error.message).toBe("manifest-invalid"),
    );
    expect(everywhere(({ peer }) => listContracts(peer.state, { limit: 5 }))).toEqual(peers.map(() => []));
    expect(everywhere(({ peer }) => peer.waiting)).toEqual(peers.map(() => 0));
    expect(roots().size).toBe(1);
  });

  it("[10.2-3] a request to deploy on which no consensus is reached is dropped at its time, by all, and who asked is told", async () => {
    const [a, b] = peers as [ClusterPeer, ClusterPeer];
    // It has no seat: else it would propose a block with the request itself, on which the others could still agree later.
    const e = await cluster.open("e", { seatWanted: false });
    await send(a, ["account.transfer", { to: cluster.accountOf("e"), amount: 500 }]);
    for (const { name } of peers) cluster.cut("e", name);
    const { height } = e.peer.final;
    const validForMs = 20_000;
    let told: string | undefined;
    e.send([["contract.deploy", { source: COUNTER, arguments: null, gasMax: GAS }]], 80, validForMs).then(
      () => (told = "final"),
      (error: Error) => (told = error.message),
    );
    await cluster.runUntil(clock, () => e.peer.waiting === 1, { what: "it waits" });
    const validUntilMs = clock.nowMs() + validForMs;
    await cluster.runUntil(clock, () => clock.nowMs() > validUntilMs, { what: "its time is over" });
    // Whoever is cut off cannot know whether the others have agreed on it.
    expect([told, e.peer.final.height]).toEqual([undefined, height]);
    cluster.heal();
    await send(b, ["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]);
    await cluster.runUntil(clock, () => told !== undefined, { what: "who asked is told" });
    expect(told).toBe("expired");
    for (const { peer } of [...peers, e]) expect([listContracts(peer.state, { limit: 5 }), peer.waiting]).toEqual([[], 0]);
    expect(new Set([...peers, e].map(({ peer }) => toHex(peer.final.stateRoot))).size).toBe(1);
  });
});

describe("devices and data (10.6, 10.7)", () => {
  async function register(owner: ClusterPeer): Promise<Hash> {
    return resultOf(await send(owner, ["device.register", { description: DESCRIPTION, gateway: null, key: null, properties: ["light"] }]));
  }

  it("[10.6a-1][10.6a-2][10.6a-status][10.6a-discover] a device registered through one peer is found at every other, with its status, until it is retired", async () => {
    const [, , c] = peers as [ClusterPeer, ClusterPeer, ClusterPeer];
    const device = await register(c);
    expect(everywhere(({ peer }) => descriptionOf(peer.state, device))).toEqual(peers.map(() => DESCRIPTION));
    expect(everywhere(({ peer }) => listDevices(peer.state, { limit: 9 }).map(({ id }) => id))).toEqual(peers.map(() => [device]));
    await send(c, ["device.setStatus", { device, status: "active", leaseMs: 60_000 }]);
    expect(everywhere(({ peer }) => deviceOf(peer.state, device)?.status)).toEqual(peers.map(() => "active"));
    expect(refusalOf(await send(peers[0]!, ["device.update", { device, properties: [] }]))).toBe("not-owner");
    expect(deviceOf(c.peer.state, device)?.properties).toEqual(["light"]);
    await send(c, ["device.retire", { device }]);
    expect(everywhere(({ peer }) => deviceOf(peer.state, device)?.status)).toEqual(peers.map(() => "retired"));
  });

  it("[10.7-1][10.7-2][10.7-discover][R9][R10][S2][F4][F5] readings appended through one peer are stored, found and proven at every other, and nobody else appends", async () => {
    const [a, , c] = peers as [ClusterPeer, ClusterPeer, ClusterPeer];
    const device = await register(c);
    const stream = resultOf(await send(c, ["stream.open", { device, name: "light" }]));
    const pack = encode([{ n: "light", v: 21.5, u: "lx", t: 1_700_000_000 }]);
    await send(c, ["stream.append", { stream, sequence: 0, pack }]);
    await send(c, ["stream.append", { stream, sequence: 1, pack }]);
    expect(everywhere(({ peer }) => listStreams(peer.state, { limit: 9 }).map(({ id }) => id))).toEqual(peers.map(() => [stream]));
    expect(everywhere(({ peer }) => streamOf(peer.state, stream))).toMatchObject(peers.map(() => ({ packs: 2, readings: 2 })));
    for (const { peer } of peers) {
      const row = listStreams(peer.state, { limit: 1 })[0]!;
      const { root, key, value, proof } = proveKey(peer.state, row.proofKey);
      expect(verifyProof(root, key, value, proof)).toBe(true);
    }
    expect(refusalOf(await send(a, ["stream.append", { stream, sequence: 2, pack }]))).toBe("not-authorized");
  });

  it("[M1b] what was written about a thing is traced at every peer, and stands for ever", async () => {
    const [a, b] = peers as [ClusterPeer, ClusterPeer];
    const note = (kind: string) =>
      ["record.write", { about: "bike/7", kind, digest: new Uint8Array(32), note: "", countersigner: null }] as const;
    await send(a, note("made"));
    await send(b, note("sold"));
    const traced = everywhere(({ peer }) =>
      listRecords(peer.state, { limit: 9 })
        .map(({ about, kind }) => `${about} ${kind}`)
        .sort(),
    );
    expect(traced).toEqual(peers.map(() => ["bike/7 made", "bike/7 sold"]));
  });
});
