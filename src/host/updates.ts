/**
 * New versions of the app. An update replaces the code under every tab of the browser at once, so it waits until each has saved and
 * said goodbye to the voters: a tab that applies asks the others, and the worker takes over when all that answer are done.
 */
const CHANNEL = "bothy-update";
/** Tabs in the background answer messages at once; one that does not within this is gone or hangs. */
const ANSWER_MS = 10_000;

type UpdateMessage =
  | { readonly kind: "asks" }
  | { readonly kind: "here"; readonly tab: string }
  | { readonly kind: "left"; readonly tab: string };

export interface Updates {
  onReady(handler: (apply: () => Promise<void>) => void): () => void;
}

/** `leave` saves this tab and says goodbye; it resolves when the tab may be reloaded. */
export function watchUpdates(leave: () => Promise<void>): Updates {
  const handlers = new Set<(apply: () => Promise<void>) => void>();
  let waiting: ServiceWorker | null = null;
  // `randomUUID` is missing where the address is not secure.
  const tab = crypto.getRandomValues(new Uint32Array(4)).join("-");
  const channel = new BroadcastChannel(CHANNEL);

  channel.addEventListener("message", (event: MessageEvent<UpdateMessage>) => {
    if (event.data.kind !== "asks") return;
    channel.postMessage({ kind: "here", tab });
    void leave().then(() => channel.postMessage({ kind: "left", tab }));
  });

  const apply = async (): Promise<void> => {
    await Promise.all([leave(), othersLeft(channel)]);
    waiting?.postMessage({ type: "SKIP_WAITING" });
  };
  const announce = (worker: ServiceWorker): void => {
    waiting = worker;
    for (const handler of handlers) handler(apply);
  };
  if ("serviceWorker" in navigator) void register(announce);
  return {
    onReady: (handler) => {
      handlers.add(handler);
      if (waiting !== null) handler(apply);
      return () => handlers.delete(handler);
    },
  };
}

/** Resolves when every other tab that is there has left, or has had its time. */
function othersLeft(channel: BroadcastChannel): Promise<void> {
  return new Promise((resolve) => {
    const staying = new Set<string>();
    const left = new Set<string>();
    const end = (): void => {
      channel.removeEventListener("message", listen);
      resolve();
    };
    const listen = ({ data }: MessageEvent<UpdateMessage>): void => {
      if (data.kind === "here" && !left.has(data.tab)) staying.add(data.tab);
      if (data.kind !== "left") return;
      left.add(data.tab);
      staying.delete(data.tab);
      if (staying.size === 0) end();
    };
    channel.addEventListener("message", listen);
    channel.postMessage({ kind: "asks" });
    // Nobody else open: nobody answers.
    setTimeout(() => staying.size === 0 && end(), 1_000);
    setTimeout(end, ANSWER_MS);
  });
}

async function register(announce: (worker: ServiceWorker) => void): Promise<void> {
  const had = navigator.serviceWorker.controller !== null;
  let registration: ServiceWorkerRegistration;
  try {
    registration = await navigator.serviceWorker.register(new URL("sw.js", document.baseURI), { scope: "./" });
  } catch {
    // Without one (a development server, a certificate clicked through) the app works, but not offline.
    return;
  }
  if (registration.waiting !== null && had) announce(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const installing = registration.installing;
    installing?.addEventListener("statechange", () => {
      if (installing.state === "installed" && navigator.serviceWorker.controller !== null) announce(installing);
    });
  });
  let reloading = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (!had || reloading) return;
    reloading = true;
    location.reload();
  });
}
