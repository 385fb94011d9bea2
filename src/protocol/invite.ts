/** An invite: all that a browser needs to join a BoT which its relay does not name. Text for a link or a QR code; spec/admission.md. */
import { base64url } from "multiformats/bases/base64";
import { concatBytes, equalBytes } from "../kit/bytes.ts";
import { decode, encode, type Value } from "./codec.ts";
import { decodeGenesis } from "./genesis.ts";
import { asHash, digest, type Hash } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import { Refusal, requireThat } from "./refusal.ts";
import { readBytes, readInteger, readList, readText } from "./schema.ts";

/** A block that was final where the invite was made. */
export interface Checkpoint {
  readonly height: number;
  readonly id: Hash;
}

export interface Invite {
  /** In a closed BoT it is what tells members from strangers: the invite is for the one to whom it is given. */
  readonly genesis: Uint8Array;
  /** Null where there is no block yet. */
  readonly checkpoint: Checkpoint | null;
  /** Multiaddrs. */
  readonly relays: readonly string[];
}

const VERSION = 1;
const CHECK_BYTES = 4;
const RELAYS_MAX = 8;
const RELAY_UNITS_MAX = 512;

export function checkpointToValue(checkpoint: Checkpoint | null): Value {
  return checkpoint === null ? null : [checkpoint.height, checkpoint.id];
}

/** @throws {Refusal} `schema-invalid`. */
export function valueToCheckpoint(value: Value | undefined): Checkpoint | null {
  if (value === null) return null;
  const list = readList(value, "checkpoint", 2);
  return { height: readInteger(list[0], "height", 1), id: asHash(list[1]) };
}

/** @throws {Refusal} `schema-invalid`. */
export function readRelays(value: Value | undefined): readonly string[] {
  const relays = readList(value, "relays");
  requireThat(relays.length <= RELAYS_MAX, "schema-invalid", { field: "relays", expected: "fewer" });
  return relays.map((relay) => readText(relay, "relay", RELAY_UNITS_MAX, 1));
}

/** What an address loses or changes on its way through hands and messengers must not lead into another BoT. */
function checkOf(body: Uint8Array): Uint8Array {
  return digest(body).subarray(0, CHECK_BYTES);
}

/** Base64url without padding (RFC 4648, section 5), after multibase's letter, of the array and the first bytes of its digest. */
export function encodeInvite({ genesis, checkpoint, relays }: Invite): string {
  const kept = relays.filter((relay) => relay.length <= RELAY_UNITS_MAX).slice(0, RELAYS_MAX);
  const body = encode([VERSION, genesis, checkpointToValue(checkpoint), kept]);
  return base64url.encode(concatBytes(body, checkOf(body)));
}

/** @throws {Refusal} `invite-invalid` for whatever is none, `unknown-version`. */
export function decodeInvite(text: string): Invite {
  try {
    requireThat(text.length <= 2 * LIMITS.inviteBytesMax, "too-large");
    const bytes = base64url.decode(text);
    const body = bytes.subarray(0, -CHECK_BYTES);
    requireThat(equalBytes(bytes.subarray(-CHECK_BYTES), checkOf(body)), "encoding-invalid");
    const list = readList(decode(body, LIMITS.inviteBytesMax), "invite", 4);
    if (list[0] !== VERSION) throw new Refusal("unknown-version", { version: list[0] ?? null });
    const genesis = readBytes(list[1], "genesis", LIMITS.inviteBytesMax);
    decodeGenesis(genesis);
    return { genesis, checkpoint: valueToCheckpoint(list[2]), relays: readRelays(list[3]) };
  } catch (error) {
    if (error instanceof Refusal && error.code === "unknown-version") throw error;
    throw new Refusal("invite-invalid", { reason: error instanceof Refusal ? error.code : "encoding-invalid" });
  }
}
