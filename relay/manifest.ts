/** What the relay keeps of a BoT: its genesis, taken once, and a hint of its head. */
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
  const aside = `${folder}-${new Date(nowMs).toISOString().replaceAll(":", "-")}`;
  const moves = renew && existsSync(folder);
  if (moves) renameSync(folder, aside);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!moves) return;
  for (const name of LASTING_FILES) if (existsSync(join(aside, name))) copyFileSync(join(aside, name), join(folder, name));
}

export class ManifestStore {
  readonly #path: string;
  /** Hexadecimal text, and null while nobody has founded. */
  genesis: string | null = null;
  chain: string | null = null;
  head: Head | null = null;

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
    this.genesis = bytesToHex(bytes);
    this.chain = toHex(chainOf(bytes));
  }

  /**
   * Takes this genesis if there is none: of two that come at once, even to two processes over one folder, one wins. The file appears whole and
   * synced, or not at all (`link` fails where the name is taken).
   * @throws {Refusal} whatever `decodeGenesis` refuses.
   */
  found(genesis: Uint8Array): "founded" | "already-founded" {
    decodeGenesis(genesis);
    if (this.genesis !== null) return "already-founded";
    const draft = `${this.#path}.${process.pid}`;
    writeFileSync(draft, bytesToHex(genesis), { mode: 0o600, flush: true });
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
    if (this.head === null || head.height > this.head.height) this.head = head;
  }
}
