/** `record`: a note about anything, for ever: its author, a digest of what it speaks of, and who else signed. */
import { bytesToHex } from "../../kit/bytes.ts";
import type { Value, ValueMap } from "../../protocol/codec.ts";
import { asAccountId, asHash, type AccountId, type Hash } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { readMap } from "../../protocol/schema.ts";
import type { Call } from "../../protocol/transaction.ts";
import { createdId, operation } from "../operation.ts";
import { checkSigners } from "../policies.ts";
import { readShortText } from "../texts.ts";

export const RECORD_PREFIX = "record/";

/** As it is stored. A contract's record has kind `contract`, and its data in place of the note. */
export interface LedgerRecord {
  /** An account or a contract. */
  readonly author: AccountId;
  readonly countersigner: AccountId | null;
  readonly about: string;
  readonly kind: string;
  readonly digest: Hash | null;
  readonly note: Value;
  readonly height: number;
  readonly timeMs: number;
}

export function recordKey(record: Uint8Array): string {
  return RECORD_PREFIX + bytesToHex(record);
}

export function recordToValue(record: LedgerRecord): ValueMap {
  return record as unknown as ValueMap;
}

interface Write {
  readonly about: string;
  readonly kind: string;
  readonly digest: Hash | null;
  readonly note: string;
  readonly countersigner: AccountId | null;
}

export const ABOUT_BYTES_MAX = 2 * LIMITS.nameBytesMax;

const write = operation<Write>({
  read(value) {
    const map = readMap(value, "record", ["about", "kind", "digest", "note", "countersigner?"]);
    const countersigner = map["countersigner"] ?? null;
    return {
      about: readShortText(map["about"], "about", ABOUT_BYTES_MAX, 1),
      kind: readShortText(map["kind"], "kind", LIMITS.nameBytesMax, 1),
      digest: map["digest"] === null ? null : asHash(map["digest"]),
      note: readShortText(map["note"], "note", LIMITS.recordNoteBytesMax),
      countersigner: countersigner === null ? null : asAccountId(countersigner),
    };
  },
  check({ state, timeMs, transaction }, { countersigner }) {
    if (countersigner === null) return;
    const calls: readonly Call[] = [["record.write", null]];
    checkSigners(state, { account: countersigner, calls, signatures: transaction.signatures }, timeMs);
  },
  apply(context, { about, kind, digest, note, countersigner }) {
    const { state, sender, height, timeMs, emit } = context;
    const id = createdId(context);
    state.set(recordKey(id), recordToValue({ author: sender, countersigner, about, kind, digest, note, height, timeMs }));
    emit("record.written", { record: id, author: sender, about, kind });
    return id;
  },
});

export const recordOperations = { "record.write": write };
