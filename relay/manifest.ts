/** What the relay keeps of a BoT: its genesis, taken once, and a hint of its head. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
  copyFileSync,
} from "node:fs";
import { join } from "node:path";
import { bytesToHex, hexToBytes } from "../src/kit/bytes.ts";
import { chainOf, decodeGenesis } from "../src/protocol/genesis.ts";
import { toHex } from "../src/protocol/identifiers.ts";
import { requireThat } from "../src/protocol/refusal.ts";

export interface Head {
  readonly height: number;
  /** Hexadecimal text of the block's digest. */
  readonly digest: string;
}

const GENESIS_FILE = "genesis.hex";
/** Kept when a BoT is founded anew: addresses and installed certificates stay valid. */
const LASTING_FILES = ["relay.key", "authority.key", "authority.crt"];

/** Makes the data folder; with `renew` an old one is put aside under a name with the moment. */
export function openDataFolder(folder: string, renew: boolean, nowMs: number): void {
  let aside: string | undefined;
  if (renew && existsSync(folder)) {
    aside = `${folder}-${new Date(nowMs).toISOString().replaceAll(":", "-")}`;
    renameSync(folder, aside);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (aside === undefined) return;
  for (const name of LASTING_FILES) if (existsSync(join(aside, name))) copyFileSync(join(aside, name), join(folder, name));
}

export class ManifestStore {
  readonly #path: string;
  #genesis: Uint8Array | undefined;
  #chain: string | undefined;
  #head: Head | undefined;

  /** @throws {Refusal} if the genesis on disk is not one. */
  constructor(folder: string) {
    this.#path = join(folder, GENESIS_FILE);
    this.#load();
  }

  #load(): void {
    if (!existsSync(this.#path)) return;
    const bytes = hexToBytes(readFileSync(this.#path, "utf8").trim());
    requireThat(bytes, "encoding-invalid", { file: GENESIS_FILE });
    decodeGenesis(bytes);
    this.#genesis = bytes;
    this.#chain = toHex(chainOf(bytes));
  }

  get genesisHex(): string | null {
    return this.#genesis === undefined ? null : bytesToHex(this.#genesis);
  }

  get chain(): string | null {
    return this.#chain ?? null;
  }

  get head(): Head | null {
    return this.#head ?? null;
  }

  /**
   * Takes this genesis if there is none: of two that come at once, even to two processes over one folder, one wins. The file appears whole and
   * synced, or not at all (`link` fails where the name is taken).
   * @throws {Refusal} whatever `decodeGenesis` refuses.
   */
  found(genesis: Uint8Array): "founded" | "already-founded" {
    decodeGenesis(genesis);
    if (this.#genesis !== undefined) return "already-founded";
    const draft = `${this.#path}.${process.pid}`;
    const file = openSync(draft, "w", 0o600);
    writeSync(file, bytesToHex(genesis));
    fsyncSync(file);
    closeSync(file);
    let won = true;
    try {
      linkSync(draft, this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      won = false;
    } finally {
      rmSync(draft);
    }
    this.#load();
    return won ? "founded" : "already-founded";
  }

  /** A hint only: newcomers verify what they get. It never goes back. */
  hintHead(head: Head): void {
    if (this.#head === undefined || head.height > this.#head.height) this.#head = head;
  }
}
