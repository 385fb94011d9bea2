/** Answers from the past: blocks, transactions, events, readings and records, out of storage by the explorer's index. */
import { equalBytes } from "../../kit/bytes.ts";
import { readStream } from "../../ledger/modules/stream.ts";
import { recordKey, type LedgerRecord } from "../../ledger/modules/record.ts";
import type { StateView } from "../../ledger/index.ts";
import { toHex, type Hash, type HashHex, type VotingKey } from "../../protocol/identifiers.ts";
import { Refusal, type RefusalShape } from "../../protocol/refusal.ts";
import type { Transaction } from "../../protocol/transaction.ts";
import { quorumOf } from "../../protocol/vote.ts";
import type { BlockInfo, BlockSummary, EventInfo, Page, Queries, ReadingInfo, RecordInfo, TransactionInfo } from "../../sdk/api.ts";
import type { FoundTransaction } from "../explorer/explorer.ts";
import type { StoredBlock } from "../explorer/stored-blocks.ts";
import {
  appendedReadings,
  blockSummary,
  cursorToPosition,
  eventInfo,
  genesisSummary,
  knownEventsOf,
  positionToCursor,
  transactionInfo,
  type BlockDeps,
  type ShownBlock,
} from "./blocks.ts";
import { accountText, textToAccount, textToDigest } from "./texts.ts";
import { PAGE_DEFAULT } from "./queries-state.ts";

export interface HistoryDeps extends BlockDeps {
  /** Own transactions that were refused before any block carried them. */
  readonly refused: { get(id: HashHex): { readonly transaction: Transaction; readonly refusal: RefusalShape } | undefined };
}

const READINGS_DEFAULT = 500;

// ---------------------------------------------------------------- blocks

/** Downward from a height, notarized ones first. */
export async function blocks(
  deps: HistoryDeps,
  { from, limit = PAGE_DEFAULT }: Queries["blocks"]["parameters"],
): Promise<readonly BlockSummary[]> {
  const { view, explorer } = deps;
  const found: BlockSummary[] = [];
  for (const block of view.tentativeBlocks.toReversed()) {
    if (found.length < limit && (from === undefined || block.height <= from)) found.push(await blockSummary(deps, block));
  }
  // A block that became final just now is being written.
  const stored = (await explorer.blocks.span())?.to ?? 0;
  for (let height = Math.min(from ?? Infinity, view.final.height, stored); height > 0 && found.length < limit; height--) {
    const block = await explorer.blocks.at(height);
    // Heights below are not kept by this peer.
    if (block === undefined) return found;
    found.push(await blockSummary(deps, block));
  }
  if (found.length < limit) found.push(genesisSummary(view));
  return found;
}

/** By height or digest, else the highest known. @throws {Refusal} `not-found`. */
export async function block(deps: HistoryDeps, { height, digest }: Queries["block"]["parameters"]): Promise<BlockInfo> {
  const { view, explorer } = deps;
  const wanted = height ?? (digest === undefined ? (view.tentativeBlocks.at(-1)?.height ?? view.final.height) : undefined);
  if (wanted === 0 || digest === toHex(view.chain)) return genesisBlock(deps);
  const tentative = view.tentativeBlocks.find((one) => (digest === undefined ? one.height === wanted : toHex(one.id) === digest));
  if (tentative !== undefined) return blockInfo(deps, tentative, null);
  const stored = wanted === undefined ? await explorer.blockByDigest(textToDigest(digest!, "digest")) : await explorer.blocks.at(wanted);
  if (stored === undefined) throw notFound(deps, wanted === undefined ? { digest: digest! } : { height: wanted });
  return blockInfo(deps, stored, await certificateInfo(deps, stored));
}

/** What is said of something that is not there: how far this peer has looked. */
function notFound({ explorer }: HistoryDeps, what: Readonly<Record<string, string | number>>): Refusal {
  return new Refusal("not-found", { ...what, indexedHeight: explorer.indexed.height });
}

function genesisBlock({ view }: HistoryDeps): BlockInfo {
  const nothing = "0".repeat(64);
  return {
    ...genesisSummary(view),
    epoch: toHex(view.chain),
    round: 0,
    parent: nothing,
    stateRoot: nothing,
    transactionsRoot: nothing,
    receiptsRoot: nothing,
    endsEpoch: true,
    certificate: null,
    transactionIds: [],
  };
}

