/**
 * New versions of the app. An update replaces the code under every tab of the browser at once, so it waits until each has saved and
 * said goodbye to the voters. Every tab holds a shared lock until it has done so, and the browser frees the lock of a tab that is closed
 * or crashes; whoever gets it exclusively knows that no tab runs the old version any more.
 */
import { Refusal } from "../protocol/refusal.ts";

const CHANNEL = "bothy-update";
const LOCK = "bothy-version";
/** Saving takes a moment. A tab that takes longer hangs, and the person hears that it is waited for. */
const PATIENCE_MS = 10_000;
/** A tab that opens while others leave for an update waits for it, but not for ever. */
const ENTER_MS = 3_000;
/** A tab that has not joined by then, since nobody is there, is kept for a start without a network all the same. */
const JOIN_MS = 15_000;

/** A browser looks for a new version when a page loads, and a peer's page may stay open for weeks. */
const LOOK_MS = 3_600_000;

/** The one who updates asks all to leave; then the new version has taken over. */
type UpdateMessage = "leave" | "taken";

export interface Updates {
  /**
   * `apply` resolves when the new version takes over and the tab is about to reload.
   * @throws {Refusal} `tabs-waiting` while some tab has not left: it is waited for all the same.
   */
  onReady(handler: (apply: () => Promise<void>) => void): () => void;
  /** Resolves when this tab may start: not in the middle of an update. */
  readonly entered: Promise<void>;
}

/**
 * `leave` saves this tab and says goodbye; it resolves when the tab may be reloaded. Versions are looked for, and the very first one is
 * kept for starts without a network, once `joined` resolves: to download all of the app would keep a tab from joining.
 */
export function watchUpdates(leave: () => Promise<void>, joined: Promise<void>): Updates {
  // Without locks the address is not secure, and there is no service worker either.
  if (!("serviceWorker" in navigator && "locks" in navigator)) return { onReady: () => () => undefined, entered: Promise.resolve() };
  const handlers = new Set<(apply: () => Promise<void>) => void>();
  const channel = new BroadcastChannel(CHANNEL);
  const presence = holdPresence();
  let waiting: ServiceWorker | null = null;
  let left: Promise<void> | null = null;
  let taking: Promise<void> | null = null;

  // Whoever cannot save any more has nothing to wait for.
  const leaveOnce = (): Promise<void> =>
    (left ??= leave()
      .catch(() => undefined)
      .then(presence.end));
  const reload = (): void => {
    if (left !== null) location.reload();
  };
  channel.addEventListener("message", ({ data }: MessageEvent<UpdateMessage>) => {
    if (data === "leave") void leaveOnce();
    else reload();
  });
  navigator.serviceWorker.addEventListener("controllerchange", reload);

  const take = async (worker: ServiceWorker): Promise<void> => {
    channel.postMessage("leave" satisfies UpdateMessage);
    await leaveOnce();
    await new Promise<void>((resolve) => {
      // Held until this tab is gone, so that none starts with the old version in between.
      void navigator.locks.request(LOCK, () => new Promise<never>(() => resolve()));
    });
    worker.addEventListener("statechange", () => {
      if (worker.state !== "activated") return;
      // Tabs that no worker controls yet hear of it by this alone.
      channel.postMessage("taken" satisfies UpdateMessage);
      reload();
    });
    worker.postMessage({ type: "SKIP_WAITING" });
  };
  const apply = async (): Promise<void> => {
    if (waiting === null) return;
    taking ??= take(waiting);
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Refusal("tabs-waiting")), PATIENCE_MS));
    await Promise.race([taking, late]);
  };
  const waited = new Promise<void>((resolve) => setTimeout(resolve, JOIN_MS));
  const announce = (worker: ServiceWorker): void => {
    waiting = worker;
    for (const handler of handlers) handler(apply);
  };
  void Promise.race([joined, waited]).then(() => register(announce));
  return {
    onReady: (handler) => {
      handlers.add(handler);
      if (waiting !== null) handler(apply);
      return () => handlers.delete(handler);
    },
    entered: presence.begun,
  };
}

/** Holds the shared lock until `end`. `begun` resolves when it is held, or after a while without. */
function holdPresence(): { readonly begun: Promise<void>; readonly end: () => void } {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const begun = new Promise<void>((resolve) => {
    setTimeout(resolve, ENTER_MS);
    navigator.locks
      .request(LOCK, { mode: "shared" }, () => {
        resolve();
        return ended;
      })
      .catch(() => resolve());
  });
  return { begun, end };
}

/** Tells of every new version that is downloaded and waits. */
async function register(announce: (worker: ServiceWorker) => void): Promise<void> {
  const script = new URL("sw.js", document.baseURI);
  const registration: ServiceWorkerRegistration | undefined = await navigator.serviceWorker
    .register(script, { scope: "./" })
    .catch(() => undefined);
  // Without one (a development server, a certificate clicked through, a browser told to have none) the app works, but not offline.
  if (registration === undefined) return;
  if (registration.waiting !== null) announce(registration.waiting);
  // Without the network there is none; the next look may find one.
  setInterval(() => void registration.update().catch(() => undefined), LOOK_MS);
  registration.addEventListener("updatefound", () => {
    const installing = registration.installing;
    installing?.addEventListener("statechange", () => {
      // The very first one has nobody to wait for.
      if (installing.state === "installed" && registration.active !== null) announce(installing);
    });
  });
}
