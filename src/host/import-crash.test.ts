/** An import that is killed, or refused, at any of its changes of the disk: all is as before or all is as brought, and no key votes without its record. */
import "fake-indexeddb/auto";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeOwnVotes, recordKeys } from "../consensus/records.ts";
import { bytesToHex } from "../kit/bytes.ts";
import { createVirtualClock } from "../kit/clock.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { Keys } from "../peer/ports.ts";
import { META, decodeHead } from "../peer/rows.ts";
import { encode, type Value } from "../protocol/codec.ts";
import { chainOf, decodeGenesis } from "../protocol/genesis.ts";
import { asVotingKey, toHex } from "../protocol/identifiers.ts";
import { shapeOf } from "../protocol/refusal.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { createCommands, type CommandHandlers } from "./commands.ts";
import { noteEmptyLedger, settleLedger } from "./ledger-place.ts";
import { loadLedger } from "./load-ledger.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { encodePeerExport, readLedgerRows } from "./peer-export.ts";
import { accountOf, openSettings } from "./settings.ts";
import { createKeys, type PeerKeys } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import { createSignatures } from "./signatures/signatures.ts";
import { Life, createIndexedDbSlot, createMemorySlot, openSlot, type End, type OpenSlot, type SlotDisk } from "./slot-disk.suite.ts";
import { copyMemoryDisk, createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";

const PASSPHRASE = "a long enough passphrase";
const NOW_MS = 1_750_000_000_000;
/** More than any of these have. */
const CHANGES_MAX = 40;

const clusters = clustersOfTests();

interface World {
  readonly genesis: Uint8Array;
  /** What is there before; the file brings the same some blocks later. */
  readonly ledger: MemoryDisk;
  readonly file: Uint8Array;
  /** Of the account in the file. */
  readonly words: string;
  /** In hexadecimal, of the file. */
  readonly account: string;
  readonly head: string;
}
let world: World;

beforeAll(async () => {
  const clock = createVirtualClock(NOW_MS);
  const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed: 1 });
  clusters.push(cluster);
  const founder = await cluster.open("founder");
  const transfer = async (count: number): Promise<void> => {
    let isFinal = false;
    void founder.send([["account.transfer", { to: new Uint8Array(32).fill(count), amount: 1 }]]).then(() => (isFinal = true));
    await cluster.runUntil(clock, () => isFinal, { what: "final" });
  };
  await transfer(1);
  const ledger = copyMemoryDisk(cluster.diskOf("founder"));
  await transfer(2);
  const keys = await createKeys(createMemorySeeds());
  const account = await keys.create("account");
  const file = encodePeerExport({
    account: await keys.exportAccount(account, PASSPHRASE),
    settings: encode({ ...(await openSettings(createMemoryStorage())).current, windowLimit: 7 } as unknown as Value),
    genesis: cluster.genesis,
    rows: await readLedgerRows(founder.storage, chainOf(cluster.genesis)),
  });
  const words = await keys.accountWords(account);
  world = { genesis: cluster.genesis, ledger, file, words, account: bytesToHex(account), head: bytesToHex(founder.peer.final.id) };
});

const keysOf = ({ keys }: OpenSlot): Keys => keys.forChain(chainOf(world.genesis), decodeGenesis(world.genesis).foundingSeat);

/** A slot with an account, and a ledger with the votes of its voting key. */
async function fill(disk: SlotDisk): Promise<void> {
  const slot = await openSlot(disk, new Life());
  await accountOf(slot.settings, slot.keys);
  const seat = asVotingKey(await keysOf(slot).create("voting"));
  const storage = await slot.ledgers.open(chainOf(world.genesis), 0);
  const puts = (["meta", "votes", "blocks", "states"] as const).flatMap((table) =>
    [...world.ledger[table].rows].map(([key, bytes]) => [table, key, bytes] as const),
  );
  const epochId = chainOf(world.genesis);
  const vote = encodeOwnVotes({ epochId, round: 9, seat, notarize: null, skip: true, finalize: null });
  await storage.write({
    puts: [...puts, ["votes", recordKeys.own(toHex(epochId), 9, toHex(seat)), vote]],
    deletes: [],
    strict: true,
  });
  storage.close();
  slot.keys.close();
}

function commandsOf(slot: OpenSlot, account: Uint8Array, done: string[]): CommandHandlers {
  // How long a password is worked on is not what these tests are about.
  const openAccount: PeerKeys["openAccount"] = async () => ({ keep: () => slot.keys.restoreAccount(world.words) });
  return createCommands({
    ...slot,
    keys: { ...slot.keys, openAccount },
    signatures: createSignatures(),
    loadMachine: () => Promise.reject(new Error("no machine here")),
    pause: async () => undefined,
    account: () => account,
    genesis: () => world.genesis,
    storage: () => null,
    stop: async () => void done.push("stop"),
    alone: (work) => work(),
    onSettings: () => undefined,
    found: async () => "",
    diagnostics: () => Promise.resolve({}),
    leave: async () => undefined,
    nowMs: () => NOW_MS,
    final: () => null,
    relays: () => [],
    home: () => null,
  });
}

interface Seen {
  readonly account: string;
  readonly windowLimit: number;
  readonly isSaved: boolean;
  readonly isOwn: boolean;
  readonly head: string;
  readonly votingKeys: number;
  readonly hasVotes: boolean;
}

