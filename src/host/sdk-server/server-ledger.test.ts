/** What a server of the sdk tells of the ledger, and brings as it goes on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesToHex, equalBytes } from "../../kit/bytes.ts";
import type { Storage } from "../../peer/ports.ts";
import { accountToDid, didToAccount } from "../../protocol/identifiers.ts";
import { Refusal, shapeOf } from "../../protocol/refusal.ts";
import type { QueryName, RoadProgress, TransactionInfo } from "../../sdk/api.ts";
import type { Client } from "../../sdk/client.ts";
import { createKeys, type PeerKeys } from "../keys/keys.ts";
import { createMemorySeeds } from "../keys/memory-seeds.ts";
import { createMemoryStorage } from "../storage/memory-storage.ts";
import { createContractMachine } from "../vm/contract-machine.ts";
import { loadMeteredWasmNode } from "../vm/load-wasm-node.ts";
import { DEFAULT_SETTINGS } from "../settings.ts";
import { codeOf, foundWorld, openWorld, OTHER, transfer, UNKNOWN, type World } from "./world.suite.ts";

let world: World;
let client: Client;
beforeAll(async () => {
  world = await openWorld(await createContractMachine(await loadMeteredWasmNode()));
  client = world.connect();
});
afterAll(() => world.close());

describe("ledger", () => {
  it("[C2b] gives blocks down to genesis, by height and by digest, with their certificate", async () => {
    const { height } = await client.send([transfer(1)]);
    const blocks = await client.query("blocks", { limit: 200 });
    expect(blocks.map((block) => block.height)).toEqual(Array.from({ length: blocks.length }, (_, index) => blocks[0]!.height - index));
    expect(blocks.at(-1)).toMatchObject({ height: 0, kind: "genesis" });
    expect(blocks[0]!.height).toBeGreaterThanOrEqual(height);
    const block = await client.query("block", { height });
    expect(block).toMatchObject({ height, proposer: world.account, final: true, certificate: { signers: [world.account], quorum: 1 } });
    expect(await client.query("block", { digest: block.digest })).toEqual(block);
    expect((await client.query("transactions")).items[0]!.id).toBe(block.transactionIds[0]);
    const found = await client.query("search", { text: block.digest });
    expect(found).toMatchObject([{ kind: "block", id: String(height) }]);
  });

  it("pages through the transactions of an account, each once, newest first", async () => {
    await Promise.all(Array.from({ length: 30 }, () => client.send([transfer(1)])));
    const seen: TransactionInfo[] = [];
    for (let after: string | undefined, more = true; more;) {
      const page = await client.query("transactions", { account: OTHER, limit: 7, ...(after === undefined ? {} : { after }) });
      seen.push(...page.items);
      more = page.next !== null;
      after = page.next ?? undefined;
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
    const { nonce } = await client.query("account", { account: world.account }).then(() => seen[0]!);
    expect(nonce[0]).toBe(3);
    expect(seen.filter(({ state }) => state === "final").length).toBeGreaterThanOrEqual(30);
    const heights = seen.map(({ block }) => block!.height);
    expect(heights).toEqual(heights.toSorted((a, b) => b - a));
  });

  it("puts own transactions that wait for a block before the account's others, the last sent first", async () => {
    const keys = await createKeys(createMemorySeeds());
    const genesis = await foundWorld(keys);
    const [voting] = await keys.list("voting");
    const sign: PeerKeys["sign"] = (key, bytes) => (equalBytes(key, voting!) ? new Promise(() => {}) : keys.sign(key, bytes));
    const machine = await createContractMachine(await loadMeteredWasmNode());
    // Its seat casts no vote, so that nothing becomes final.
    const still = await openWorld(machine, { keys: { ...keys, sign }, storage: createMemoryStorage(), genesis });
    const asking = still.connect();
    const shared = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const onProgress = ({ stage, transaction }: RoadProgress): void => void (stage === "shared" && resolve(transaction));
        asking.send([transfer(1)], { onProgress }).catch(reject);
      });
    const sent = [await shared(), await shared()];
    const { items } = await asking.query("transactions", { account: still.account });
    expect(items.map(({ id, state }) => [id, state])).toEqual(sent.toReversed().map((id) => [id, "pending"]));
    expect((await asking.query("transactions", { account: still.account, limit: 1 })).items.map(({ id }) => id)).toEqual([sent[1]]);
    expect((await asking.query("transactions")).items).toEqual([]);
    still.close();
  });

  it.each([
    ["is found once it is there", true],
    ["is not waited for by a peer that can write no more", false],
  ])("what is final and is being written %s", async (_, isWritten) => {
    const keys = await createKeys(createMemorySeeds());
    const storage = createMemoryStorage();
    let end = (_refusal: Refusal | null): void => undefined;
    const ended = new Promise<void>((resolve, reject) => {
      end = (refusal) => (refusal === null ? resolve() : reject(refusal));
    });
    let isHeld = false;
    const write: Storage["write"] = async (batch) => {
      if (batch.puts.some(([table]) => table === "blocks")) {
        isHeld = true;
        await ended;
      }
      return storage.write(batch);
    };
    const machine = await createContractMachine(await loadMeteredWasmNode());
    const slow = await openWorld(machine, { keys, storage: { ...storage, write }, genesis: await foundWorld(keys) });
    const asking = slow.connect();
    asking.send([transfer(1)]).catch(() => undefined);
    await expect.poll(() => isHeld).toBe(true);
    const { final } = await asking.query("status");
    let answers = 0;
    const asked = Promise.all(
      [asking.query("block", { height: final.height }), asking.query("transactions"), asking.query("events")].map((one) =>
        one.catch(shapeOf).finally(() => answers++),
      ),
    );
    // What comes after them is answered, many times over.
    for (let i = 0; i < 20; i++) await asking.query("status");
    expect(answers).toBe(0);
    end(isWritten ? null : new Refusal("storage-broken", {}));
    const expected = isWritten ? [{ digest: final.digest }, { items: [{ state: "final" }] }] : [{ code: "not-found" }, { items: [] }];
    expect((await asked).slice(0, 2)).toMatchObject(expected);
    slow.close();
  });

  it("[C2a] shows accounts, and proves what they have", async () => {
    await client.send([{ operation: "account.setProfile", arguments: { name: "Ada" } }]);
    expect(await client.query("account", { account: world.account })).toMatchObject({ name: "Ada", claimed: true, bond: 500 });
    expect((await client.query("accounts", { limit: 1 })).next).not.toBeNull();
    expect(await client.query("search", { text: "ada" })).toMatchObject([{ kind: "account", id: world.account, title: "Ada" }]);
    const proof = await client.query("proof", { kind: "account", id: world.account });
    expect(proof).toMatchObject({ checked: true, height: world.peer.final.height });
    const { key, bytes, proof: path, root } = proof;
    expect(await client.query("checkProof", { key, bytes, proof: path, root })).toBe(true);
    expect(await client.query("checkProof", { key, bytes: null, proof: path, root })).toBe(false);
    expect(await client.query("checkProof", { key, bytes, proof: path.slice(1), root })).toBe(false);
    const absence = await client.query("proof", { kind: "device", id: UNKNOWN });
    expect(absence).toMatchObject({ bytes: null, checked: true });
  });

  it("[C4d] puts the account under a policy, and lets a key act for it, which its own key then may or may not any more", async () => {
    const other = accountToDid(new Uint8Array(32).fill(9));
    const keys = [other, world.account];
    await client.send([
      { operation: "account.authorize", arguments: { key: other, scope: ["stream.append", "stream.open"], untilMs: null } },
    ]);
    await client.send([{ operation: "account.deauthorize", arguments: { key: other } }]);
    const policy = (threshold: number) =>
      [{ operation: "account.setPolicy", arguments: { policy: { keys, threshold, operations: {} } } }] as const;
    await expect(client.send(policy(2))).rejects.toMatchObject({ code: "signature-missing", data: { needed: 2, signed: 1 } });
    await client.send(policy(1));
    await client.send([{ operation: "account.setPolicy", arguments: { policy: null } }]);
  });

  it("gives the names of those that have one, and on the first page the own one, wherever its account stands", async () => {
    await client.send([{ operation: "account.setProfile", arguments: { name: "Ada" } }]);
    const mine = { account: world.account, name: "Ada" };
    expect((await client.query("names")).items).toEqual([mine]);
    const source = 'export const manifest = { name: "till", methods: {} };';
    const own = bytesToHex(didToAccount(world.account));
    let contract = "z";
    // Until one stands before it.
    while (contract > own) {
      const { results } = await client.send([{ operation: "contract.deploy", arguments: { source, arguments: null, endowment: 0 } }]);
      contract = results[0] as string;
    }
    await client.send([{ operation: "contract.fund", arguments: { contract, amount: 1 } }]);
    const { items, next } = await client.query("names", { limit: 1 });
    expect(items).toEqual([mine, { account: contract, name: "till" }]);
    expect((await client.query("names", { limit: 1, after: next! })).items).toEqual([mine]);
  });

  it("[C6a] says how the peer is", async () => {
    expect(await client.status()).toMatchObject({
      ready: true,
      account: world.account,
      // In memory, as on an insecure origin.
      keysDurable: false,
      chain: bytesToHex(world.peer.chain),
      token: "coal",
      seats: { total: 1, mine: true },
      strength: "full",
      fault: null,
    });
    expect(await client.query("seats")).toMatchObject([{ account: world.account, state: "active", mine: true, bond: 500 }]);
    expect(await client.query("consensus")).toMatchObject({ quorum: 1, leader: world.account, tallies: {} });
    expect(await client.query("parameters")).toMatchObject({ grant: 1000, bond: 500 });
    expect(await client.query("storage")).toMatchObject({ persistent: true, blocksKept: { from: 1 } });
    expect(await client.query("settings")).toEqual(DEFAULT_SETTINGS);
    expect(await client.query("network")).toMatchObject({ links: [] });
    expect((await client.query("finality")).length).toBeGreaterThan(0);
    expect(await client.query("pending")).toEqual([]);
    expect(await client.command("identityWords")).toEqual(["abandon"]);
  });

  it.each([
    ["transaction", { id: UNKNOWN }, "not-found"],
    ["block", { digest: UNKNOWN }, "not-found"],
    ["block", { height: 1_000_000 }, "not-found"],
    ["account", { account: accountToDid(new Uint8Array(32).fill(9)) }, "unknown-account"],
    ["device", { device: UNKNOWN }, "unknown-device"],
    ["stream", { stream: UNKNOWN }, "unknown-stream"],
    ["readings", { stream: UNKNOWN }, "unknown-stream"],
    ["contract", { contract: UNKNOWN }, "unknown-contract"],
    ["contractState", { contract: UNKNOWN }, "unknown-contract"],
    ["view", { contract: UNKNOWN, method: "m", arguments: null }, "unknown-contract"],
    ["transactions", { after: "nowhere" }, "schema-invalid"],
    ["accounts", { after: "nowhere" }, "schema-invalid"],
  ] as const)("%s %j is refused with %s", async (name, parameters, code) => {
    expect(await codeOf(client.query(name as QueryName, parameters as never))).toBe(code);
  });
});

describe("topics", () => {
  it("[C6d] bring blocks, transactions and events as they become final, and states when they change", async () => {
    const other = world.connect();
    const heard = { block: 0, transaction: [] as string[], event: [] as string[], status: 0, consensus: 0, network: 0 };
    const ends = [
      other.subscribe("block", () => heard.block++),
      other.subscribe("transaction", ({ id }) => heard.transaction.push(id)),
      other.subscribe("event", ({ topic }) => heard.event.push(topic)),
      other.subscribe("status", () => heard.status++),
      other.subscribe("consensus", () => heard.consensus++),
      other.subscribe("network", () => heard.network++),
    ];
    await other.status();
    expect(heard).toMatchObject({ status: 1, consensus: 1, network: 1 });
    const { transaction } = await client.send([transfer(2)]);
    await expect.poll(() => heard.block).toBeGreaterThan(0);
    expect(heard.transaction).toContain(transaction);
    expect(heard.event).toContain("transferred");
    await expect.poll(() => heard.status).toBeGreaterThan(1);
    for (const end of ends) end();
    await other.status();
    const before = structuredClone(heard);
    await client.send([transfer(2)]);
    await other.status();
    expect(heard).toEqual(before);
  });
});
