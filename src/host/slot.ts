/**
 * Which peer of this browser a tab is. Each tab holds one slot until it closes; slot N has its own database, keys and settings, so two tabs
 * never share a ledger or a key, and a reload gets its own back.
 */
import { Refusal } from "../protocol/refusal.ts";

export interface Slot {
  readonly slot: number;
  /** Whether the browser itself guards the slot (Web Locks); else tabs only agreed among themselves. */
  readonly guarded: boolean;
  release(): void;
}

/** What a slot needs of the browser; the globals by default. */
export interface SlotPlatform {
  /** Missing on an insecure origin. */
  readonly locks: Pick<LockManager, "request"> | undefined;
  readonly createChannel: (name: string) => BroadcastChannel;
  /** Of this tab alone, kept over a reload. */
  readonly session: Pick<Storage, "getItem" | "setItem"> | undefined;
  readonly setTimer: (delayMs: number, callback: () => void) => void;
}

const SESSION_KEY = "bothy-slot";
/** A reloaded page may ask before the old one's lock is released. */
const RELOAD_WAIT_MS = 1000;
/** The worker of a closed page ends after its page, late on a busy machine; beside it nobody else can have the slot. */
const VOTING_WAIT_MS = 10_000;
/** How long a tab waits for another to say that it holds a slot. A tab in the background answers messages at once. */
const ANSWER_WAIT_MS = 200;
/** More tabs than any browser's memory holds peers. */
const SLOTS_MAX = 32;

function browserPlatform(): SlotPlatform {
  return {
    locks: (globalThis.navigator as Navigator | undefined)?.locks,
    createChannel: (name) => new BroadcastChannel(name),
    session: globalThis.sessionStorage,
    setTimer: (delayMs, callback) => void setTimeout(callback, delayMs),
  };
}

/** Holds a Web Lock until the release that it gives, or gives `null` if another holds it (for as long as `waitMs`, when it is given). */
function holdLock(locks: Pick<LockManager, "request">, name: string, waitMs = 0): Promise<(() => void) | null> {
  const options: LockOptions = waitMs > 0 ? { signal: AbortSignal.timeout(waitMs) } : { ifAvailable: true };
  return new Promise((resolve) => {
    locks
      .request(name, options, (lock) => {
        if (!lock) return resolve(null);
        return new Promise<void>((release) => {
          resolve(() => release());
        });
      })
      .catch(() => resolve(null));
  });
}

interface SlotMessage {
  readonly kind: "ask" | "taken";
  readonly slot: number;
  readonly tab: string;
  /** Whether the sender has the slot, and does not only want it. */
  readonly held: boolean;
}

/** Asks the other tabs of this origin; of two that ask at once, the one with the lower name wins. */
async function agreeOnSlot(platform: SlotPlatform, order: readonly number[]): Promise<Slot | null> {
  const channel = platform.createChannel("bothy-slots");
  const tab = [...crypto.getRandomValues(new Uint32Array(4))].map((word) => word.toString(36).padStart(7, "0")).join("");
  let wanted = -1;
  let held = false;
  let refuse: () => void = () => undefined;
  channel.onmessage = ({ data }: MessageEvent<SlotMessage>) => {
    if (data.slot !== wanted || data.tab === tab) return;
    const isStronger = held || (!data.held && tab < data.tab);
    if (!isStronger) refuse();
    else if (data.kind === "ask") channel.postMessage({ kind: "taken", slot: wanted, tab, held } satisfies SlotMessage);
  };
  for (const slot of order) {
    wanted = slot;
    const isFree = await new Promise<boolean>((resolve) => {
      refuse = () => resolve(false);
      platform.setTimer(ANSWER_WAIT_MS, () => resolve(true));
      channel.postMessage({ kind: "ask", slot, tab, held } satisfies SlotMessage);
    });
    if (!isFree) continue;
    held = true;
    return { slot, guarded: false, release: () => channel.close() };
  }
  channel.close();
  return null;
}

async function takeLock(locks: Pick<LockManager, "request">, order: readonly number[], own: number): Promise<Slot | null> {
  for (const slot of order) {
    const release = await holdLock(locks, `bothy-peer-${slot}`, slot === own ? RELOAD_WAIT_MS : 0);
    if (release) return { slot, guarded: true, release };
  }
  return null;
}

/**
 * Takes this tab's slot: the one it had before a reload, else the lowest free one.
 * @throws {Refusal} `limit-exceeded` if as many tabs as there are slots are open.
 */
export async function claimSlot(slotsMax: number = SLOTS_MAX, platform: SlotPlatform = browserPlatform()): Promise<Slot> {
  const remembered = platform.session?.getItem(SESSION_KEY) ?? "";
  const own = /^\d+$/.test(remembered) && Number(remembered) < slotsMax ? Number(remembered) : -1;
  const all = Array.from({ length: slotsMax }, (_, slot) => slot);
  const order = own < 0 ? all : [own, ...all.filter((slot) => slot !== own)];
  const taken = platform.locks ? await takeLock(platform.locks, order, own) : await agreeOnSlot(platform, order);
  if (!taken) throw new Refusal("limit-exceeded", { slots: slotsMax });
  platform.session?.setItem(SESSION_KEY, String(taken.slot));
  return taken;
}

/**
 * Holds the right to vote with the keys of this slot and chain until the release it gives; `null` if another tab keeps it for longer than a closed page
 * lives on. A second guard under the slot: two tabs that voted with one key would contradict each other. Whoever has it may read the votes that
 * were cast before. Without Web Locks keys are in one tab's memory only, so nothing could be shared.
 */
export async function holdVotingLock(
  name: string,
  locks: SlotPlatform["locks"] = browserPlatform().locks,
  waitMs: number = VOTING_WAIT_MS,
): Promise<(() => void) | null> {
  return locks ? holdLock(locks, `bothy-voting-${name}`, waitMs) : () => undefined;
}
