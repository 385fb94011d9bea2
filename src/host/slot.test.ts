import { describe, expect, it } from "vitest";
import { createLocks } from "./locks.suite.ts";
import { claimSlot, holdVotingLock, type SlotPlatform } from "./slot.ts";

function createSession(): NonNullable<SlotPlatform["session"]> {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

function createTab(locks: SlotPlatform["locks"], session = createSession()): SlotPlatform {
  return {
    locks,
    session,
    createChannel: (name) => new BroadcastChannel(name),
    setTimer: (delayMs, callback) => void setTimeout(callback, delayMs),
  };
}

describe.each([
  ["Web Locks", createLocks],
  ["an insecure origin", () => undefined],
])("slots by %s", (_, makeLocks) => {
  it("two tabs never have one; the lowest free one is taken", async () => {
    const locks = makeLocks();
    const tabs = await Promise.all([0, 1, 2].map(() => claimSlot(8, createTab(locks))));
    expect(tabs.map(({ slot }) => slot).toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    expect(tabs[0]!.guarded).toBe(locks !== undefined);
    tabs.find(({ slot }) => slot === 1)!.release();
    const next = await claimSlot(8, createTab(locks));
    expect(next.slot).toBe(1);
    for (const tab of [...tabs, next]) tab.release();
  });

  it("a reload keeps the tab's slot, also while a lower one is free", async () => {
    const locks = makeLocks();
    const session = createSession();
    const first = await claimSlot(8, createTab(locks));
    const second = await claimSlot(8, createTab(locks, session));
    expect([first.slot, second.slot]).toEqual([0, 1]);
    first.release();
    second.release();
    const again = await claimSlot(8, createTab(locks, session));
    expect(again.slot).toBe(1);
    again.release();
  });

  it("says when there is none left", async () => {
    const locks = makeLocks();
    const only = await claimSlot(1, createTab(locks));
    await expect(claimSlot(1, createTab(locks))).rejects.toMatchObject({ code: "limit-exceeded" });
    only.release();
  });
});

it("a reloaded tab waits for the lock of the page it replaces; a duplicated tab takes another slot", async () => {
  const locks = createLocks();
  const session = createSession();
  const old = await claimSlot(8, createTab(locks, session));
  const reloaded = claimSlot(8, createTab(locks, session));
  old.release();
  expect((await reloaded).slot).toBe(0);
  expect((await claimSlot(8, createTab(locks, session))).slot).toBe(1);
});

it("one tab at a time votes with the keys of a slot", async () => {
  const locks = createLocks();
  const release = await holdVotingLock("0-chain", locks);
  expect(release).not.toBeNull();
  expect(await holdVotingLock("0-chain", locks, 1)).toBeNull();
  expect(await holdVotingLock("1-chain", locks)).not.toBeNull();
});

it("a reloaded tab waits until the worker of its old page can vote no more", async () => {
  const locks = createLocks();
  const old = (await holdVotingLock("0-chain", locks))!;
  const order: string[] = [];
  const reloaded = holdVotingLock("0-chain", locks).then((release) => {
    order.push("votes");
    return release;
  });
  // Others are given theirs meanwhile.
  expect(await holdVotingLock("1-chain", locks)).not.toBeNull();
  order.push("old one ends");
  old();
  expect(await reloaded).not.toBeNull();
  expect(order).toEqual(["old one ends", "votes"]);
});
