/** Holds a ledger to the block that an invite names: what a newcomer is offered may be a past that old keys made up (PROTOCOL, "Trust of a newcomer"). */
import type { Storage } from "../peer/ports.ts";
import { idKey } from "../peer/rows.ts";
import type { PeerView } from "../peer/view.ts";
import type { Checkpoint } from "../protocol/invite.ts";

/** Null while it cannot be told: the ledger has not come to that height, or the blocks down there are not here. */
export async function agreesWith(
  { height, id }: Checkpoint,
  { final, historyFloor }: Pick<PeerView, "final" | "historyFloor">,
  storage: Storage,
): Promise<boolean | null> {
  if (final.height < height || historyFloor >= height) return null;
  return (await storage.read("meta", idKey(id))) !== undefined;
}
