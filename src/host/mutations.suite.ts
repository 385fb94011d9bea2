/** Messages made wrong: bytes that break, and values that decode but say something else. For the tests of untrusted input. */
import type { Random } from "../kit/random.ts";
import { decode, encode, type Value, type ValueMap } from "../protocol/codec.ts";
import { isValueMap } from "../protocol/schema.ts";

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.below(items.length)]!;
}

function flipBits(random: Random, bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  for (let flips = 1 + random.below(4); flips > 0 && changed.length > 0; flips--)
    changed[random.below(changed.length)]! ^= 1 << random.below(8);
  return changed;
}

function nest(depth: number): Value {
  let value: Value = [];
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

/** DAG-CBOR of a list in a list in a list: deeper than `encode` would make it. */
function deepBytes(depth: number): Uint8Array {
  return new Uint8Array(depth + 1).fill(0x81).fill(0x80, depth);
}

const ODD_NUMBERS = [0, 1, -1, 2 ** 31, 2 ** 53 - 1, -(2 ** 53) + 1, 0.5, 1e300];

/** A value of another kind, or one at the edge of its kind. */
function oddValue(random: Random, old: Value): Value {
  switch (random.below(8)) {
    case 0:
      return null;
    case 1:
      return pick(random, ODD_NUMBERS);
    case 2:
      return "\u{1F9F1}".repeat(random.below(64));
    case 3:
      return nest(random.below(24));
    case 4:
      return Array.from({ length: random.below(5000) }, () => old);
    case 5:
      return { a: old, "": 1 };
    case 6:
      return random.below(2) === 0;
    default:
      return randomBytes(random, old instanceof Uint8Array ? old.length : pick(random, [0, 31, 32, 33, 64]));
  }
}

function changeList(random: Random, list: readonly Value[]): Value {
  const changed = [...list];
  const at = random.below(Math.max(1, list.length));
  switch (random.below(4)) {
    case 0:
      changed.splice(at, 1);
      break;
    case 1:
      changed.splice(at, 0, list[at] ?? null);
      break;
    case 2:
      changed.reverse();
      break;
    default: {
      const other = random.below(Math.max(1, list.length));
      [changed[at], changed[other]] = [changed[other] ?? null, changed[at] ?? null];
    }
  }
  return changed;
}

/** One place of the value is changed: gone, doubled, swapped with another, or odd. */
function changeValue(random: Random, value: Value): Value {
  if (Array.isArray(value) && value.length > 0 && random.below(4) > 0) {
    if (random.below(4) === 0) return changeList(random, value);
    const at = random.below(value.length);
    return (value as readonly Value[]).map((item, index) => (index === at ? changeValue(random, item) : item));
  }
  if (isValueMap(value) && Object.keys(value).length > 0 && random.below(4) > 0) {
    const key = pick(random, Object.keys(value));
    const { [key]: old, ...rest } = value as ValueMap;
    return random.below(6) === 0 ? rest : { ...rest, [key]: changeValue(random, old!) };
  }
  if (value instanceof Uint8Array && value.length > 64 && random.below(2) === 0) return changeInside(random, value);
  if (typeof value === "number" && Number.isSafeInteger(value + 1) && random.below(2) === 0) return value + 1 - 2 * random.below(2);
  return oddValue(random, value);
}

/** Bytes that hold an encoded value (a header, an envelope) are changed inside where they can be. */
function changeInside(random: Random, bytes: Uint8Array): Uint8Array {
  try {
    return encode(changeValue(random, decode(bytes)));
  } catch {
    return flipBits(random, bytes);
  }
}

/** A message that is wrong in one of many ways. */
export function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  switch (random.below(10)) {
    case 0:
    case 1:
      return flipBits(random, bytes);
    case 2:
      return bytes.slice(0, random.below(bytes.length + 1));
    case 3:
      return Uint8Array.from([...bytes, ...randomBytes(random, 1 + random.below(8))]);
    case 4:
      return random.below(4) === 0 ? deepBytes(1 + random.below(20_000)) : randomBytes(random, random.below(300));
    default:
      return changeInside(random, bytes);
  }
}
