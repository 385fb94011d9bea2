/**
 * Programs whose output must be the same in every engine, to the byte. The same module runs in Node and in a worker of each browser;
 * `tools/engines/run.ts` compares the rows, one text a case.
 */
import { ATTACKS, encodeRow, runAttack } from "../../contracts/attack.suite.ts";
import { bytesToHex, utf8 } from "../../kit/bytes.ts";
import { createRandom, type Random } from "../../kit/random.ts";
import { Tree } from "../../ledger/tree.ts";
import { decode, encode, type Value } from "../../protocol/codec.ts";
import { digest } from "../../protocol/identifiers.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { runSignatureSuite } from "../signatures/determinism.ts";
import { createContractMachine } from "../vm/contract-machine.ts";

async function contractMachineRows(wasm: Uint8Array): Promise<readonly string[]> {
  const machine = await createContractMachine(wasm);
  return ATTACKS.map((attack) => encodeRow(runAttack(machine, attack)));
}

const INTERESTING_NUMBERS = [0, -1, 23, 24, 255, 256, 65536, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, 1.5, -0.1, 5e-324, 1.7e-300];

function randomText(random: Random): string {
  return Array.from({ length: random.below(12) }, () => String.fromCodePoint([65, 233, 8364, 128512, 0][random.below(5)]!)).join("");
}

function randomValue(random: Random, depth: number): Value {
  switch (random.below(depth > 4 ? 5 : 7)) {
    case 0:
      return random.below(3) === 0 ? null : random.below(2) === 0;
    case 1:
      return INTERESTING_NUMBERS[random.below(INTERESTING_NUMBERS.length)]!;
    case 2:
      return random.below(1_000_000) - 500_000;
    case 3:
      return randomText(random);
    case 4:
      return Uint8Array.from({ length: random.below(40) }, () => random.below(256));
    case 5:
      return Array.from({ length: random.below(6) }, () => randomValue(random, depth + 1));
    default:
      return Object.fromEntries(Array.from({ length: random.below(6) }, () => [randomText(random), randomValue(random, depth + 1)]));
  }
}

function verdict(bytes: Uint8Array): string {
  try {
    return bytesToHex(digest(encode(decode(bytes))));
  } catch (error) {
    if (error instanceof Refusal) return `${error.code} ${JSON.stringify(error.data)}`;
    throw error;
  }
}

const CODEC_VALUES = 400;
const MUTATIONS_EACH = 8;

/** Seeded values, their bytes, and what becomes of the bytes when some are changed, cut off or added. */
function codecRows(): readonly string[] {
  const random = createRandom(8949);
  const rows: string[] = [];
  for (let i = 0; i < CODEC_VALUES; i++) {
    const bytes = encode(randomValue(random, 0));
    rows.push(`${bytesToHex(digest(bytes))} ${verdict(bytes)}`);
    for (let mutation = 0; mutation < MUTATIONS_EACH; mutation++) {
      const changed = mutation === 0 ? bytes.slice(0, random.below(bytes.length + 1)) : bytes.slice();
      for (let changes = random.below(3); changes >= 0 && changed.length > 0; changes--)
        changed[random.below(changed.length)] = random.below(256);
      rows.push(`${bytesToHex(changed)} ${verdict(changed)}`);
    }
  }
  return rows;
}

const TREE_BATCHES = 60;
const TREE_KEYS = 2000;

/** Roots and proofs while seeded keys come, change and go. */
function stateRootRows(): readonly string[] {
  const random = createRandom(22);
  const tree = new Tree();
  const rows: string[] = [];
  let root = 0;
  for (let batch = 0; batch < TREE_BATCHES; batch++) {
    const changes = new Map<number, Uint8Array | undefined>();
    for (let i = random.below(200); i >= 0; i--) {
      changes.set(random.below(TREE_KEYS), random.below(4) === 0 ? undefined : encode(randomValue(random, 2)));
    }
    const next = tree.update(
      root,
      [...changes].map(([key, value]) => [digest(utf8(`key ${key}`)), value] as const),
    );
    tree.release(root);
    root = next;
    rows.push(`${bytesToHex(tree.rootHash(root))} ${bytesToHex(digest(tree.prove(root, `absent ${batch}`)))}`);
  }
  return rows;
}

async function signatureRows(): Promise<readonly string[]> {
  const { cases, digest: verdicts } = await runSignatureSuite();
  return [`${cases} ${verdicts}`];
}

/** Each suite by its name; `wasm` is the metered binary. Each is run in a page of its own, so that one that ends its page ends no other. */
export const DETERMINISM_SUITES: Readonly<Record<string, (wasm: Uint8Array) => Promise<readonly string[]>>> = {
  codec: async () => codecRows(),
  "state-root": async () => stateRootRows(),
  signatures: signatureRows,
  "contract-machine": contractMachineRows,
};
