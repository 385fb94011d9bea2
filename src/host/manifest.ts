/** The manifest that a relay hands to all who open its address: which BoT, through which relays, and whether this tab may found one. */
import { bytesToHex, equalBytes, hexToBytes } from "../kit/bytes.ts";
import { DEFAULT_PARAMETERS, PARAMETER_BOUNDS, decodeGenesis, type Parameters } from "../protocol/genesis.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { Room } from "../sdk/api.ts";

/** A relay in the same room or far away answers within this, or is taken as out of reach. */
const FETCH_TIMEOUT_MS = 4_000;
/** A relay that is out of reach, or where nobody has founded yet, is asked again after this. */
export const MANIFEST_PACE_MS = 2_000;
/** The longest such pause: what serves the app may be no relay at all. */
const MANIFEST_PACE_MS_MAX = 8_000;
const RELAYS_MAX = 16;
const ADDRESS_UNITS_MAX = 512;

export interface Manifest {
  /** Null while nobody has founded. */
  readonly genesis: Uint8Array | null;
  /** Multiaddrs. */
  readonly relays: readonly string[];
  /** What the relay proposes to whoever founds. */
  readonly parameters: Parameters;
  readonly mayFound: boolean;
  /** Where others in the room find the app, and the page that says how to trust its certificate; null where the relay made none. */
  readonly room: Room | null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readGenesis(value: unknown): Uint8Array | null {
  if (value === null) return null;
  const bytes = typeof value === "string" ? hexToBytes(value) : undefined;
  if (bytes === undefined) throw new Refusal("schema-invalid", { field: "genesis" });
  decodeGenesis(bytes);
  return bytes;
}

function readParameters(value: unknown): Parameters {
  const given = isRecord(value) ? value : {};
  const bounded = Object.entries(PARAMETER_BOUNDS).map(([name, [min, max]]) => {
    const number = given[name];
    const fits = typeof number === "number" && Number.isSafeInteger(number) && number >= min && number <= max;
    return [name, fits ? number : DEFAULT_PARAMETERS[name as keyof Parameters]] as const;
  });
  return Object.fromEntries(bounded) as unknown as Parameters;
}

function readAddress(value: unknown): string | null {
  if (typeof value !== "string" || value.length > ADDRESS_UNITS_MAX || !URL.canParse(value)) return null;
  const { protocol, href } = new URL(value);
  return protocol === "https:" || protocol === "http:" ? href : null;
}

function readRoom(value: unknown): Room | null {
  if (!isRecord(value)) return null;
  const [app, guide] = [readAddress(value["app"]), readAddress(value["guide"])];
  return app === null || guide === null ? null : { app, guide };
}

/** @throws {Refusal} `schema-invalid` or what `decodeGenesis` refuses: a relay is not trusted more than anybody else. */
export function readManifest(value: unknown): Manifest {
  if (!isRecord(value)) throw new Refusal("schema-invalid", { field: "manifest" });
  const relays = Array.isArray(value["relays"]) ? value["relays"] : [];
  return {
    genesis: readGenesis(value["genesis"]),
    relays: relays.filter((relay): relay is string => typeof relay === "string" && relay.length <= ADDRESS_UNITS_MAX).slice(0, RELAYS_MAX),
    parameters: readParameters(value["parameters"]),
    mayFound: value["mayFound"] === true,
    room: readRoom(value["room"]),
  };
}

/** The manifest of the relay that served the app, or null when it cannot be reached or is no relay (a static host). */
export async function fetchManifest(base: string): Promise<Manifest | null> {
  try {
    const response = await fetch(new URL("bothy/manifest", base), { cache: "no-store", signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    return response.ok ? readManifest(await response.json()) : null;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return null;
  }
}

/**
 * Asks until the relay that served the app is in reach and names this BoT: what another one's says of relays and rooms is not meant for whoever is in this one.
 * Null where any does.
 */
export async function awaitManifest(base: string, genesis: Uint8Array | null, pause: (ms: number) => Promise<void>): Promise<Manifest> {
  for (let paceMs = MANIFEST_PACE_MS; ; paceMs = Math.min(2 * paceMs, MANIFEST_PACE_MS_MAX)) {
    await pause(paceMs);
    const manifest = await fetchManifest(base).catch(() => null);
    if (manifest === null) continue;
    if (genesis === null || (manifest.genesis !== null && equalBytes(manifest.genesis, genesis))) return manifest;
  }
}

/**
 * Offers a genesis. The relay takes the first and gives it to all who come, so what it answers may be another's: the race was lost.
 * @throws {Refusal} `not-authorized` when founding is not allowed from here, `no-peers` when the relay is out of reach.
 */
export async function offerGenesis(base: string, genesis: Uint8Array): Promise<Manifest> {
  let response: Response;
  try {
    response = await fetch(new URL("bothy/manifest", base), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ genesis: bytesToHex(genesis) }),
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
  } catch {
    throw new Refusal("no-peers", { relay: base });
  }
  const body: unknown = await response.json();
  if (response.status === 201) return readManifest(body);
  if (response.status === 409 && isRecord(body)) return readManifest(body["manifest"]);
  throw new Refusal("not-authorized", { status: response.status });
}
