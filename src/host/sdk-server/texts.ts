/** Protocol bytes as the texts that people and dApps use, and back. */
import { bytesToHex } from "../../kit/bytes.ts";
import { BoundedMap } from "../../kit/bounded-map.ts";
import type { StateView } from "../../ledger/index.ts";
import { contractKey } from "../../ledger/modules/contract.ts";
import type { Value } from "../../protocol/codec.ts";
import { HASH_BYTES, accountToDid, asAccountId, didToAccount, fromHex, type AccountId, type Hash } from "../../protocol/identifiers.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { isValueMap } from "../../protocol/schema.ts";
import type { AccountText, DigestText } from "../../sdk/api.ts";

const DID_PREFIX = "did:key:";
const dids = new BoundedMap<DigestText, AccountText>(2048);

/** `did:key:…` of a person's or peer's account, the digits of a contract's. */
export function accountText(state: StateView, account: Uint8Array): AccountText {
  const hex = bytesToHex(account);
  const known = dids.get(hex);
  if (known !== undefined) return known;
  if (state.get(contractKey(account)) !== undefined) return hex;
  const did = accountToDid(account);
  dids.set(hex, did);
  return did;
}

/** Whether it names an account by its key, and not a contract's by digits. */
export function isDid(text: AccountText): boolean {
  return text.startsWith(DID_PREFIX);
}

/** @throws {Refusal} `schema-invalid`. */
export function textToAccount(text: AccountText): AccountId {
  return isDid(text) ? didToAccount(text) : asAccountId(fromHex(text));
}

/** @throws {Refusal} `schema-invalid` with the field's name unless it is 64 lower-case hexadecimal digits. */
export function textToDigest(text: DigestText, field: string): Hash {
  try {
    return fromHex(text);
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(error.code, { ...error.data, field });
    throw error;
  }
}

/** Fields of the ledger's own operations and events whose 32 bytes are an account. */
const ACCOUNT_FIELDS: ReadonlySet<string> = new Set(["account", "author", "caller", "from", "founder", "owner", "sender", "to"]);
/** Fields that carry a person's or contract's own values, shown as they are. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["arguments", "data", "pack", "result", "values"]);

/** A value of the ledger's own making with its identifiers as texts. */
export function valueToTexts(state: StateView, value: Value, field = ""): Value {
  if (OWN_FIELDS.has(field)) return value;
  if (value instanceof Uint8Array) {
    if (value.length !== HASH_BYTES) return value;
    return ACCOUNT_FIELDS.has(field) ? accountText(state, value) : bytesToHex(value);
  }
  if (Array.isArray(value)) return (value as readonly Value[]).map((item) => valueToTexts(state, item, field));
  if (!isValueMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, valueToTexts(state, item, key)]));
}
