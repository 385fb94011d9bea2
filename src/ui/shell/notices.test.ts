import { MantineProvider } from "@mantine/core";
import { createElement, type ComponentProps } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { Router } from "wouter";
import type { Settings, Status } from "../../sdk/api.ts";
import type { Client } from "../../sdk/client.ts";
import { Notices } from "./Notices.tsx";
import { PeerProvider } from "./peer-context.tsx";
import { createPeerStore, type PeerState } from "./peer-store.ts";
import type { Platform } from "./platform.ts";

const WELL: Status = {
  ready: true,
  peer: "12D3",
  account: "did:key:ann",
  keysDurable: true,
  chain: "ab",
  height: 4321,
  final: { height: 4321, digest: "cd", stateRoot: "ef", timeMs: 0 },
  peers: [{ id: "12D4", direct: true }],
  seats: { total: 4, mine: true },
  strength: "full",
  kind: "public",
  name: "Bothy",
  token: "coal",
  balance: 0,
  slot: 0,
  joining: [],
  relay: true,
  pending: 0,
  waitingFor: [],
  finality: { p50Ms: null, p95Ms: null, samples: 0 },
  fault: null,
  split: null,
  room: null,
};

/** A peer that has answered nothing yet but its status. */
const CLIENT = {
  subscribe: () => () => undefined,
  query: () => new Promise<never>(() => undefined),
} as unknown as Client;

const PLATFORM: Platform = {
  version: "1",
  secure: true,
  local: true,
  has: { locks: true, serviceWorker: true, sensors: false, share: false },
  inviteAddress: () => "",
  askPersistence: async () => true,
  copy: async () => true,
  reload: () => undefined,
  onUpdateReady: () => () => undefined,
};

/** The lines above every page, as text and links, where the account was saved at `exportedMs`. */
function noticesFor(
  change: Partial<Status>,
  {
    network = null,
    secure = true,
    exportedMs = null,
  }: { network?: PeerState["network"]; secure?: boolean; exportedMs?: number | null } = {},
): { text: string; links: readonly string[] } {
  const store = createPeerStore(CLIENT);
  const settings: Settings = {
    seatWanted: true,
    relays: [],
    iceServers: [],
    windowLimit: 100,
    keepBlocks: null,
    keepBytes: null,
    nicknames: {},
    exportedMs,
  };
  const state = { ...store.getState(), status: { ...WELL, ...change }, network, settings };
  const shown = { ...store, getState: () => state, getInitialState: () => state };
  // Not as JSX: tests are plain TypeScript.
  const peer: ComponentProps<typeof PeerProvider> = { store: shown, platform: { ...PLATFORM, secure }, children: createElement(Notices) };
  const router: ComponentProps<typeof Router> = { ssrPath: "/", children: createElement(PeerProvider, peer) };
  const markup = renderToStaticMarkup(createElement(MantineProvider, null, createElement(Router, router)));
  return {
    text: markup
      .replaceAll(/<style.*?<\/style>/gs, "")
      .replaceAll(/<[^>]*>/g, " ")
      .replaceAll("&#x27;", "'")
      .replaceAll(/\s+/g, " ")
      .trim(),
    links: [...markup.matchAll(/href="([^"]*)"/g)].map(([, to = ""]) => to),
  };
}

describe("the lines above every page", () => {
  it("are none while all is well", () => {
    expect(noticesFor({})).toEqual({ text: "", links: [] });
  });

  it("say that the BoT has split, since when, and lead to where one chooses", () => {
    const { text, links } = noticesFor({ split: { mine: "aa", other: "bb", sinceHeight: 4300 }, strength: "provisional" });
    expect(text).toMatch(/^This BoT has split: since block 4,300 there are two branches\. This peer stays on its own\. .* Settings$/);
    expect(links).toEqual(["/settings"]);
  });

  it("say of a split before what else is amiss, and nothing of it before the peer is ready", () => {
    const split = { mine: "aa", other: "bb", sinceHeight: 4300 };
    expect(noticesFor({ split, waitingFor: ["did:key:bob"] }).text).not.toContain("Waiting for seats");
    expect(noticesFor({ split, ready: false }).text).toBe("");
  });

  it("say when the page has used up its direct connections", () => {
    const network = { self: "12D3", relays: [], links: [], known: 0, bytesIn: 0, bytesOut: 0 };
    expect(noticesFor({}, { network: { ...network, directSpent: false } }).text).toBe("");
    expect(noticesFor({}, { network: { ...network, directSpent: true } }).text).toMatch(
      /no more direct connections\. Reload it when convenient; nothing is lost\. Reload$/,
    );
  });

  it("offer no reload where it would end the account", () => {
    const network = { self: "12D3", relays: [], links: [], known: 0, directSpent: true, bytesIn: 0, bytesOut: 0 };
    const { text } = noticesFor({ keysDurable: false }, { network });
    expect(text).toMatch(/no more direct connections\. .* A reload would end this account: save it first\.$/);
    expect(text).not.toContain("nothing is lost");
  });

  it("say at an address that is not secure that the account ends with the tab, and lead to where it is saved", () => {
    const notice = (change: Partial<Status>, exportedMs: number | null = null) => noticesFor(change, { secure: false, exportedMs });
    const { text, links } = notice({ keysDurable: false });
    expect(text).toMatch(/^This account ends when this tab is closed or reloaded, .* This address is not secure .* Save it now$/);
    expect(links).toEqual(["/settings"]);
    expect(notice({ keysDurable: false }, 1)).toEqual({ text: text.replace(" Save it now", ""), links: [] });
    expect(notice({ keysDurable: false, seats: { total: 1, mine: true } }).text).toContain("The only seat ends with it");
    expect(notice({ keysDurable: false, seats: { total: 1, mine: false } }).text).toBe(text);
  });

  it("say why a peer has stopped, with what the browser said of it where it said something", () => {
    const full = "The browser's storage is full. Make room on this device, then reload; nothing final is lost.";
    const fault = (message: string) => ({ ready: false, fault: { code: "storage-full", data: { message } } }) as const;
    expect(noticesFor(fault("")).text).toBe(`${full} Settings`);
    expect(noticesFor(fault("no room")).text).toBe(`${full} (no room) Settings`);
  });
});
