/** The window: paints the app at once, then starts the peer and the device drivers behind it. */
import { createRoot } from "react-dom/client";
import { createSystemClock } from "./host/clock/clock.ts";
import { createLocalStore } from "./host/local-store.ts";
import { createPlatform } from "./host/platform.ts";
import { watchUpdates } from "./host/updates.ts";
import { startWindowPeer } from "./host/window-peer.ts";
import { Refusal } from "./protocol/refusal.ts";
import type { Client } from "./sdk/client.ts";
import { installWindowBothy } from "./sdk/window-bothy.ts";
import type { Gateway } from "./things/gateway.ts";
import { App } from "./ui/App.tsx";
import { createBootStore } from "./ui/shell/boot-store.ts";

/** Devices say goodbye before an update, but an update does not wait for a ledger that stands still. */
const FAREWELL_MS = 3_000;
/** A page that has not painted by then starts its peer anyway. */
const PAINT_MS_MAX = 3_000;

const boot = createBootStore();
let gateway: Gateway | null = null;
let setJoined: () => void = () => undefined;
const joined = new Promise<void>((resolve) => (setJoined = resolve));
const updates = watchUpdates(async () => {
  await Promise.race([gateway?.stopAll(), new Promise((resolve) => setTimeout(resolve, FAREWELL_MS))]);
  await boot.getState().client?.command("prepareToLeave");
}, joined);
const platform = createPlatform(__BOTHY_VERSION__, (handler) => updates.onReady(handler));
const container = document.getElementById("root");
const root = container === null ? null : createRoot(container);
const paint = (): void => root?.render(<App boot={boot} gateway={gateway} platform={platform} />);

/** Drivers need a peer that follows its ledger: what they send is numbered and stored there. */
async function startGateway(client: Client): Promise<void> {
  const { createGateway } = await import("./things/gateway.ts");
  const { slot, chain } = await client.status();
  gateway = createGateway({ client, clock: createSystemClock(), store: createLocalStore(`bothy-${slot}-${chain}`) });
  paint();
  // Each device says for itself what became of it.
  await gateway.restore();
}

/** Who votes has what cannot be made again: the browser is asked, once, not to clear it by itself. Some ask the person. */
function askToKeep(client: Client): void {
  const stop = client.subscribe("status", ({ seats }) => {
    if (!seats.mine) return;
    stop();
    platform.askPersistence().catch(() => undefined);
  });
}

function fail(error: unknown): void {
  const { code, data } = error instanceof Refusal ? error : new Refusal("internal", { reason: String(error) });
  boot.setState({ phase: "failed", error: { code, data } });
}

async function start(): Promise<void> {
  await startWindowPeer({
    createWorker: () => new Worker(new URL("./peer.worker.ts", import.meta.url), { type: "module" }),
    loadNetwork: () => import("./host/network/network.ts"),
    base: new URL("./", document.baseURI).href,
    version: platform.version,
    onSlot: (slot) => boot.setState({ slot }),
    onClient: (client) => {
      installWindowBothy(client);
      boot.setState({ client });
      askToKeep(client);
      const stop = client.subscribe("status", ({ ready }) => {
        if (!ready) return;
        setJoined();
        stop();
      });
    },
    onPhase: (phase, error) => {
      boot.setState({ phase, error });
      const { client } = boot.getState();
      if (phase === "ready" && client !== null && gateway === null) void startGateway(client);
    },
  });
}

/** libp2p, the worker and the ledger come after the shell: on a slow line they would keep it from being seen. */
function afterPaint(): Promise<void> {
  return new Promise((resolve) => {
    // A tab in the background is never painted, and is a peer all the same; nor does every browser tell of it.
    if (document.hidden) return resolve();
    setTimeout(resolve, PAINT_MS_MAX);
    new PerformanceObserver((list, observer) => {
      if (list.getEntriesByName("first-contentful-paint").length === 0) return;
      observer.disconnect();
      resolve();
    }).observe({ type: "paint", buffered: true });
  });
}

paint();
void Promise.all([afterPaint(), updates.entered]).then(start).catch(fail);
