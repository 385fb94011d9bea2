/** What consensus must know of a block, from its header. */
import type { BlockInfo } from "../consensus/engine.ts";
import type { BlockHeader } from "../protocol/block.ts";
import type { Hash } from "../protocol/identifiers.ts";
import type { SeatLists } from "../protocol/seats.ts";

/** Of a block with a height; `lists` are the seats after it. */
export function infoOfHeader(id: Hash, header: BlockHeader, height: number, { seats, sleeping }: SeatLists): BlockInfo {
  const { parent, epochId, round, timeMs, endsEpoch, lastRecovery } = header;
  return { id, parent, epochId, round, height, heightedId: id, timeMs, seats, sleeping, endsEpoch, recovery: null, lastRecovery };
}