async function blockInfo(
  deps: HistoryDeps,
  shown: ShownBlock & Partial<Pick<StoredBlock, "info">>,
  certificate: BlockInfo["certificate"],
): Promise<BlockInfo> {
  const header = shown.block?.header;
  const summary = await blockSummary(deps, shown);
  const nothing = "0".repeat(64);
  return {
    ...summary,
    epoch: toHex(header?.epochId ?? shown.info?.epochId ?? shown.id),
    round: header?.round ?? 0,
    parent: header !== undefined ? toHex(header.parent) : shown.info?.parent ? toHex(shown.info.parent) : nothing,
    stateRoot: header === undefined ? nothing : toHex(header.stateRoot),
    transactionsRoot: header === undefined ? nothing : toHex(header.transactionsRoot),
    receiptsRoot: header === undefined ? nothing : toHex(header.receiptsRoot),
    endsEpoch: header?.endsEpoch ?? true,
    certificate,
    transactionIds: (shown.block?.transactions ?? []).map(({ id }) => toHex(id)),
  };
}

/** Seats that voted in the epoch of a block: those in force after its parent. */
async function epochSeatsOf({ view, explorer }: HistoryDeps, stored: StoredBlock): Promise<readonly VotingKey[]> {
  if (stored.height === 1) return [view.genesis.foundingSeat];
  return (await explorer.blocks.at(stored.height - 1))?.info.seats ?? [];
}

async function certificateInfo(deps: HistoryDeps, stored: StoredBlock): Promise<BlockInfo["certificate"]> {
  const { view, explorer, proposers } = deps;
  if (stored.block === null) {
    const seats = stored.info.recovery?.seats ?? [];
    const signers = await Promise.all(seats.map((seat) => proposers.of({ view, explorer }, seat)));
    return { round: 0, signers, quorum: seats.length };
  }
  const certificate = await explorer.blocks.certificateOf(stored);
  const seats = await epochSeatsOf(deps, stored);
  if (certificate === undefined || seats.length === 0) return null;
  const keys = certificate.signers.map((index) => seats[index]).filter((seat) => seat !== undefined);
  const signers = await Promise.all(keys.map((seat) => proposers.of({ view, explorer }, seat)));
  return { round: certificate.round, signers, quorum: quorumOf(seats.length) };
}

// ---------------------------------------------------------------- transactions

/** @throws {Refusal} `not-found`. */
export async function transaction(deps: HistoryDeps, { id }: Queries["transaction"]["parameters"]): Promise<TransactionInfo> {
  const { view, explorer } = deps;
  const digest = textToDigest(id, "id");
  for (const one of view.tentativeBlocks) {
    const index = one.block?.transactions.findIndex((candidate) => equalBytes(candidate.id, digest)) ?? -1;
    if (index >= 0) return transactionInfo(deps, one.block!.transactions[index]!, { block: one, index });
  }
  const own = view.ownPending.find((candidate) => equalBytes(candidate.id, digest));
  if (own !== undefined) return transactionInfo(deps, own, null);
  const found = await explorer.transaction(digest);
  if (found !== undefined) return transactionInfo(deps, found.transaction, found);
  const refused = deps.refused.get(id as HashHex);
  if (refused !== undefined) return transactionInfo(deps, refused.transaction, null, refused.refusal);
  throw notFound(deps, { id });
}

/** Own ones that are not final: in a notarized block, or in none yet. */
export function pending(deps: HistoryDeps): readonly TransactionInfo[] {
  const { view } = deps;
  const places = new Map<HashHex, { readonly block: ShownBlock; readonly index: number }>();
  for (const one of view.tentativeBlocks) {
    for (const [index, { id }] of (one.block?.transactions ?? []).entries()) places.set(toHex(id), { block: one, index });
  }
  return view.ownPending.map((own) => transactionInfo(deps, own, places.get(toHex(own.id)) ?? null));
}

/** Own ones that are in no block yet, the last sent first. */
function waitingOwn(deps: HistoryDeps): readonly TransactionInfo[] {
  return pending(deps)
    .filter(({ block: place }) => place === null)
    .reverse();
}

