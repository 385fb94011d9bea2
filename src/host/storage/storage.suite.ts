/** What every `Storage` does. Cases are data, so that the same ones run in Node and inside a page of a real browser. */
import { assert } from "../../kit/assert.ts";
import { STORAGE_TABLES, type Storage, type StorageBatch, type StorageTable } from "../../peer/ports.ts";
import { Refusal } from "../../protocol/refusal.ts";

export interface StorageCase {
  readonly name: string;
  /** `open` opens the database of the case, again after it was closed. Rejects if the storage is wrong. */
  readonly run: (open: () => Promise<Storage>) => Promise<void>;
}

type Put = readonly [StorageTable, string, Uint8Array];

const put = (...puts: Put[]): StorageBatch => ({ puts, deletes: [], strict: false });

function equal(found: unknown, expected: unknown, what: string): void {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, item: unknown) => (item instanceof Uint8Array ? { bytes: [...item] } : item)) ?? "undefined";
  assert(text(found) === text(expected), `${what}: ${text(found).slice(0, 300)} instead of ${text(expected).slice(0, 300)}`);
}

async function refused(promise: Promise<unknown>, code: string, what: string): Promise<void> {
  const outcome = await promise.then(
    () => "no refusal",
    (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
  );
  equal(outcome, code, what);
}

const rowsCase: StorageCase = {
  name: "keeps bytes by table and key, and gives undefined for none",
  async run(open) {
    const storage = await open();
    equal(await storage.read("meta", "a"), undefined, "a missing row");
    await storage.write(put(...STORAGE_TABLES.map((table, i): Put => [table, "a", Uint8Array.of(i)])));
    for (const [i, table] of STORAGE_TABLES.entries()) equal(await storage.read(table, "a"), Uint8Array.of(i), table);
    await storage.write(put(["meta", "a", new Uint8Array(0)]));
    equal(await storage.read("meta", "a"), new Uint8Array(0), "an empty row");
    await storage.write({
      puts: [],
      deletes: [
        ["meta", "a"],
        ["meta", "never"],
      ],
      strict: true,
    });
    equal(await storage.read("meta", "a"), undefined, "a deleted row");
  },
};

const rangeCase: StorageCase = {
  name: "gives ranges in the order of the keys, half open, limited, both ways",
  async run(open) {
    const storage = await open();
    const keys = ["b", "a", "a/2", "a/10", "B", "c", "~"];
    await storage.write(put(...keys.map((key, i): Put => ["index", key, Uint8Array.of(i)])));
    const range = async (from: string, to: string, limit: number, reverse?: boolean): Promise<string> =>
      (await storage.range("index", { from, to, limit, ...(reverse === undefined ? {} : { reverse }) })).map(([key]) => key).join(" ");
    equal(await range("", "~~", 99), "B a a/10 a/2 b c ~", "all");
    equal(await range("a", "b", 99), "a a/10 a/2", "half open");
    equal(await range("a", "b", 2), "a a/10", "limited");
    equal(await range("a", "c", 2, true), "b a/2", "from the end");
    equal(await range("a", "c", 99, true), "b a/2 a/10 a", "from the end, all");
    equal(await range("b", "a", 9), "", "bounds the wrong way round");
    equal(await range("b", "b", 9), "", "an empty range");
    equal(await range("a", "c", 0), "", "limit 0");
    await storage.write({ puts: [["index", "aa", Uint8Array.of(9)]], deletes: [["index", "a"]], strict: false });
    equal(await storage.range("index", { from: "a", to: "b", limit: 1, reverse: true }), [["aa", Uint8Array.of(9)]], "after a change");
  },
};

const orderCase: StorageCase = {
  name: "writes in the order of the calls, strict or not, and reads what was written before and nothing later",
  async run(open) {
    const storage = await open();
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 50; i++) writes.push(storage.write({ ...put(["votes", "last", Uint8Array.of(i)]), strict: i % 3 === 0 }));
    equal(await storage.read("votes", "last"), Uint8Array.of(49), "read behind writes");
    await Promise.all(writes);
    equal(await storage.read("votes", "last"), Uint8Array.of(49), "the last write");
    const before = [storage.read("votes", "last"), storage.range("votes", { from: "", to: "~", limit: 9 })] as const;
    const later = storage.write({ ...put(["votes", "more", Uint8Array.of(1)]), deletes: [["votes", "last"]] });
    equal(await before[0], Uint8Array.of(49), "a read before a write");
    equal(await before[1], [["last", Uint8Array.of(49)]], "a range before a write");
    await later;
    equal(await storage.read("votes", "last"), undefined, "a read after it");
  },
};

const atomicCase: StorageCase = {
  name: "applies deletes before puts, in one batch",
  async run(open) {
    const storage = await open();
    await storage.write(put(["pool", "x", Uint8Array.of(1)], ["pool", "y", Uint8Array.of(2)]));
    await storage.write({
      puts: [["pool", "x", Uint8Array.of(3)]],
      deletes: [
        ["pool", "x"],
        ["pool", "y"],
      ],
      strict: true,
    });
    equal(await storage.range("pool", { from: "", to: "~", limit: 9 }), [["x", Uint8Array.of(3)]], "rows");
  },
};

const ownCase: StorageCase = {
  name: "keeps bytes of its own: neither the writer's nor the reader's changes reach it",
  async run(open) {
    const storage = await open();
    const whole = Uint8Array.of(9, 1, 2, 3, 9);
    const bytes = whole.subarray(1, 4);
    const written = storage.write(put(["blocks", "b", bytes]));
    bytes.fill(7);
    await written;
    const found = (await storage.read("blocks", "b"))!;
    equal(found, Uint8Array.of(1, 2, 3), "a view of a larger buffer");
    found.fill(8);
    equal(await storage.read("blocks", "b"), Uint8Array.of(1, 2, 3), "after the reader's change");
  },
};

const largeCase: StorageCase = {
  name: "keeps large rows",
  async run(open) {
    const storage = await open();
    const bytes = Uint8Array.from({ length: 3 * 1024 * 1024 }, (_, i) => (i * 31) & 255);
    await storage.write({ ...put(["states", "s", bytes]), strict: true });
    const found = (await storage.read("states", "s"))!;
    equal(found.length, bytes.length, "length");
    assert(
      found.every((byte, i) => byte === bytes[i]),
      "bytes",
    );
  },
};

const reopenCase: StorageCase = {
  name: "is there again after it was closed, and is refused while it is",
  async run(open) {
    const storage = await open();
    await storage.write({ ...put(["meta", "kept", Uint8Array.of(5)]), strict: true });
    storage.close();
    storage.close();
    await refused(storage.read("meta", "kept"), "storage-closed", "read");
    await refused(storage.range("meta", { from: "", to: "~", limit: 1 }), "storage-closed", "range");
    await refused(storage.write(put(["meta", "kept", Uint8Array.of(6)])), "storage-closed", "write");
    const again = await open();
    equal(await again.read("meta", "kept"), Uint8Array.of(5), "after it was opened again");
  },
};

const destroyCase: StorageCase = {
  name: "is gone when it was destroyed",
  async run(open) {
    const storage = await open();
    await storage.write(put(["meta", "gone", Uint8Array.of(5)]));
    await storage.destroy();
    await refused(storage.read("meta", "gone"), "storage-closed", "read");
    equal(await (await open()).read("meta", "gone"), undefined, "after it was opened again");
  },
};

export const STORAGE_CASES: readonly StorageCase[] = [
  rowsCase,
  rangeCase,
  orderCase,
  atomicCase,
  ownCase,
  largeCase,
  reopenCase,
  destroyCase,
];
