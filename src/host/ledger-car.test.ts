/** A ledger as a CAR file: what other tools find in it, and what this one takes from it. */
import { createHash } from "node:crypto";
import { CarReader } from "@ipld/car/reader";
import { CarBufferReader } from "@ipld/car/buffer-reader";
import { blockLength, createWriter, headerLength } from "@ipld/car/buffer-writer";
import { decode as decodeNode, encode as encodeNode } from "@ipld/dag-cbor";
import { CID } from "multiformats/cid";
import { create as createMultihash } from "multiformats/hashes/digest";
import { beforeAll, describe, expect, it } from "vitest";
import type { BlockInfo } from "../consensus/engine.ts";
import { bytesToHex } from "../kit/bytes.ts";
import { createVirtualClock } from "../kit/clock.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { META, decodeHead, openBlockRow } from "../peer/rows.ts";
import { chainOf } from "../protocol/genesis.ts";
import type { Refusal } from "../protocol/refusal.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { createCommands, type CommandHandlers } from "./commands.ts";
import { createKeys } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import { decodeLedgerCar } from "./ledger-car.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { openSettings } from "./settings.ts";
import { createSignatures } from "./signatures/signatures.ts";
import { createMemoryDisk, createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";

const START_MS = 1_750_000_000_000;
const DAG_CBOR = 0x71;

const clusters = clustersOfTests();

interface World {
  readonly genesis: Uint8Array;
  readonly storage: ClusterPeer["storage"];
  /** Identifier of the last final block, in hexadecimal. */
  readonly head: string;
  readonly height: number;
  readonly car: Uint8Array;
}

interface Tab {
  readonly commands: CommandHandlers;
  /** What an import has written. */
  readonly imported: MemoryDisk;
  readonly done: string[];
  readonly votingKeys: () => Promise<number>;
}

/** A tab's commands over a ledger that is there. */
async function createTab(genesis: Uint8Array, storage: ClusterPeer["storage"] | null): Promise<Tab> {
  const keys = await createKeys(createMemorySeeds());
  const account = await keys.create("account");
  await keys.forChain(chainOf(genesis), new Uint8Array(32)).create("voting");
  const imported = createMemoryDisk();
  const done: string[] = [];
  const commands = createCommands({
    keys,
    settings: await openSettings(createMemoryStorage()),
    signatures: createSignatures(),
    loadMachine: () => Promise.reject(new Error("no machine here")),
    pause: async () => undefined,
    account: () => account,
    genesis: () => genesis,
    storage: () => storage,
    stop: async () => void done.push("stop"),
    ledgers: {
      open: async (_, number) => {
        done.push(`open ${number}`);
        return createMemoryStorage(imported);
      },
      remove: async () => undefined,
    },
    alone: (work) => work(),
    onSettings: () => undefined,
    found: async () => "",
    diagnostics: () => Promise.resolve({}),
    leave: async () => undefined,
    nowMs: () => START_MS,
    final: () => null,
    relays: () => [],
    home: () => null,
  });
  return { commands, imported, done, votingKeys: async () => (await keys.list("voting")).length };
}

async function createWorld(seed: number): Promise<World> {
  const clock = createVirtualClock(START_MS);
  const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed, parameters: { recoveryMs: 1000 } });
  clusters.push(cluster);
  const peers: ClusterPeer[] = [];
  for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
  await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
  const transfer = async (count: number): Promise<void> => {
    let isFinal = false;
    void peers[0]!.send([["account.transfer", { to: new Uint8Array(32).fill(count), amount: 1 }]]).then(() => (isFinal = true));
    await cluster.runUntil(clock, () => isFinal, { what: "final" });
  };
  await transfer(1);
  // A recovery is in it, too.
  for (const gone of ["c", "d"]) cluster.close(gone);
  for (let count = 2; count <= 4; count++) await transfer(count);
  const { peer, storage } = peers[0]!;
  const { commands } = await createTab(cluster.genesis, storage);
  const car = await commands.exportLedger({});
  return { genesis: cluster.genesis, storage, head: bytesToHex(peer.final.id), height: peer.final.height, car };
}

interface Node {
  readonly cid: CID;
  readonly bytes: Uint8Array;
}

function carOf(root: CID, nodes: readonly Node[]): Uint8Array {
  const bytes = nodes.reduce((sum, node) => sum + blockLength(node), headerLength({ roots: [root] }));
  const writer = createWriter(new ArrayBuffer(bytes), { roots: [root] });
  for (const node of nodes) writer.write(node);
  return writer.close();
}

