/** What passes between the window and the peer worker of a tab, noted in the page: what the network let through, and whom the peer blames. */
import type { Page } from "@playwright/test";
import type { NetworkCommand, NetworkEvent } from "../../src/peer/ports.ts";

type Bytes = readonly number[];

interface Noted {
  /** Messages that the window gave to the peer worker, by the neighbour that sent them, then by topic or stream. */
  readonly heard: Record<string, Record<string, number>>;
  /** Neighbours that the peer worker was ever told of. */
  readonly linked: string[];
  readonly penalties: { readonly peer: string; readonly code: string }[];
  /** What this peer itself said, by topic or stream. */
  readonly said: Record<string, Bytes[]>;
  readonly workerErrors: string[];
}

declare global {
  interface Window {
    noted: Noted;
  }
}

/** Runs in the page ahead of its scripts. */
export function installWitness(): void {
  const saidMax = 80;
  const noted: Noted = { heard: {}, linked: [], penalties: [], said: {}, workerErrors: [] };
  const onEvent = (event: NetworkEvent): void => {
    if (event.kind === "linked") noted.linked.push(event.peer);
    if (event.kind !== "gossip" && event.kind !== "message") return;
    const way = event.kind === "gossip" ? event.topic : event.protocol;
    const ways = (noted.heard[event.from] ??= {});
    ways[way] = (ways[way] ?? 0) + 1;
  };
  const onCommand = (command: NetworkCommand): void => {
    if (command.kind === "penalize") noted.penalties.push({ peer: command.peer, code: command.code });
    if (command.kind !== "publish" && command.kind !== "send") return;
    const said = (noted.said[command.kind === "publish" ? command.topic : command.protocol] ??= []);
    said.push([...command.bytes]);
    if (said.length > saidMax) said.splice(saidMax / 2, 1);
  };
  window.noted = noted;
  window.Worker = class extends Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      this.addEventListener("message", ({ data }: MessageEvent<{ kind?: string; command?: NetworkCommand } | null>) => {
        if (data?.kind === "network" && data.command !== undefined) onCommand(data.command);
      });
      this.addEventListener("error", (event) => noted.workerErrors.push(event.message));
    }

    override postMessage(
      message: { kind?: string; event?: NetworkEvent } | null,
      more?: Transferable[] | StructuredSerializeOptions,
    ): void {
      if (message?.kind === "network" && message.event !== undefined) onEvent(message.event);
      super.postMessage(message, more as Transferable[]);
    }
  };
}

export const heardFrom = (page: Page, peer: string): Promise<Record<string, number>> =>
  page.evaluate((from) => window.noted.heard[from] ?? {}, peer);

/** Codes of the faults that a neighbour was blamed for. */
export const blamedFor = (page: Page, peer: string): Promise<string[]> =>
  page.evaluate((from) => window.noted.penalties.filter(({ peer }) => peer === from).map(({ code }) => code), peer);

export async function whenLinked(page: Page, peer: string): Promise<void> {
  await page.waitForFunction((wanted) => window.noted.linked.includes(wanted), peer, { polling: 20 });
}

/** What the tab's peer itself has said. */
export async function saidBy(page: Page): Promise<Record<string, Uint8Array[]>> {
  const said = await page.evaluate(() => window.noted.said);
  return Object.fromEntries(Object.entries(said).map(([way, list]) => [way, list.map((bytes) => Uint8Array.from(bytes))]));
}
