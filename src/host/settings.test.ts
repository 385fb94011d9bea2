import { describe, expect, it } from "vitest";
import { createRandom } from "../kit/random.ts";
import { joiningOf } from "./joining.ts";
import { createKeys } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import { accountOf, openSettings, settleForNewAccount } from "./settings.ts";
import { createFaultyStorage } from "./storage/faulty-storage.ts";
import { createMemoryDisk, createMemoryStorage } from "./storage/memory-storage.ts";

describe("settings as they were kept", () => {
  it("lose a server for direct links that no connection could be made with, and nothing else", async () => {
    const disk = createMemoryDisk();
    const settings = await openSettings(createMemoryStorage(disk));
    const good = ["stun:stun.example.org:3478", "turn:turn.example.org ann secret"];
    await settings.change({ iceServers: [good[0]!, "turn:turn.example.org", "stun://stun.example.org", good[1]!], windowLimit: 7 });
    const { current } = await openSettings(createMemoryStorage(disk));
    expect(current).toMatchObject({ iceServers: good, windowLimit: 7 });
  });
});

describe("a change of settings", () => {
  it("that is refused changes nothing, neither what is kept nor what is in use", async () => {
    const disk = createMemoryDisk();
    const storage = createFaultyStorage({ disk, random: createRandom(1) });
    const settings = await openSettings(storage);
    await settings.change({ windowLimit: 7 });
    storage.failNextWrite("storage-full");
    await expect(settings.change({ seatWanted: false }, { account: new Uint8Array(32) })).rejects.toMatchObject({ code: "storage-full" });
    expect(settings.current).toMatchObject({ windowLimit: 7, seatWanted: true });
    expect(await settings.account()).toBeNull();
    expect(await settings.change({ windowLimit: 8 })).toMatchObject({ windowLimit: 8, seatWanted: true });
    storage.close();
    expect((await openSettings(createMemoryStorage(disk))).current).toMatchObject({ windowLimit: 8, seatWanted: true });
  });

  it("keeps what the one before it changes, though that is not written yet", async () => {
    const settings = await openSettings(createMemoryStorage());
    await Promise.all([settings.change({ windowLimit: 7 }), settings.change({ seatWanted: false })]);
    expect(settings.current).toMatchObject({ windowLimit: 7, seatWanted: false });
  });
});

describe("the account of a slot", () => {
  it("is the newest key where it was never said, and from then on the one that was said", async () => {
    const settings = await openSettings(createMemoryStorage());
    const keys = await createKeys(createMemorySeeds());
    await keys.create("account");
    const newest = await keys.create("account");
    expect(await accountOf(settings, keys)).toEqual(newest);
    const brought = await keys.create("account");
    expect(await accountOf(settings, keys)).toEqual(newest);
    await settings.change({}, { account: brought });
    expect(await accountOf(settings, keys)).toEqual(brought);
    await keys.destroyAll();
    const made = await accountOf(settings, keys);
    expect(await keys.list("account")).toEqual([made]);
    await keys.create("account");
    expect(await accountOf(settings, keys)).toEqual(made);
  });
});

describe("settings under a new account", () => {
  it("say that it is not saved, whatever was said of an earlier one", async () => {
    const disk = createMemoryDisk();
    const settings = await openSettings(createMemoryStorage(disk));
    await settings.change({ exportedMs: 1, windowLimit: 7 });
    await settleForNewAccount(settings, true);
    const { current } = await openSettings(createMemoryStorage(disk));
    expect(current).toMatchObject({ exportedMs: null, windowLimit: 7, seatWanted: true });
  });

  it("want no seat where its key would end with the tab, and joining waits for none", async () => {
    const settings = await openSettings(createMemoryStorage());
    await settleForNewAccount(settings, false);
    const { seatWanted } = settings.current;
    expect(seatWanted).toBe(false);
    const steps = joiningOf({ view: null, keys: true, waitingCode: null, seatWanted });
    expect(steps.find(({ step }) => step === "seat")?.state).toBe("skipped");
    // Once more under the next account, though the person wanted one with this.
    await settings.change({ seatWanted: true });
    await settleForNewAccount(settings, false);
    expect(settings.current.seatWanted).toBe(false);
  });

  it("leave it to the person where keys are kept", async () => {
    const settings = await openSettings(createMemoryStorage());
    await settings.change({ seatWanted: false });
    await settleForNewAccount(settings, true);
    expect(settings.current.seatWanted).toBe(false);
  });
});