const nodeOf = (bytes: Uint8Array): Node => ({
  cid: CID.createV1(DAG_CBOR, createMultihash(0x12, createHash("sha256").update(bytes).digest())),
  bytes,
});

function linksOf(value: unknown): readonly CID[] {
  const cid = CID.asCID(value);
  if (cid !== null) return [cid];
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
  return Object.values(value).flatMap(linksOf);
}

let world: World;
let other: World;
beforeAll(async () => {
  world = await createWorld(1);
  other = await createWorld(2);
});

/** Which of them proves the others is up to whoever stored them. */
const blocksIn = async (car: Uint8Array): Promise<readonly BlockInfo[]> =>
  (await decodeLedgerCar(car, async () => undefined)).rows.map((row) => openBlockRow(row).info);

describe("a CAR file of a ledger", () => {
  it("is whole for whoever knows only CAR files: every name is the digest of its bytes, and all hangs on the root", async () => {
    const reader = await CarReader.fromBytes(world.car);
    const nodes = new Map<string, Uint8Array>();
    for await (const { cid, bytes } of reader.blocks()) {
      expect([cid.version, cid.code, cid.multihash.code]).toEqual([1, DAG_CBOR, 0x12]);
      expect(bytesToHex(cid.multihash.digest)).toBe(createHash("sha256").update(bytes).digest("hex"));
      nodes.set(cid.toString(), bytes);
    }
    const [root, ...more] = await reader.getRoots();
    expect(more).toEqual([]);
    const reached = new Set<string>();
    const waiting = [root!];
    for (let cid = waiting.pop(); cid !== undefined; cid = waiting.pop()) {
      if (reached.has(cid.toString())) continue;
      reached.add(cid.toString());
      waiting.push(...linksOf(decodeNode(nodes.get(cid.toString())!)));
    }
    expect([...reached].toSorted()).toEqual([...nodes.keys()].toSorted());
  });

  it("names blocks and genesis as the BoT does", () => {
    const names = [...CarBufferReader.fromBytes(world.car).blocks()].map(({ cid }) => bytesToHex(cid.multihash.digest));
    expect(names).toContain(world.head);
    expect(names).toContain(bytesToHex(chainOf(world.genesis)));
  });

  it("is taken by a tab that has nothing, which calculates all anew", async () => {
    const { commands, imported, done, votingKeys } = await createTab(world.genesis, null);
    expect(await commands.inspectLedger({ bytes: world.car })).toEqual({ name: "Test", here: true, height: world.height });
    await commands.importLedger({ bytes: world.car });
    expect(done).toEqual(["open 1", "stop"]);
    expect(bytesToHex(decodeHead(imported.meta.rows.get(META.head)!).id)).toBe(world.head);
    // They go at the next start, together with what has the record of their votes.
    expect(await votingKeys()).toBe(1);
    const again = await createTab(world.genesis, createMemoryStorage(imported));
    expect(await blocksIn(await again.commands.exportLedger({}))).toEqual(await blocksIn(world.car));
  });

  it("of another BoT is told apart and refused", async () => {
    const { commands, done } = await createTab(world.genesis, world.storage);
    expect(await commands.inspectLedger({ bytes: other.car })).toMatchObject({ here: false });
    await expect(commands.importLedger({ bytes: other.car })).rejects.toMatchObject({ code: "wrong-chain" });
    expect(done).toEqual([]);
  });
});

