/** Founding a BoT: the first tab on a fresh relay makes the genesis that names its own seat. PROTOCOL, "Founding". */
import { equalBytes } from "../kit/bytes.ts";
import { encodeGenesis, type Parameters } from "../protocol/genesis.ts";
import { asAccountId, asVotingKey } from "../protocol/identifiers.ts";
import type { Keys } from "../peer/ports.ts";
import { offerGenesis, type Manifest } from "./manifest.ts";

export interface Founding {
  readonly name: string;
  readonly parameters: Parameters;
  readonly account: Uint8Array;
  readonly nowMs: number;
}

const TOKEN = "coal";
const SALT_BYTES = 16;

/**
 * Offers a genesis of this tab's own and gives the manifest that holds from now on, which is another's if that one was first. Then the
 * seat's key is destroyed at once: nothing was ever signed with it.
 */
export async function found(base: string, keys: Keys, founding: Founding): Promise<Manifest> {
  const foundingSeat = asVotingKey(await keys.create("voting"));
  const genesis = encodeGenesis({
    version: 1,
    kind: "public",
    name: founding.name,
    token: TOKEN,
    createdMs: founding.nowMs,
    founder: asAccountId(founding.account),
    foundingSeat,
    parameters: founding.parameters,
    salt: globalThis.crypto.getRandomValues(new Uint8Array(SALT_BYTES)),
  });
  const manifest = await offerGenesis(base, genesis);
  if (manifest.genesis === null || !equalBytes(manifest.genesis, genesis)) await keys.destroy(foundingSeat);
  return manifest;
}
