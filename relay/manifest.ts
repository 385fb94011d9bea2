/** What the relay keeps of a BoT: its genesis, taken once. */
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytesToHex, hexToBytes } from "../src/kit/bytes.ts";
import { decodeGenesis } from "../src/protocol/genesis.ts";
import { requireThat } from "../src/protocol/refusal.ts";

export class ManifestStore {
  readonly #path: string;
  /** Hexadecimal text, and null while nobody has founded. */
  genesis: string | null = null;

  /**
   * Makes the data folder. With `renew` an old genesis is put aside under a name with the moment in milliseconds; keys stay, so that addresses and installed
   * certificates do too. @throws {Refusal} if the genesis on disk is not one.
   */
  constructor(folder: string, renew: boolean) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#path = join(folder, "genesis.hex");
    if (renew && existsSync(this.#path)) renameSync(this.#path, join(folder, `genesis-until-${Date.now()}.hex`));
    this.#load();
  }

  #load(): void {
    if (!existsSync(this.#path)) return;
    const bytes = hexToBytes(readFileSync(this.#path, "utf8").trim());
    requireThat(bytes, "encoding-invalid", { file: this.#path });
    decodeGenesis(bytes);
    this.genesis = bytesToHex(bytes);
  }

  /**
   * Takes this genesis if there is none, and gives whether it did: of two that come at once, even to two processes over one folder, one wins.
   * The file appears whole and synced, or not at all (`link` fails where the name is taken). @throws {Refusal} as `decodeGenesis` does.
   */
  found(genesis: Uint8Array): boolean {
    decodeGenesis(genesis);
    if (this.genesis !== null) return false;
    const draft = `${this.#path}.${process.pid}`;
    writeFileSync(draft, bytesToHex(genesis), { mode: 0o600, flush: true });
    try {
      linkSync(draft, this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(draft);
    }
    this.#load();
    return this.genesis === bytesToHex(genesis);
  }
}
