/** Blocks, transactions and events as people read them, whether they are final or only notarized. */
import { equalBytes } from "../../kit/bytes.ts";
import { BoundedMap } from "../../kit/bounded-map.ts";
import { readPack } from "../../ledger/senml.ts";
import { GENESIS_KEY } from "../../ledger/accounts.ts";
import { seatsOf, type Receipt, type StateView } from "../../ledger/index.ts";
import type { CommittedBlock } from "../../peer/effects.ts";
import type { PeerView } from "../../peer/view.ts";
import type { BlockHeader } from "../../protocol/block.ts";
import { accountToDid, toHex, type HashHex, type VotingKey } from "../../protocol/identifiers.ts";
import { Refusal, type RefusalShape } from "../../protocol/refusal.ts";
import { isValueMap } from "../../protocol/schema.ts";
import type { Call, Transaction } from "../../protocol/transaction.ts";
import type { AccountText, BlockSummary, EventInfo, ReadingInfo, RoadStage, TransactionInfo } from "../../sdk/api.ts";
import { sourceOf } from "../explorer/entries.ts";
import { StoredBlock } from "../explorer/stored-blocks.ts";
import { eventsOf, type Explorer, type FoundEvent } from "../explorer/explorer.ts";
import { callToInfo, resultsToTexts } from "./operations.ts";
import { accountText, valueToTexts } from "./texts.ts";

/** What is told of a block: the same of one out of storage and of one that just came. */
export type ShownBlock = Pick<CommittedBlock, "id" | "height" | "timeMs" | "block" | "receipts">;

export type Road = Partial<Record<RoadStage, number>>;

export interface BlockDeps {
  readonly view: PeerView;
  readonly explorer: Explorer;
  readonly proposers: Proposers;
  /** When this peer saw each stop of its own transactions. */
  readonly roads: { get(id: HashHex): Road | undefined };
}

/** Whose a voting key is, also after its seat ended. */
export class Proposers {
  readonly #known = new BoundedMap<HashHex, AccountText>(1024);

  async of({ view, explorer }: Pick<BlockDeps, "view" | "explorer">, votingKey: VotingKey): Promise<AccountText> {
    const hex = toHex(votingKey);
    const known = this.#known.get(hex) ?? this.#inState(view, votingKey);
    if (known !== undefined) return known;
    const taken = (await explorer.transactions(votingKey, undefined, 50)).find(({ transaction }) =>
      transaction.body.calls.some(([operation]) => operation === "seat.take"),
    );
    // Of a seat from before this peer's history only the key itself is known.
    const found = taken === undefined ? accountToDid(votingKey) : accountText(view.state, taken.transaction.body.sender);
    if (taken !== undefined) this.#known.set(hex, found);
    return found;
  }

  #inState({ state, genesis }: PeerView, votingKey: VotingKey): AccountText | undefined {
    const { current, sleeping, waiting } = seatsOf(state);
    for (const seat of [...current, ...sleeping, ...waiting]) {
      this.#known.set(toHex(seat.votingKey), accountText(state, seat.account));
    }
    this.#known.set(toHex(genesis.foundingSeat), accountText(state, genesis.founder));
    return this.#known.get(toHex(votingKey));
  }
}

/** A block's outline, without decoding the transactions of one that comes out of storage. */
function outlineOf(shown: ShownBlock): { readonly header: BlockHeader | null; readonly transactions: number; readonly sizeBytes: number } {
  if (shown instanceof StoredBlock) return { header: shown.header, transactions: shown.transactionCount, sizeBytes: shown.sizeBytes };
  const { block } = shown;
  if (block === null) return { header: null, transactions: 0, sizeBytes: 0 };
  const sizeBytes = block.transactions.reduce((sum, { bytes }) => sum + bytes.length, block.headerBytes.length);
  return { header: block.header, transactions: block.transactions.length, sizeBytes };
}

export async function blockSummary(deps: BlockDeps, shown: ShownBlock): Promise<BlockSummary> {
  const { header, transactions, sizeBytes } = outlineOf(shown);
  return {
    height: shown.height,
    digest: toHex(shown.id),
    timeMs: shown.timeMs,
    // Nobody proposes a recovery: it is fully determined.
    proposer: header === null ? "" : await deps.proposers.of(deps, header.proposer),
    transactions,
    sizeBytes,
    final: shown.height <= deps.view.final.height,
    kind: header === null ? "recovery" : "ordinary",
  };
}

export function genesisSummary({ chain, genesis, state }: PeerView): BlockSummary {
  const bytes = state.get(GENESIS_KEY);
  return {
    height: 0,
    digest: toHex(chain),
    timeMs: genesis.createdMs,
    proposer: accountText(state, genesis.founder),
    transactions: 0,
    sizeBytes: bytes instanceof Uint8Array ? bytes.length : 0,
    final: true,
    kind: "genesis",
  };
}