export async function transactions(
  deps: HistoryDeps,
  { account, after, limit = PAGE_DEFAULT }: Queries["transactions"]["parameters"],
): Promise<Page<TransactionInfo>> {
  const { view, explorer } = deps;
  const sender = account === undefined ? undefined : textToAccount(account);
  const before = cursorToPosition(after);
  const found: TransactionInfo[] = [];
  const tentative = before === undefined ? view.tentativeBlocks.toReversed() : [];
  if (before === undefined && sender !== undefined && equalBytes(sender, view.account)) found.push(...waitingOwn(deps).slice(0, limit));
  for (const one of tentative) {
    for (const [index, candidate] of [...(one.block?.transactions ?? []).entries()].reverse()) {
      if (sender !== undefined && !equalBytes(candidate.body.sender, sender)) continue;
      if (found.length < limit) found.push(transactionInfo(deps, candidate, { block: one, index }));
    }
  }
  const stored = await explorer.transactions(sender, before, limit - found.length);
  for (const one of stored) found.push(transactionInfo(deps, one.transaction, one));
  return { items: found, next: found.length < limit ? null : nextCursor(stored.at(-1), view.final.height) };
}

/** Where the next page begins; below the final height when this one had only notarized blocks. */
function nextCursor(last: { readonly height: number; readonly index: number } | undefined, finalHeight: number): string {
  return positionToCursor(last ?? { height: finalHeight + 1, index: 0 });
}

// ---------------------------------------------------------------- events, readings, records

export async function events(
  { view, explorer }: HistoryDeps,
  { source, topic, after, limit = PAGE_DEFAULT }: Queries["events"]["parameters"],
): Promise<Page<EventInfo>> {
  const found = await explorer.events({ source, topic }, cursorToPosition(after), limit);
  const last = found.at(-1);
  return {
    items: found.map((event) => eventInfo(view.state, event)),
    next: last === undefined || found.length < limit ? null : positionToCursor(last),
  };
}

/** @throws {Refusal} `unknown-stream`. */
export async function readings(
  { view, explorer }: HistoryDeps,
  { stream: text, after, limit = READINGS_DEFAULT }: Queries["readings"]["parameters"],
): Promise<readonly ReadingInfo[]> {
  const id = textToDigest(text, "stream");
  const known = readStream(view.state, id) ?? readStream(view.tentativeState, id);
  if (known === undefined) throw new Refusal("unknown-stream", { stream: text });
  // As many packs as hold so many readings on average.
  const packs = known.readings === 0 ? limit : Math.ceil((limit * known.packs) / known.readings) + 1;
  const wanted = Math.min(limit, packs);
  const appends = await explorer.appends(id, after, wanted);
  // Else more that is final follows, and comes before what is not.
  const isWhole = after === undefined || appends.length < wanted;
  const places: readonly (FoundTransaction | { readonly block: ShownBlock; readonly index: number })[] = [
    // A transaction is found once for each pack that it appends, and gives them all.
    ...appends.filter(({ transaction }, at) => at === 0 || !equalBytes(transaction.id, appends[at - 1]!.transaction.id)),
    ...(isWhole ? view.tentativeBlocks.flatMap((block) => block.receipts.map((_, index) => ({ block, index }))) : []),
  ];
  const found = places.flatMap((place) =>
    appendedReadings(place, place.block.height <= view.final.height)
      .filter(({ stream, sequence }) => equalBytes(stream, id) && (after === undefined || sequence > after))
      .flatMap(({ readings: some }) => some),
  );
  return after === undefined ? found.slice(-limit) : found.slice(0, limit);
}

function recordInfo(state: StateView, id: Hash): RecordInfo | undefined {
  const value = state.get(recordKey(id)) as unknown as LedgerRecord | undefined;
  if (value === undefined) return undefined;
  const { about, kind, digest, note, author, height, timeMs } = value;
  return {
    record: toHex(id),
    about,
    kind,
    digest: digest === null ? null : toHex(digest),
    // A contract's record carries a value, which a note shows as text.
    note: typeof note === "string" ? note : JSON.stringify(note),
    author: accountText(state, author),
    height,
    timeMs,
  };
}

export async function records(
  { view, explorer }: HistoryDeps,
  { about, after, limit = PAGE_DEFAULT }: Queries["records"]["parameters"],
): Promise<Page<RecordInfo>> {
  const before = cursorToPosition(after);
  const found = await explorer.records(about, before, limit);
  const items = found.flatMap((one) =>
    knownEventsOf(one.block)
      .filter(({ event, transaction: of }) => event.name === "record.written" && of !== null && equalBytes(of, one.transaction.id))
      .filter(({ event }) => about === undefined || event.data["about"] === about)
      .map(({ event }) => recordInfo(view.state, event.data["record"] as Hash))
      .filter((record) => record !== undefined)
      .reverse(),
  );
  const last = found.at(-1);
  return { items, next: last === undefined || found.length < limit ? null : positionToCursor(last) };
}
