import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchUpdates } from "./updates.ts";

/** Web Locks of one origin (W3C Web Locks, section 2): shared and exclusive ones, granted in the order of asking. */
class Locks {
  #held: ("shared" | "exclusive")[] = [];
  readonly #waiting: { readonly mode: "shared" | "exclusive"; readonly grant: () => void }[] = [];

  readonly request = async (_name: string, ...rest: unknown[]): Promise<unknown> => {
    const work = rest.at(-1) as () => unknown;
    const { mode = "exclusive" } = (rest.length > 1 ? rest[0] : {}) as { mode?: "shared" | "exclusive" };
    await new Promise<void>((grant) => {
      this.#waiting.push({ mode, grant });
      this.#turn();
    });
    try {
      return await work();
    } finally {
      this.#held = this.#held.toSpliced(this.#held.indexOf(mode), 1);
      this.#turn();
    }
  };

  #turn(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#held.includes("exclusive") || (next.mode === "exclusive" && this.#held.length > 0)) return;
    this.#waiting.shift();
    this.#held.push(next.mode);
    next.grant();
    this.#turn();
  }
}

/** A worker that has been downloaded; it takes over when told to. */
class Worker extends EventTarget {
  state: "installing" | "installed" | "activated" = "installing";
  readonly told: unknown[] = [];

  postMessage(message: unknown): void {
    this.told.push(message);
  }

  become(state: "installed" | "activated"): void {
    this.state = state;
    this.dispatchEvent(new Event("statechange"));
  }
}

class Registration extends EventTarget {
  waiting: Worker | null = null;
  active: object | null = {};
  installing: Worker | null = null;
  readonly update = vi.fn<() => Promise<void>>(() => Promise.reject(new Error("no network")));

  find(worker: Worker): void {
    this.installing = worker;
    this.dispatchEvent(new Event("updatefound"));
    worker.become("installed");
  }
}

let registration: Registration;
let reload: ReturnType<typeof vi.fn<() => void>>;

/** What one browser gives to each of its tabs. */
function openBrowser(): void {
  registration = new Registration();
  reload = vi.fn<() => void>();
  const channels: EventTarget[] = [];
  class Channel extends EventTarget {
    constructor() {
      super();
      channels.push(this);
    }
    postMessage(data: unknown): void {
      for (const other of channels) if (other !== this) other.dispatchEvent(new MessageEvent("message", { data }));
    }
  }
  vi.stubGlobal("BroadcastChannel", Channel);
  vi.stubGlobal("location", { reload });
  vi.stubGlobal("document", { baseURI: "https://bothy.example/" });
  const serviceWorker = Object.assign(new EventTarget(), { register: async () => registration });
  vi.stubGlobal("navigator", { serviceWorker, locks: new Locks() });
}

/** Everything that waits for nothing but promises has happened. */
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  openBrowser();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A tab that runs; `leave` saves it. Gives how often it was asked to. */
async function openTab(leave: () => Promise<void> = async () => undefined, joined: Promise<void> = Promise.resolve()) {
  const asked = vi.fn<() => Promise<void>>(leave);
  const updates = watchUpdates(asked, joined);
  const applies: (() => Promise<void>)[] = [];
  const end = updates.onReady((apply) => applies.push(apply));
  await settle();
  return { asked, applies, end, updates };
}

describe("new versions", () => {
  it("are none where the address is not secure, and the tab starts", async () => {
    vi.stubGlobal("navigator", {});
    const { applies, updates } = await openTab();
    await updates.entered;
    expect(applies).toEqual([]);
  });

  it("are looked for when the tab has joined, and after a while when nobody is there to join", async () => {
    const looks = vi.spyOn(navigator.serviceWorker, "register");
    let join = (): void => undefined;
    await openTab(undefined, new Promise((resolve) => (join = resolve)));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(looks).toHaveBeenCalledTimes(0);
    join();
    await settle();
    expect(looks).toHaveBeenCalledTimes(1);
    await openTab(undefined, new Promise(() => undefined));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(looks).toHaveBeenCalledTimes(2);
  });

  it("are told when downloaded, or when found waiting; the very first is not one", async () => {
    registration.active = null;
    const early = await openTab();
    registration.find(new Worker());
    expect(early.applies).toHaveLength(0);
    registration.active = {};
    registration.find(new Worker());
    expect(early.applies).toHaveLength(1);
    early.end();
    registration.find(new Worker());
    expect(early.applies).toHaveLength(1);
    registration.waiting = new Worker();
    expect((await openTab()).applies).toHaveLength(1);
  });

  it("are looked for every hour, for as long as the tab is open, with or without the network", async () => {
    await openTab();
    await vi.advanceTimersByTimeAsync(3_599_999);
    expect(registration.update).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(7_200_001);
    expect(registration.update).toHaveBeenCalledTimes(3);
  });

  it("take over when every tab has left, not before, and then each is reloaded", async () => {
    let saved = (): void => undefined;
    const slow = await openTab(() => new Promise((resolve) => (saved = resolve)));
    const here = await openTab();
    const worker = new Worker();
    registration.find(worker);
    const applied = here.applies[0]!();
    await settle();
    expect([here.asked, slow.asked].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
    expect(worker.told).toEqual([]);
    saved();
    await applied;
    expect(worker.told).toEqual([{ type: "SKIP_WAITING" }]);
    expect(reload).not.toHaveBeenCalled();
    worker.become("activated");
    expect(reload).toHaveBeenCalledTimes(2);
  });

  it("wait for no tab that cannot save any more", async () => {
    const broken = await openTab(() => Promise.reject(new Error("disk full")));
    const worker = new Worker();
    registration.find(worker);
    await broken.applies[0]!();
    expect(worker.told).toHaveLength(1);
  });

  it("that wait for a tab say so after ten seconds, and take over all the same when it has left", async () => {
    let saved = (): void => undefined;
    await openTab(() => new Promise((resolve) => (saved = resolve)));
    const here = await openTab();
    const worker = new Worker();
    registration.find(worker);
    const outcome = here.applies[0]!().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await outcome).toMatchObject({ code: "tabs-waiting" });
    expect(worker.told).toEqual([]);
    saved();
    await settle();
    expect(worker.told).toHaveLength(1);
  });

  it("let no tab start in the middle, for three seconds at most", async () => {
    const here = await openTab();
    const worker = new Worker();
    registration.find(worker);
    await here.applies[0]!();
    const entered = vi.fn<() => void>();
    void watchUpdates(async () => undefined, Promise.resolve()).entered.then(entered);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(entered).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(entered).toHaveBeenCalled();
  });
});
