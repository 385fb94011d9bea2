/** Real tabs with nothing but the network in them, and the real relay as a process of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type Browser, type Page } from "@playwright/test";
import { build } from "vite";
import { freePort } from "../harness/relay.ts";
import { webRtcRace } from "../../tools/vite-webrtc-race.ts";
import type { GossipTopic, NetworkCommand, NetworkEvent, NetworkStatus, StreamProtocol } from "../../src/peer/ports.ts";

export const CHAIN = "ab".repeat(32);
/** Each process of tests builds its own. */
const PAGE_FOLDER = `node_modules/.cache/network-page-${process.env["TEST_PARALLEL_INDEX"] ?? "0"}`;

/** What the page offers to a test. */
export interface TabApi {
  start(options: { relays: string[]; chain: string; closed: boolean }): void;
  command(command: NetworkCommand): void;
  sendText(peer: string, protocol: StreamProtocol, text: string): void;
  publishText(topic: GossipTopic, text: string): void;
  linked(): Record<string, boolean>;
  status(): NetworkStatus | undefined;
  texts(): { kind: "gossip" | "message"; from: string; text: string }[];
  stop(): Promise<void>;
}

declare global {
  interface Window {
    tab: TabApi;
    createNetwork(options: object, emit: (event: NetworkEvent) => void): { command(command: NetworkCommand): void; stop(): Promise<void> };
  }
}

/** The script of the page, around the product's `createNetwork`. Runs in the tab. */
function installTab(): void {
  const links: Record<string, boolean> = {};
  const texts: { kind: "gossip" | "message"; from: string; text: string }[] = [];
  let status: NetworkStatus | undefined;
  let network: ReturnType<Window["createNetwork"]> | undefined;
  const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
  window.tab = {
    start({ relays, chain, closed }) {
      network = window.createNetwork({ identity: crypto.getRandomValues(new Uint8Array(32)), relays, iceServers: [] }, (event) => {
        if (event.kind === "linked") links[event.peer] = event.direct;
        else if (event.kind === "unlinked") delete links[event.peer];
        else if (event.kind === "network-status") status = event.status;
        else {
          // What a peer says of sound messages, so that they are passed on.
          if (event.kind === "gossip") network?.command({ kind: "verdict", id: event.id, accept: true });
          texts.push({ kind: event.kind, from: event.from, text: new TextDecoder().decode(event.bytes.subarray(0, 64)) });
        }
      });
      network.command({ kind: "join", chain, closed });
    },
    command: (command) => network?.command(command),
    sendText: (peer, protocol, text) => network?.command({ kind: "send", peer, protocol, bytes: bytesOf(text) }),
    publishText: (topic, text) => network?.command({ kind: "publish", topic, bytes: bytesOf(text) }),
    linked: () => ({ ...links }),
    status: () => status,
    texts: () => texts,
    stop: async () => network?.stop(),
  };
}

let built: Promise<void> | undefined;

/** Bundles the network with the relay's page around it, once a run. */
function buildPage(): Promise<void> {
  built ??= (async () => {
    const entry = "virtual:network-page";
    await build({
      configFile: false,
      logLevel: "error",
      publicDir: false,
      build: {
        outDir: PAGE_FOLDER,
        emptyOutDir: true,
        target: "es2022",
        rollupOptions: { input: { page: entry }, output: { entryFileNames: "page.js" } },
      },
      plugins: [
        webRtcRace(),
        {
          name: "network-page",
          resolveId: (id) => (id === entry ? id : null),
          load: (id) =>
            id === entry
              ? `import { createNetwork } from "${join(process.cwd(), "src/host/network/network.ts")}"; window.createNetwork = createNetwork; (${installTab.toString()})();`
              : null,
        },
      ],
    });
    writeFileSync(join(PAGE_FOLDER, "index.html"), '<!doctype html><title>Network</title><script type="module" src="/page.js"></script>');
  })();
  return built;
}

/** A relay that can be killed and started again under the same address. */
export class RelayProcess {
  readonly port: number;
  readonly url: string;
  readonly #data = mkdtempSync(join(tmpdir(), "bothy-relay-"));
  #process: ChildProcess | undefined;
  address = "";

  constructor(port: number) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const child = spawn(
      process.execPath,
      ["dist-relay/main.js", "--host", "127.0.0.1", "--port", String(this.port), "--app", PAGE_FOLDER, "--data", this.#data],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    this.#process = child;
    for await (const chunk of child.stdout) if (String(chunk).includes("Bothy is at")) break;
    const manifest = (await (await fetch(`${this.url}/bothy/manifest`)).json()) as { relays: string[] };
    this.address = manifest.relays[0]!;
  }

  /** As a crash would: nobody is told. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#data, { recursive: true, force: true });
  }
}

export interface Tab {
  readonly page: Page;
  readonly id: string;
}

/** A tab in a context of its own. `before` runs in the page ahead of its scripts. */
export async function openTab(
  browser: Browser,
  relay: RelayProcess,
  options: { before?: () => void; relays?: string[]; closed?: boolean } = {},
): Promise<Tab> {
  const context = await browser.newContext();
  const page = await context.newPage();
  if (options.before !== undefined) await page.addInitScript(options.before);
  await page.goto(relay.url);
  await page.waitForFunction(() => "tab" in window);
  const start = { relays: options.relays ?? [relay.address], chain: CHAIN, closed: options.closed ?? false };
  await page.evaluate((given) => window.tab.start(given), start);
  const id = await page.waitForFunction(() => window.tab.status()?.self);
  return { page, id: (await id.jsonValue())! };
}

/** A page and a relay of its own for each test of a file; the tabs go with them. */
export function relayForEachTest(give: (relay: RelayProcess) => void): void {
  let relay: RelayProcess;
  test.beforeEach(async () => {
    await buildPage();
    relay = new RelayProcess(await freePort());
    await relay.start();
    give(relay);
  });
  test.afterEach(async ({ browser }) => {
    await closeTabs(browser);
    await relay.remove();
  });
}

async function closeTabs(browser: Browser): Promise<void> {
  for (const context of browser.contexts()) await context.close();
}

/** Waits until the tab has a direct link to each of the others. */
export async function waitForDirect(tab: Tab, others: readonly Tab[], timeoutMs: number): Promise<void> {
  await tab.page.waitForFunction(
    (ids) => ids.every((id) => window.tab.linked()[id] === true),
    others.map(({ id }) => id),
    {
      timeout: timeoutMs,
      polling: 50,
    },
  );
}

export async function waitForText(tab: Tab, kind: "gossip" | "message", text: string, timeoutMs: number): Promise<void> {
  await tab.page.waitForFunction(
    ([kind, text]) => window.tab.texts().some((got) => got.kind === kind && got.text === text),
    [kind, text] as const,
    {
      timeout: timeoutMs,
      polling: 50,
    },
  );
}
