/** Answers peers that are behind by more than consensus holds in memory, from storage, each when it is its turn. */
import type { ConsensusMessage } from "../consensus/engine.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { AnswerPart, giveOf, upToProof } from "./answers.ts";
import type { Outbox } from "./outbox.ts";
import { blockKey, decodeBlockRow, decodeRowKey, heightOfKey, idKey } from "./rows.ts";
import type { Turns, Work } from "./turns.ts";

/** Above every key of `blocks`. */
const KEY_END = "~";
/** Rows of the first read of an answer; how many more follows from their size. */
const FIRST_ROWS = 4;

type Send = (message: ConsensusMessage) => void;

/** What a peer is given that is far behind, in place of blocks. */
export interface SnapshotOffers {
  /** Whether that is better for a peer that stands at this height. */
  isWorth(peer: string, height: number): boolean;
  /** Does `otherwise` where there is nothing to offer after all, and blocks are there to be given. */
  offer(peer: string, height: number, end: (bytes: number) => void, otherwise: () => void): void;
}

export class ChainServer {
  readonly #outbox: Outbox;
  readonly #turns: Turns;
  readonly #offers: SnapshotOffers;

  constructor(outbox: Outbox, turns: Turns, offers: SnapshotOffers) {
    this.#outbox = outbox;
    this.#turns = turns;
    this.#offers = offers;
  }

  /** One block; nothing while it is not the peer's turn: it asks again, or somebody else. */
  serveBlock(peer: string, id: Hash, nowMs: number, send: Send): void {
    const work: Work = (end) => {
      const key = idKey(id);
      this.#outbox.read({ table: "meta", from: key, to: `${key}!`, limit: 1 }, ([found]) => {
        if (found === undefined) return end(0);
        const rowKey = decodeRowKey(found[1]);
        this.#outbox.read({ table: "blocks", from: rowKey, to: `${rowKey}!`, limit: 1 }, ([row]) => {
          end(row?.[1].length ?? 0);
          if (row !== undefined) send(giveOf([decodeBlockRow(row[1])], false));
        });
      });
    };
    this.#turns.take(peer, nowMs, work, { waits: false });
  }

  /**
   * What follows the newest of these blocks that is on the branch, up to the end of its epoch or of a message; when it is the peer's turn. Who is so far
   * behind that a snapshot costs it less is offered that.
   */
  serveChain(peer: string, known: readonly Hash[], nowMs: number, send: Send): void {
    const work: Work = (end) => {
      this.#heldKey(known, (key) => {
        const giveBlocks = (): void => {
          this.#readPart(`${key}!`, FIRST_ROWS, new AnswerPart(), ({ rows, bytes }, goesOn) => {
            end(bytes);
            if (rows.length === 0) return;
            const proven = upToProof(rows);
            send(giveOf(proven, goesOn || proven.length < rows.length));
          });
        };
        const height = heightOfKey(key);
        if (this.#offers.isWorth(peer, height)) this.#offers.offer(peer, height, end, giveBlocks);
        else giveBlocks();
      });
    };
    this.#turns.take(peer, nowMs, work, { waits: true });
  }

  /** Rows of one epoch up to the size of an answer, read by the page; and whether others follow. */
  #readPart(from: string, limit: number, part: AnswerPart, then: (part: AnswerPart, goesOn: boolean) => void): void {
    this.#outbox.read({ table: "blocks", from, to: KEY_END, limit }, (rows) => {
      for (const [, bytes] of rows) if (!part.take(bytes)) return then(part, true);
      const last = rows.at(-1);
      if (last === undefined || rows.length < limit) return then(part, false);
      const fitting = Math.floor((LIMITS.giveBytesMax - part.bytes) / (part.bytes / part.rows.length));
      this.#readPart(`${last[0]}!`, Math.max(1, Math.min(fitting, LIMITS.giveBlocksMax)), part, then);
    });
  }

  /** The row's key of the first of these blocks that is stored; genesis, which is before all rows, if none is. */
  #heldKey(ids: readonly Hash[], then: (key: string) => void): void {
    const [id, ...rest] = ids;
    if (id === undefined) return then(blockKey(0, 0));
    const key = idKey(id);
    this.#outbox.read({ table: "meta", from: key, to: `${key}!`, limit: 1 }, ([row]) => {
      if (row !== undefined) return then(decodeRowKey(row[1]));
      this.#heldKey(rest, then);
    });
  }
}
