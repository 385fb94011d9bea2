/** A ledger in a file: taken while blocks become final, and believed no further than a neighbour would be. */
import { beforeAll, describe, expect, it } from "vitest";
import { bytesToHex } from "../kit/bytes.ts";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { accountOf } from "../ledger/index.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { Storage } from "../peer/ports.ts";
import { META, decodeBlockRow, decodeHead, encodeBlockRow, type BlockRow } from "../peer/rows.ts";
import { createBlock } from "../protocol/block.ts";
import { chainOf } from "../protocol/genesis.ts";
import { toHex, type Hash } from "../protocol/identifiers.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import type { Refusal } from "../protocol/refusal.ts";
import type { Call } from "../protocol/transaction.ts";
import { createCommands, type CommandHandlers } from "./commands.ts";
import { createKeys, type PeerKeys } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterOptions, type ClusterPeer } from "./memory-cluster.ts";
import { decodePeerExport, encodePeerExport, readLedgerRows } from "./peer-export.ts";
import { openSettings } from "./settings.ts";
import { createSignatures } from "./signatures/signatures.ts";
import { createMemoryDisk, createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";

const START_MS = 1_750_000_000_000;
const PASSPHRASE = "a long enough passphrase";
const NEWCOMER = "newcomer";

const clusters = clustersOfTests();

interface Rig {
  readonly clock: VirtualClock;
  readonly cluster: MemoryCluster;
  /** What the newcomer opens with. */
  readonly imported: MemoryDisk;
}

function createRig(options: Omit<ClusterOptions, "clock" | "machine" | "storageOf"> = { seed: 1 }, machine = machineOf({})): Rig {
  const clock = createVirtualClock(START_MS);
  const imported = createMemoryDisk();
  const storageOf = (name: string, disk: MemoryDisk): Storage => createMemoryStorage(name === NEWCOMER ? imported : disk);
  const cluster = new MemoryCluster({ clock, machine, ...options, storageOf });
  clusters.push(cluster);
  return { clock, cluster, imported };
}

interface Tab {
  readonly keys: PeerKeys;
  readonly commands: CommandHandlers;
  /** What was done to the peer and its ledger. */
  readonly done: string[];
  /** How often others were given their turn. */
  readonly pauses: { readonly count: number };
}

/** A tab's commands over a ledger that is there. */
async function createTab({ clock, cluster }: Rig, storage: Storage, loadMachine?: () => Promise<ContractMachine>): Promise<Tab> {
  const keys = await createKeys(createMemorySeeds());
  const account = await keys.create("account");
  await keys.forChain(chainOf(cluster.genesis), new Uint8Array(32)).create("voting");
  const done: string[] = [];
  const pauses = { count: 0 };
  const commands = createCommands({
    keys,
    settings: await openSettings(createMemoryStorage()),
    signatures: createSignatures(),
    loadMachine: loadMachine ?? (() => Promise.reject(new Error("no machine here"))),
    pause: async () => void (pauses.count += 1),
    account: () => account,
    genesis: () => cluster.genesis,
    storage: () => storage,
    stop: async () => void done.push("stop"),
    ledgers: {
      open: async (_, number) => {
        done.push(`open ${number}`);
        return storage;
      },
      remove: async (_, number) => void done.push(`remove ${number}`),
    },
    alone: (work) => work(),
    onSettings: () => undefined,
    found: async () => "",
    diagnostics: () => Promise.resolve({}),
    leave: async () => undefined,
    nowMs: () => clock.nowMs(),
    final: () => null,
    relays: () => [],
    home: () => null,
  });
  return { keys, commands, done, pauses };
}

const transfer = (count: number): Call => ["account.transfer", { to: new Uint8Array(32).fill(count), amount: 1 }];

async function makeFinal({ clock, cluster }: Rig, from: ClusterPeer, call: Call, fee?: number): Promise<void> {
  let isFinal = false;
  void from.send([call], fee).then(() => (isFinal = true));
  await cluster.runUntil(clock, () => isFinal, { what: "final" });
}

async function exportFrom(rig: Rig, storage: Storage): Promise<Uint8Array> {
  const { commands } = await createTab(rig, storage);
  return commands.exportPeer({ passphrase: PASSPHRASE, ledger: true });
}

async function importInto(rig: Rig, bytes: Uint8Array): Promise<void> {
  const { commands } = await createTab(rig, createMemoryStorage(rig.imported));
  await commands.importPeer({ bytes, passphrase: PASSPHRASE });
}

const headIn = (disk: MemoryDisk): Hash => decodeHead(disk.meta.rows.get(META.head)!).id;

describe("a ledger that is written to a file while the peer goes on", () => {
  it("is one ledger: it opens at a head, though blocks become final between any two reads", async () => {
    const rig = createRig();
    const founder = await rig.cluster.open("founder");
    for (let count = 1; count <= 3; count++) await makeFinal(rig, founder, transfer(count));
    const { storage } = founder;
    let more = 3;
    const busy: Storage = {
      ...storage,
      async range(...asked) {
        await makeFinal(rig, founder, transfer(++more));
        return storage.range(...asked);
      },
    };
    await importInto(rig, await exportFrom(rig, busy));
    expect(more).toBeGreaterThan(3);
    const newcomer = await rig.cluster.open(NEWCOMER, { seatWanted: false });
    expect(newcomer.peer.final.height).toBeGreaterThan(3);
    await rig.cluster.runUntil(rig.clock, () => toHex(newcomer.peer.final.id) === toHex(founder.peer.final.id), { what: "the same head" });
    expect(newcomer.halted).toEqual([]);
  });
});

describe("the rows of blocks", () => {
  const PAGE_ROWS = 2;
  const rename = (id: Hash): Hash => id.map((byte) => byte ^ 1) as Hash;

  /** The same rows, from the third on of another branch; both as they are in storage. */
  async function createBranches(): Promise<{ chain: Hash; left: Storage; better: Storage }> {
    const rig = createRig();
    const founder = await rig.cluster.open("founder");
    for (let count = 1; count <= 5; count++) await makeFinal(rig, founder, transfer(count));
    const chain = chainOf(rig.cluster.genesis);
    const rows = await readLedgerRows(founder.storage, chain);
    const better = rows.map(([table, key, bytes], index) => {
      const row = decodeBlockRow(bytes);
      const { id, parent } = row.info;
      const info = { ...row.info, id: index < 2 ? id : rename(id), parent: index < 3 ? parent : rename(parent!) };
      return [table, key, encodeBlockRow({ ...row, info })] as const;
    });
    const other = createMemoryStorage();
    await other.write({ puts: better, deletes: [], strict: true });
    return { chain, left: founder.storage, better: other };
  }

  it("are of one branch, though a better one takes the place of theirs between two reads", async () => {
    const { chain, left, better } = await createBranches();
    let reads = 0;
    const switching: Storage = { ...left, range: (...asked) => (++reads <= 2 ? left : better).range(...asked) };
    expect(await readLedgerRows(switching, chain, PAGE_ROWS)).toEqual(await readLedgerRows(better, chain));
    expect(reads).toBeGreaterThan(3);
  });

  it("are refused when they never follow each other", async () => {
    const { chain, left, better } = await createBranches();
    const torn: Storage = {
      ...left,
      range: (table, asked) => (asked.from === "" ? left : better).range(table, { ...asked, limit: asked.from === "" ? 3 : asked.limit }),
    };
    await expect(readLedgerRows(torn, chain, 3)).rejects.toMatchObject({ code: "storage-broken" });
  });
});

describe("a ledger whose newest epoch a recovery began", () => {
  it.each([
    { gone: 1, strength: "full" },
    { gone: 2, strength: "provisional" },
  ])("brings no vote along, and goes on with others: $gone of 4 seats gone", async ({ gone, strength }) => {
    const rig = createRig({ seed: 7, parameters: { recoveryMs: 1000 } });
    const { clock, cluster, imported } = rig;
    const peers: ClusterPeer[] = [];
    for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
    for (let count = 0; count < gone; count++) cluster.close(peers.pop()!.name);
    const [first] = peers as [ClusterPeer];
    for (let count = 1; count <= 3; count++) await makeFinal(rig, first, transfer(count));
    expect(first.peer.consensus.strength).toBe(strength);

    await importInto(rig, await exportFrom(rig, first.storage));
    expect(toHex(headIn(imported))).toBe(toHex(first.peer.final.id));
    for (const key of imported.votes.rows.keys()) expect(key).toMatch(/^(epoch|branch|recovery)/);

    const newcomer = await cluster.open(NEWCOMER, { seatWanted: false });
    expect(newcomer.halted).toEqual([]);
    await makeFinal(rig, first, transfer(9));
    await cluster.runUntil(clock, () => newcomer.halted.length > 0 || toHex(newcomer.peer.final.id) === toHex(first.peer.final.id), {
      what: "the same head",
    });
    expect(newcomer.halted).toEqual([]);
    expect(accountOf(newcomer.peer.state, new Uint8Array(32).fill(9)).balance).toBe(1);
    expect(newcomer.peer.consensus.strength).toBe(strength);
  });
});

describe("a file that brings a ledger", () => {
  it("is written beside what is there, whose voting keys stay until that goes", async () => {
    const rig = createRig();
    const founder = await rig.cluster.open("founder");
    // More than one part of what is checked together.
    for (let count = 1; count <= 20; count++) await makeFinal(rig, founder, transfer(count));
    const bytes = await exportFrom(rig, founder.storage);
    const { keys, commands, done, pauses } = await createTab(rig, createMemoryStorage(rig.imported));
    const voting = await keys.list("voting");
    expect(await commands.inspectPeer({ bytes })).toEqual({ name: "Test", here: true, ledger: true, opens: false });
    await commands.importPeer({ bytes, passphrase: PASSPHRASE });
    expect(done).toEqual(["open 1", "stop"]);
    expect(pauses.count, "others have had their turn on this thread").toBeGreaterThan(0);
    expect(await keys.list("account")).toHaveLength(2);
    expect(await keys.list("voting")).toEqual(voting);
    expect(toHex(headIn(rig.imported))).toBe(toHex(founder.peer.final.id));
  });

  it("with contracts is calculated by the contract machine, and changes nothing while that cannot be loaded", async () => {
    const machine = machineOf({ counter: { count: (_, input) => input } });
    const rig = createRig({ seed: 2, parameters: { grant: 1_000_000 } }, machine);
    const founder = await rig.cluster.open("founder");
    await makeFinal(rig, founder, ["contract.deploy", { source: "counter", arguments: null, gasMax: 100_000 }], 1000);
    const bytes = await exportFrom(rig, founder.storage);
    const offline = await createTab(rig, createMemoryStorage(rig.imported));
    await expect(offline.commands.importPeer({ bytes, passphrase: PASSPHRASE })).rejects.toThrow("no machine here");
    expect(offline.done).toEqual([]);
    const online = await createTab(rig, createMemoryStorage(rig.imported), () => Promise.resolve(machine));
    await online.commands.importPeer({ bytes, passphrase: PASSPHRASE });
    expect(toHex(headIn(rig.imported))).toBe(toHex(founder.peer.final.id));
  });
});

describe("a ledger in a file that is made up", () => {
  type Certificate = BlockRow["certificates"][number];
  let rig: Rig;
  let bytes: Uint8Array;
  beforeAll(async () => {
    rig = createRig();
    const founder = await rig.cluster.open("founder");
    for (let count = 1; count <= 3; count++) await makeFinal(rig, founder, transfer(count));
    bytes = await exportFrom(rig, founder.storage);
  });

  /** The file with its last block changed. */
  function withLast(change: (row: BlockRow) => BlockRow): Uint8Array {
    const file = decodePeerExport(bytes);
    const [table, key, row] = file.rows.at(-1)!;
    const changed = encodeBlockRow(change(decodeBlockRow(row)));
    return encodePeerExport({ ...file, rows: [...file.rows.slice(0, -1), [table, key, changed]] });
  }

  /** Another state after the block, with all that names the block changed accordingly. */
  const withOtherState = (row: BlockRow): BlockRow => {
    const stateRoot = row.block!.header.stateRoot.slice() as Hash;
    stateRoot[0]! ^= 1;
    const block = createBlock({ ...row.block!.header, stateRoot }, row.block!.transactions);
    const certificates = row.certificates.map((certificate) => ({ ...certificate, candidate: block.id }));
    return { ...row, block, certificates, info: { ...row.info, id: block.id, heightedId: block.id } };
  };

  const withCertificates = (change: (certificate: Certificate) => Certificate) => (row: BlockRow) => ({
    ...row,
    certificates: row.certificates.map(change),
  });

  /** What a tab answers to the file, and whether it has then what it had before. */
  async function outcomeOf(forged: Uint8Array): Promise<{ code: string; done: readonly string[]; isKept: boolean }> {
    const { keys, commands, done } = await createTab(rig, createMemoryStorage());
    const held = async (): Promise<string> => [...(await keys.list("account")), ...(await keys.list("voting"))].map(bytesToHex).join();
    const before = await held();
    const code = await commands.importPeer({ bytes: forged, passphrase: PASSPHRASE }).then(
      () => "taken",
      (error: unknown) => (error as Refusal).code,
    );
    return { code, done, isKept: (await held()) === before };
  }
  const REFUSED = { code: "export-invalid", done: [], isKept: true };

  it.each([
    ["another state, and the certificate renamed", withOtherState],
    ["no certificate", (row: BlockRow) => ({ ...row, certificates: [] })],
    ["a certificate of nobody", withCertificates((certificate) => ({ ...certificate, signers: [], signatures: [] }))],
    [
      "a signature that is none",
      withCertificates((certificate) => ({ ...certificate, signatures: certificate.signatures.map(() => new Uint8Array(64).fill(1)) })),
    ],
  ])("is refused with %s, and ledger, account and voting keys stay as they were", async (_, change) => {
    expect(await outcomeOf(withLast(change))).toEqual(REFUSED);
  });

  it("is refused with a block that is missing, and with a row that is none", async () => {
    const file = decodePeerExport(bytes);
    expect(await outcomeOf(encodePeerExport({ ...file, rows: file.rows.slice(1) }))).toEqual(REFUSED);
    expect(await outcomeOf(encodePeerExport({ ...file, rows: [...file.rows, ["blocks", "z", Uint8Array.of(0x80)]] }))).toEqual(REFUSED);
  });
});
