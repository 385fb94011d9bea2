/**
 * Answers peers that are behind by more than consensus holds in memory, from storage. Whoever asks costs this peer a read and an answer that is far
 * larger than the question, so everybody has turns: one answer at a time, and the next after a pause that grows with what was given.
 */
import type { ConsensusMessage } from "../consensus/engine.ts";
import { BoundedMap } from "../kit/bounded-map.ts";
import { decode } from "../protocol/codec.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { readText } from "../protocol/schema.ts";
import { AnswerPart, giveOf, upToProof } from "./answers.ts";
import type { Outbox } from "./outbox.ts";
import { blockKey, decodeBlockRow, idKey } from "./rows.ts";

/** Above every key of `blocks`. */
const KEY_END = "~";
/** Rows of the first read of an answer; how many more follows from their size. */
const FIRST_ROWS = 4;

type Send = (message: ConsensusMessage) => void;

interface Turn {
  isBusy: boolean;
  freeAtMs: number;
  /** The last question that came meanwhile. */
  waiting: { readonly known: readonly Hash[]; readonly send: Send } | null;
}

export class ChainServer {
  readonly #outbox: Outbox;
  readonly #turns = new BoundedMap<string, Turn>(LIMITS.answeredPeersMax);
  #nowMs = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  #turnOf(peer: string): Turn {
    const known = this.#turns.get(peer);
    if (known !== undefined) return known;
    const turn: Turn = { isBusy: false, freeAtMs: 0, waiting: null };
    this.#turns.set(peer, turn);
    return turn;
  }

  #isFree({ isBusy, freeAtMs }: Turn): boolean {
    return !isBusy && this.#nowMs >= freeAtMs;
  }

  #endTurn(turn: Turn, bytes: number): void {
    turn.isBusy = false;
    turn.freeAtMs = this.#nowMs + LIMITS.servePauseMs + (bytes * 1000) / LIMITS.serveBytesPerSecondMax;
  }

  /** One block; nothing while it is not the peer's turn: it asks again, or somebody else. */
  serveBlock(peer: string, id: Hash, nowMs: number, send: Send): void {
    this.#nowMs = nowMs;
    const turn = this.#turnOf(peer);
    if (!this.#isFree(turn)) return;
    turn.isBusy = true;
    const key = idKey(id);
    this.#outbox.read({ table: "meta", from: key, to: `${key}!`, limit: 1 }, ([found]) => {
      if (found === undefined) return this.#endTurn(turn, 0);
      const rowKey = rowKeyOf(found[1]);
      this.#outbox.read({ table: "blocks", from: rowKey, to: `${rowKey}!`, limit: 1 }, ([row]) => {
        this.#endTurn(turn, row?.[1].length ?? 0);
        if (row !== undefined) send(giveOf([decodeBlockRow(row[1])], false));
      });
    });
  }

  /** What follows the newest of these blocks that is on the branch, up to the end of its epoch or of a message; when it is the peer's turn. */
  serveChain(peer: string, known: readonly Hash[], nowMs: number, send: Send): void {
    this.#nowMs = nowMs;
    const turn = this.#turnOf(peer);
    if (!this.#isFree(turn)) {
      turn.waiting = { known, send };
      return;
    }
    turn.isBusy = true;
    turn.waiting = null;
    this.#heldKey(known, (key) => {
      this.#readPart(`${key}!`, FIRST_ROWS, new AnswerPart(), ({ rows, bytes }, goesOn) => {
        this.#endTurn(turn, bytes);
        if (rows.length === 0) return;
        const proven = upToProof(rows);
        send(giveOf(proven, goesOn || proven.length < rows.length));
      });
    });
  }

  /** Serves those whose turn has come. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [peer, turn] of this.#turns.entries()) {
      if (turn.waiting !== null && this.#isFree(turn)) this.serveChain(peer, turn.waiting.known, nowMs, turn.waiting.send);
    }
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
      if (row !== undefined) return then(rowKeyOf(row[1]));
      this.#heldKey(rest, then);
    });
  }
}

function rowKeyOf(bytes: Uint8Array): string {
  return readText(decode(bytes, 64), "key", 64);
}