describe("a CAR file that is not whole, or not true", () => {
  /** What a tab answers to it; it must have done nothing. */
  async function refusalOf(bytes: Uint8Array): Promise<Pick<Refusal, "code" | "data">> {
    const { commands, done } = await createTab(world.genesis, world.storage);
    const error = await commands.importLedger({ bytes }).then(
      () => ({ code: "taken", data: {} }),
      (refusal: Refusal) => refusal,
    );
    expect(done).toEqual([]);
    return { code: error.code, data: error.data } as Refusal;
  }
  const nodesOf = (car: Uint8Array): { root: CID; nodes: Node[] } => {
    const reader = CarBufferReader.fromBytes(car);
    return { root: reader.getRoots()[0]!, nodes: [...reader.blocks()] };
  };
  const invalid = (reason: unknown): object => ({ code: "export-invalid", data: { reason } });

  it("is refused without any one of its blocks", async () => {
    const { root, nodes } = nodesOf(world.car);
    expect(nodes.length).toBeGreaterThan(10);
    for (const left of nodes) {
      const refusal = await refusalOf(
        carOf(
          root,
          nodes.filter((node) => node !== left),
        ),
      );
      expect(refusal).toEqual(invalid(`block ${left.cid.toString()} is missing`));
    }
  });

  it("is refused with one byte changed in any block", async () => {
    const { root, nodes } = nodesOf(world.car);
    for (const [index, node] of nodes.entries()) {
      const bytes = node.bytes.slice();
      bytes[index % bytes.length]! ^= 1;
      const refusal = await refusalOf(carOf(root, nodes.with(index, { ...node, bytes })));
      expect(refusal).toEqual(invalid(expect.stringContaining("other bytes")));
    }
  });

  it("is refused cut short anywhere, and as garbage", async () => {
    for (let length = 0; length < world.car.length; length += 97) {
      expect((await refusalOf(world.car.slice(0, length))).code).toBe("export-invalid");
    }
    const bytes = new Uint8Array(1000).map((_, index) => (index * 31) % 256);
    expect((await refusalOf(bytes)).code).toBe("export-invalid");
  });

  it.each<[string, (root: Record<string, unknown>) => unknown]>([
    ["another format", (root) => ({ ...root, format: "bothy-ledger-2" })],
    ["no map", () => ["bothy-ledger-1"]],
    ["no pages", (root) => Object.fromEntries(Object.entries(root).filter(([name]) => name !== "pages"))],
    ["no blocks", (root) => ({ ...root, pages: [] })],
    ["something else for a genesis", (root) => ({ ...root, genesis: (root["pages"] as CID[])[0] })],
    ["a genesis that is no link", (root) => ({ ...root, genesis: "genesis" })],
    ["no height", (root) => ({ ...root, height: "high" })],
  ])("is refused with a root of %s", async (_, change) => {
    const { root, nodes } = nodesOf(world.car);
    const first = nodes.find(({ cid }) => cid.equals(root))!;
    const changed = nodeOf(encodeNode(change(decodeNode(first.bytes))));
    const refusal = await refusalOf(carOf(changed.cid, [changed, ...nodes]));
    expect(refusal.code).toBe("export-invalid");
  });

  it("is refused where its names are true and its blocks are not: another hand than the seats' wrote them", async () => {
    expect((await blocksIn(world.car)).length).toBeGreaterThan(5);
    const { root, nodes } = nodesOf(world.car);
    // The last row without what proves it.
    const map = (cid: CID): Record<string, unknown> => decodeNode(nodes.find((node) => node.cid.equals(cid))!.bytes);
    const pages = (map(root)["pages"] as CID[]).map((cid) => decodeNode<CID[]>(nodes.find((node) => node.cid.equals(cid))!.bytes));
    const last = pages.at(-1)!.at(-1)!;
    const row = nodeOf(encodeNode({ ...map(last), certificates: [] }));
    const page = nodeOf(encodeNode([...pages.at(-1)!.slice(0, -1), row.cid]));
    const forged = nodeOf(encodeNode({ ...map(root), pages: [...(map(root)["pages"] as CID[]).slice(0, -1), page.cid] }));
    expect((await refusalOf(carOf(forged.cid, [forged, row, page, ...nodes]))).code).toBe("export-invalid");
  });

  it("is refused where few bytes would become many: a row named again and again, a transaction a thousand times in a block", async () => {
    const { root, nodes } = nodesOf(world.car);
    const byName = new Map(nodes.map(({ cid, bytes }) => [cid.toString(), bytes]));
    const map = (cid: CID): Record<string, unknown> => decodeNode(byName.get(cid.toString())!);
    const [page] = map(root)["pages"] as CID[];
    const again = nodeOf(encodeNode({ ...map(root), pages: Array.from({ length: 1000 }, () => page) }));
    expect(await refusalOf(carOf(again.cid, [again, ...nodes]))).toEqual(invalid("a row twice"));
    const row = decodeNode<CID[]>(byName.get(page!.toString())!).find((cid) => (map(cid)["transactions"] as CID[]).length > 0)!;
    const [transaction] = map(row)["transactions"] as CID[];
    const large = nodeOf(encodeNode({ ...map(row), transactions: Array.from({ length: 20_000 }, () => transaction) }));
    const pages = nodeOf(encodeNode([large.cid]));
    const forged = nodeOf(encodeNode({ ...map(root), pages: [pages.cid] }));
    expect(await refusalOf(carOf(forged.cid, [forged, pages, large, ...nodes]))).toEqual(invalid("a block too large"));
  });
});
