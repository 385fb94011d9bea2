import { describe, expect, it } from "vitest";
import { joiningOf } from "./joining.ts";
import { openSettings, settleForNewAccount } from "./settings.ts";
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
