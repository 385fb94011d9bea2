/** The window: paints the app at once, then starts the peer behind it. */
import { createRoot } from "react-dom/client";
import { createPlatform } from "./host/platform.ts";
import { watchUpdates } from "./host/updates.ts";
import { startWindowPeer } from "./host/window-peer.ts";
import { Refusal } from "./protocol/refusal.ts";
import { installWindowBothy } from "./sdk/window-bothy.ts";
import { App } from "./ui/App.tsx";
import { createBootStore } from "./ui/shell/boot-store.ts";

const boot = createBootStore();
const updates = watchUpdates(async () => {
  await boot.getState().client?.command("prepareToLeave");
});
const platform = createPlatform(__BOTHY_VERSION__, updates.onReady);
const base = new URL("./", document.baseURI).href;
const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App boot={boot} gateway={null} platform={platform} />);

async function start(): Promise<void> {
  try {
    await startWindowPeer({
      createWorker: () => new Worker(new URL("./peer.worker.ts", import.meta.url), { type: "module" }),
      loadNetwork: () => import("./host/network/network.ts"),
      base,
      version: platform.version,
      persistent: async () => (await navigator.storage?.persisted?.()) ?? false,
      onSlot: (slot) => boot.setState({ slot }),
      onClient: (client) => {
        installWindowBothy(client);
        boot.setState({ client });
      },
      onPhase: (phase, error) => boot.setState({ phase, error }),
    });
  } catch (error) {
    const { code, data } = error instanceof Refusal ? error : new Refusal("internal", { reason: String(error) });
    boot.setState({ phase: "failed", error: { code, data } });
  }
}

// The first paint comes before libp2p, the worker and the ledger.
requestAnimationFrame(() => setTimeout(() => void start(), 0));