const eventsOfReceipts = new WeakMap<readonly Receipt[], readonly FoundEvent[]>();

export function knownEventsOf(shown: ShownBlock): readonly FoundEvent[] {
  let events = eventsOfReceipts.get(shown.receipts);
  if (events === undefined) eventsOfReceipts.set(shown.receipts, (events = eventsOf(shown)));
  return events;
}

export function eventInfo(state: StateView, { height, index, timeMs, transaction, event }: FoundEvent): EventInfo {
  const { source, topic, data } = sourceOf(event);
  const isContract = event.name === "contract.emitted";
  return {
    height,
    timeMs,
    transaction: transaction === null ? null : toHex(transaction),
    index,
    source,
    topic,
    data: isContract ? data : valueToTexts(state, data),
  };
}

export interface TransactionPlace {
  readonly block: ShownBlock;
  readonly index: number;
}

/** A transaction with all that is known of it; `refusal` is why it will never be in a block. */
export function transactionInfo(
  deps: Pick<BlockDeps, "view" | "roads">,
  transaction: Transaction,
  place: TransactionPlace | null,
  refusal: RefusalShape | null = null,
): TransactionInfo {
  const { state, final } = deps.view;
  const { body } = transaction;
  const receipt = place?.block.receipts[place.index];
  const isFinal = place !== null && place.block.height <= final.height;
  const why = receipt?.refusal ?? refusal;
  const events =
    place === null ? [] : knownEventsOf(place.block).filter(({ transaction: of }) => of !== null && equalBytes(of, transaction.id));
  return {
    id: toHex(transaction.id),
    sender: accountText(state, body.sender),
    nonce: body.nonce,
    validUntilMs: body.validUntilMs,
    feeMax: body.fee,
    feePaid: receipt?.feePaid ?? null,
    gasUsed: receipt?.gasUsed ?? null,
    calls: body.calls.map((call) => callToInfo(state, call)),
    state: why !== null && (isFinal || place === null) ? "refused" : isFinal ? "final" : place === null ? "pending" : "in-block",
    block:
      place === null ? null : { height: place.block.height, digest: toHex(place.block.id), timeMs: place.block.timeMs, index: place.index },
    results: receipt === undefined ? null : resultsToTexts(body.calls, receipt.results),
    refusal: why,
    events: events.map((event) => eventInfo(state, event)),
    sizeBytes: transaction.bytes.length,
    road: deps.roads.get(toHex(transaction.id)) ?? {},
  };
}

interface Append {
  readonly stream: Uint8Array;
  readonly sequence: number;
  readonly pack: Uint8Array;
}

function appendOf([operation, arguments_]: Call): Append | undefined {
  if (operation !== "stream.append" || !isValueMap(arguments_)) return undefined;
  const { stream, sequence, pack } = arguments_;
  const isAppend = stream instanceof Uint8Array && typeof sequence === "number" && pack instanceof Uint8Array;
  return isAppend ? { stream, sequence, pack } : undefined;
}

/** Readings that a transaction appended, by stream. A pack that the ledger took can be read again. */
export function appendedReadings(
  place: TransactionPlace,
  isFinal: boolean,
): readonly { readonly stream: Uint8Array; readonly sequence: number; readonly readings: readonly ReadingInfo[] }[] {
  const { block, index } = place;
  if (block.receipts[index]?.refusal !== null) return [];
  const calls = block.block?.transactions[index]?.body.calls ?? [];
  return calls
    .map(appendOf)
    .filter((append) => append !== undefined)
    .map(({ stream, sequence, pack }) => ({
      stream,
      sequence,
      readings: readPack(pack, block.timeMs).map(({ name, value, unit, timeMs }) => ({
        property: name,
        value,
        unit,
        timeMs,
        height: block.height,
        sequence,
        final: isFinal,
      })),
    }));
}

/** The cursor of a page: where its last item is. @throws {Refusal} `schema-invalid`. */
export function cursorToPosition(after: string | undefined): { readonly height: number; readonly index: number } | undefined {
  if (after === undefined) return undefined;
  const [, height, index] = /^(\d{1,12})\.(\d{1,6})$/.exec(after) ?? [];
  if (height === undefined || index === undefined) throw new Refusal("schema-invalid", { field: "after", expected: "`next` of a page" });
  return { height: Number(height), index: Number(index) };
}

export function positionToCursor({ height, index }: { readonly height: number; readonly index: number }): string {
  return `${height}.${index}`;
}