/** A start of the tab, up to where its peer may vote; null when it is killed before. */
async function start(disk: SlotDisk, life: Life): Promise<Seen | null> {
  const open = async (): Promise<Seen> => {
    const slot = await openSlot(disk, life);
    const chain = chainOf(world.genesis);
    const account = await accountOf(slot.settings, slot.keys);
    const storage = await slot.ledgers.open(chain, (await slot.settings.ledgerPlace(chain)).at);
    await noteEmptyLedger(slot.settings, storage, chain, keysOf(slot));
    await settleLedger(slot.settings, slot.ledgers, chain, keysOf(slot));
    await loadLedger(storage, world.genesis);
    const head = decodeHead((await storage.read("meta", META.head))!);
    const votes = await storage.range("votes", { from: "", to: "~", limit: 1000 });
    const votingKeys = (await keysOf(slot).list("voting")).length;
    const genesis = await slot.settings.lastGenesis();
    storage.close();
    slot.keys.close();
    const { windowLimit, exportedMs } = slot.settings.current;
    return {
      account: bytesToHex(account),
      windowLimit,
      isSaved: exportedMs !== null,
      isOwn: genesis === null,
      head: bytesToHex(head.id),
      votingKeys,
      hasVotes: votes.some(([key]) => key.startsWith("own/")),
    };
  };
  return Promise.race([open(), life.killed.then(() => null)]);
}

/** Whether the import came to its end, was refused, or its process was killed. */
async function importIn(disk: SlotDisk, end: End): Promise<{ outcome: string; done: readonly string[]; slot: OpenSlot }> {
  const life = new Life(end);
  const slot = await openSlot(disk, life);
  const done: string[] = [];
  const commands = commandsOf(slot, await accountOf(slot.settings, slot.keys), done);
  const outcome = await Promise.race([
    commands.importPeer({ bytes: world.file, passphrase: PASSPHRASE }).then(
      () => "whole",
      (error: unknown) => shapeOf(error).code,
    ),
    life.killed.then(() => "killed"),
  ]);
  return { outcome, done, slot };
}

let slots = 0;
describe.each([
  ["memory", createMemorySlot],
  ["IndexedDB", () => createIndexedDbSlot(`slot ${++slots}`)],
])("an import of account, settings and ledger into %s", (_, createDisk) => {
  async function createSlot(): Promise<{ disk: SlotDisk; before: Seen }> {
    const disk = createDisk();
    await fill(disk);
    const before = (await start(disk, new Life()))!;
    expect(before).toMatchObject({ windowLimit: 100, isSaved: false, isOwn: true, votingKeys: 1, hasVotes: true });
    return { disk, before };
  }

  /** Which of the two it is, and wholly. */
  function check(seen: Seen, before: Seen): "before" | "after" {
    const { account, head } = world;
    const after = { account, head, windowLimit: 7, isSaved: true, isOwn: false, votingKeys: 0, hasVotes: false };
    expect(seen).toEqual(seen.account === before.account ? before : after);
    return seen.account === before.account ? "before" : "after";
  }

  it("killed at any change of the disk, is wholly there at the next start or not at all", async () => {
    const seen: string[] = [];
    for (let at = 1; at < CHANGES_MAX && seen.at(-1) !== "whole"; at++) {
      const { disk, before } = await createSlot();
      const { outcome } = await importIn(disk, { kind: "killed", at });
      seen.push(check((await start(disk, new Life()))!, before));
      expect(await disk.ledgerNumbers()).toHaveLength(1);
      if (outcome === "whole") seen.push(outcome);
    }
    // Account, settings and ledger change by the last of them.
    expect(seen).toEqual(["before", "before", "before", "before", "before", "after", "whole"]);
  });

  it("is brought to its end though the starts after it are killed at any change as well", async () => {
    let starts = 0;
    for (let at = 1; ; at++, starts++) {
      const { disk, before } = await createSlot();
      expect((await importIn(disk, { kind: "whole" })).outcome).toBe("whole");
      const seen = await start(disk, new Life({ kind: "killed", at }));
      expect(check(seen ?? (await start(disk, new Life()))!, before)).toBe("after");
      expect(await disk.ledgerNumbers()).toHaveLength(1);
      if (seen !== null) break;
    }
    expect(starts).toBeGreaterThan(2);
  });

  it("refused at any change, leaves the peer running, and settings, account, ledger and voting key as they were", async () => {
    let refusals = 0;
    for (let at = 1; ; at++, refusals++) {
      const { disk, before } = await createSlot();
      const { outcome, done, slot } = await importIn(disk, { kind: "refused", at });
      if (outcome === "whole") break;
      expect([outcome, done]).toEqual(["storage-full", []]);
      expect(slot.settings.current).toMatchObject({ windowLimit: 100, exportedMs: null });
      expect(await disk.ledgerNumbers()).toEqual([0]);
      // Also when it is tried again, there and then.
      const again = await importIn(disk, { kind: "refused", at });
      expect(again.outcome).toBe("storage-full");
      expect(check((await start(disk, new Life()))!, before)).toBe("before");
    }
    expect(refusals).toBe(5);
  });

  it("made twice before the tab reloads is the second one's, with nothing left of the first", async () => {
    const { disk, before } = await createSlot();
    for (let count = 0; count < 2; count++) expect((await importIn(disk, { kind: "whole" })).outcome).toBe("whole");
    expect(await disk.ledgerNumbers()).toHaveLength(3);
    expect(check((await start(disk, new Life()))!, before)).toBe("after");
    expect(await disk.ledgerNumbers()).toHaveLength(1);
  });
});
