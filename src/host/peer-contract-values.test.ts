import { beforeAll, describe, expect, it } from "vitest";
import { bytesToHex } from "../kit/bytes.ts";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { snapshotChunks, stateOfChunks } from "../ledger/index.ts";
import type { Value } from "../protocol/codec.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { LIMITS } from "../protocol/limits.ts";
import { loadLedger } from "./load-ledger.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";
import { createContractMachine } from "./vm/contract-machine.ts";
import { loadMeteredWasmNode } from "./vm/load-wasm-node.ts";

let machine: ContractMachine;
beforeAll(async () => {
  machine = await createContractMachine(await loadMeteredWasmNode());
});

const clusters = clustersOfTests();

const GAS_MAX = 100_000_000;
/** Lists inside of one another, in the words of a contract. */
const NEST = "function nest(depth) { let value = 1; for (let i = 0; i < depth; i++) value = [value]; return value; }";

interface Room {
  readonly cluster: MemoryCluster;
  readonly clock: VirtualClock;
  readonly first: ClusterPeer;
  readonly second: ClusterPeer;
  readonly disks: Map<string, MemoryDisk>;
}

async function openRoom(): Promise<Room> {
  const clock = createVirtualClock(1_700_000_000_000);
  const disks = new Map<string, MemoryDisk>();
  const storageOf = (name: string, disk: MemoryDisk) => {
    disks.set(name, disk);
    return createMemoryStorage(disk);
  };
  const cluster = new MemoryCluster({ clock, machine, seed: 21, parameters: { grant: 1_000_000 }, storageOf });
  clusters.push(cluster);
  const first = await cluster.open("a");
  const second = await cluster.open("b");
  await cluster.runUntil(clock, () => second.peer.seatWork === "seated", { what: "two seats" });
  return { cluster, clock, first, second, disks };
}

const stateOf = ({ peer }: ClusterPeer): string => `${peer.final.height} ${bytesToHex(peer.final.stateRoot)}`;

/** What the transaction came to, once it is final. */
async function final({ cluster, clock, first }: Room, call: readonly [string, Value]) {
  let receipt: Awaited<ReturnType<ClusterPeer["send"]>>["receipt"] | undefined;
  void first.send([call], 1000).then((report) => (receipt = report.receipt));
  await cluster.runUntil(clock, () => receipt !== undefined, { what: `${call[0]} is final` });
  return receipt!;
}

async function deploy(room: Room, source: string): Promise<Value> {
  const { refusal, results } = await final(room, ["contract.deploy", { source, arguments: null, gasMax: GAS_MAX }]);
  expect(refusal).toBeNull();
  return results[0]!;
}

const call = (contract: Value, method: string, argument: Value): readonly [string, Value] => [
  "contract.call",
  { contract, method, arguments: argument, gasMax: GAS_MAX },
];

async function agree({ cluster, clock }: Room, ...peers: readonly ClusterPeer[]): Promise<void> {
  await cluster.runUntil(clock, () => new Set(peers.map(stateOf)).size === 1, { what: "all agree" });
  expect(peers.flatMap(({ halted }) => halted)).toEqual([]);
}

describe("what contracts keep, tell and give back", () => {
  const SOURCE = `export const manifest = { name: "deep", methods: { keep: {}, tell: {}, write: {}, give: {} } };
${NEST}
export function keep(ctx, depth) { ctx.state.set("k", nest(depth)); }
export function tell(ctx, depth) { ctx.emit("deep", nest(depth)); }
export function write(ctx, depth) { ctx.record("deep", nest(depth)); }
export function give(ctx, depth) { return nest(depth); }`;

  it("[R6] nests as deep as the limit, becomes final, is stored, and is read again; one level more is refused, and nobody stops", async () => {
    const room = await openRoom();
    const contract = await deploy(room, SOURCE);
    for (const method of ["keep", "tell", "write", "give"]) {
      const kept = await final(room, call(contract, method, LIMITS.contractValueDepthMax));
      expect([method, kept.refusal]).toEqual([method, null]);
      const refused = await final(room, call(contract, method, LIMITS.contractValueDepthMax + 1));
      expect([method, refused.refusal?.code]).toEqual([method, method === "give" ? "encoding-invalid" : "contract-error"]);
    }
    await agree(room, room.first, room.second);
    // The list of changes, the receipts and the state as a whole are read from storage, and a snapshot of it can be written.
    const { state } = await loadLedger(createMemoryStorage(room.disks.get("b")!), room.cluster.genesis);
    expect(stateOfChunks([...snapshotChunks(state)]).root()).toEqual(room.second.peer.final.stateRoot);
    room.cluster.close("b");
    await agree(room, room.first, await room.cluster.open("b"));
  });

  it("[R6] a manifest that nests as deep as the limit is stored; a deeper one is refused", async () => {
    const room = await openRoom();
    // A method's schema stands four levels down in what the machine reads of a module.
    const source = (depth: number): string => {
      const input = '{"a":'.repeat(depth - 4) + "1" + "}".repeat(depth - 4);
      return `export const manifest = { name: "deep", methods: { go: { input: ${input} } } }; export function go() {}`;
    };
    await deploy(room, source(LIMITS.contractValueDepthMax));
    const deeper: Value = { source: source(LIMITS.contractValueDepthMax + 1), arguments: null, gasMax: GAS_MAX };
    expect((await final(room, ["contract.deploy", deeper])).refusal?.code).toBe("manifest-invalid");
    await agree(room, room.first, room.second);
    room.cluster.close("b");
    await agree(room, room.first, await room.cluster.open("b"));
  });

  it("[R6] a result above the limit of a value is refused, and costs what was offered at most", async () => {
    const room = await openRoom();
    const source = `export const manifest = { name: "long", methods: { give: {} } };
export function give(ctx, units) { return "x".repeat(units); }`;
    const contract = await deploy(room, source);
    const fits = await final(room, call(contract, "give", LIMITS.contractValueBytesMax - 3));
    expect(fits.refusal).toBeNull();
    const tooLong = await final(room, call(contract, "give", LIMITS.contractValueBytesMax));
    expect(tooLong.refusal?.code).toBe("too-large");
    await agree(room, room.first, room.second);
  });

  it("[R6] shows the keys of a map in one order to every peer, whether it executed the block or read it from its store", async () => {
    const room = await openRoom();
    const source = `export const manifest = { name: "order", methods: { keep: {}, keys: {} } };
export function keep(ctx) { ctx.state.set("map", { long: 1, b: 2, a: { d: 1, c: 2 } }); }
export function keys(ctx) { const map = ctx.state.get("map"); return JSON.stringify(map); }`;
    const contract = await deploy(room, source);
    expect((await final(room, call(contract, "keep", null))).refusal).toBeNull();
    await agree(room, room.first, room.second);
    room.cluster.close("b");
    const again = await room.cluster.open("b");
    await agree(room, room.first, again);
    const { results } = await final(room, call(contract, "keys", null));
    expect(results).toEqual(['{"a":{"c":2,"d":1},"b":2,"long":1}']);
    await agree(room, room.first, again);
  });
});
