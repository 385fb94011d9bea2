/** What a person means by a word: a height, an identifier, an account, or a part of a name. */
import { bytesToHex } from "../../kit/bytes.ts";
import type { StateView } from "../../ledger/index.ts";
import { ACCOUNT_PREFIX, accountKey, hexOfKey, valueToAccount } from "../../ledger/accounts.ts";
import { CONTRACT_PREFIX, readContract, type Contract } from "../../ledger/modules/contract.ts";
import { DEVICE_PREFIX, descriptionKey, readDevice } from "../../ledger/modules/device.ts";
import { STREAM_PREFIX, readStream, type Stream } from "../../ledger/modules/stream.ts";
import { fromHex, type Hash } from "../../protocol/identifiers.ts";
import { Refusal } from "../../protocol/refusal.ts";
import type { SearchHit } from "../../sdk/api.ts";
import { block, transaction, type HistoryDeps } from "./queries-history.ts";
import { accountText, textToAccount } from "./texts.ts";

const HITS_MAX = 20;
/** Entries of each kind whose names are looked at. */
const NAMES_MAX = 2_000;

export async function search(deps: HistoryDeps, given: string): Promise<readonly SearchHit[]> {
  const text = given.trim();
  if (text === "") return [];
  const hits: SearchHit[] = [];
  if (/^#?\d{1,12}$/.test(text)) hits.push(...(await blockHit(deps, { height: Number(text.replace("#", "")) })));
  if (/^[0-9a-fA-F]{64}$/.test(text)) hits.push(...(await identifierHits(deps, text.toLowerCase())));
  if (text.startsWith("did:key:")) hits.push(...accountHit(deps, text));
  hits.push(...nameHits(deps.view.state, text.toLowerCase()));
  const seen = new Set<string>();
  return hits.filter(({ kind, id }) => !seen.has(kind + id) && seen.add(kind + id)).slice(0, HITS_MAX);
}

/** What is there, or nothing where it is not. */
async function orNothing<Item>(find: () => Promise<Item>): Promise<Item | undefined> {
  try {
    return await find();
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

async function blockHit(deps: HistoryDeps, by: { readonly height?: number; readonly digest?: string }): Promise<SearchHit[]> {
  const found = await orNothing(() => block(deps, by));
  return found === undefined ? [] : [{ kind: "block", id: String(found.height), title: `#${found.height}`, note: found.digest }];
}

function accountHit({ view }: HistoryDeps, did: string): SearchHit[] {
  try {
    const stored = view.state.get(accountKey(textToAccount(did)));
    if (stored === undefined) return [];
    return [{ kind: "account", id: did, title: valueToAccount(stored).profile?.name ?? did, note: did }];
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}

async function identifierHits(deps: HistoryDeps, id: string): Promise<SearchHit[]> {
  const { state } = deps.view;
  const hits: SearchHit[] = [];
  const found = await orNothing(() => transaction(deps, { id }));
  if (found !== undefined) {
    const note = found.block === null ? found.state : `#${found.block.height}`;
    hits.push({ kind: "transaction", id, title: found.calls.map(({ operation }) => operation).join(", "), note });
  }
  hits.push(...(await blockHit(deps, { digest: id })));
  const digest = fromHex(id);
  if (readDevice(state, digest) !== undefined) hits.push(deviceHit(state, digest));
  const stream = readStream(state, digest);
  if (stream !== undefined) hits.push(streamHit(digest, stream));
  const contract = readContract(state, digest);
  if (contract !== undefined) hits.push(contractHit(digest, contract));
  else if (state.get(accountKey(digest)) !== undefined) hits.push(...accountHit(deps, accountText(state, digest)));
  return hits;
}

const utf8Decoder = new TextDecoder();

/** A device's name is the title of its Thing Description. */
function titleOf(state: StateView, device: Uint8Array): string {
  const description = state.get(descriptionKey(device));
  if (!(description instanceof Uint8Array)) return "";
  try {
    const { title } = JSON.parse(utf8Decoder.decode(description)) as { readonly title?: unknown };
    return typeof title === "string" ? title : "";
  } catch {
    // The ledger checks a description's size and encoding only.
    return "";
  }
}

function deviceHit(state: StateView, id: Hash): SearchHit {
  const hex = bytesToHex(id);
  return { kind: "device", id: hex, title: titleOf(state, id) || hex, note: hex };
}

function streamHit(id: Hash, { name, device }: Stream): SearchHit {
  return { kind: "stream", id: bytesToHex(id), title: name, note: bytesToHex(device) };
}

function contractHit(id: Hash, { name, status }: Contract): SearchHit {
  return { kind: "contract", id: bytesToHex(id), title: name, note: status };
}

function nameHits(state: StateView, lower: string): SearchHit[] {
  const has = (name: string | undefined): boolean => name !== undefined && name.toLowerCase().includes(lower);
  const hits: SearchHit[] = [];
  for (const [key, value] of state.list(ACCOUNT_PREFIX, undefined, NAMES_MAX)) {
    const name = valueToAccount(value).profile?.name;
    if (name === undefined || !has(name)) continue;
    const id = accountText(state, fromHex(hexOfKey(key)));
    hits.push({ kind: "account", id, title: name, note: id });
  }
  for (const [key] of state.list(DEVICE_PREFIX, undefined, NAMES_MAX)) {
    const id = fromHex(hexOfKey(key));
    if (has(titleOf(state, id))) hits.push(deviceHit(state, id));
  }
  for (const [key, value] of state.list(STREAM_PREFIX, undefined, NAMES_MAX)) {
    const stream = value as unknown as Stream;
    if (has(stream.name)) hits.push(streamHit(fromHex(hexOfKey(key)), stream));
  }
  for (const [key, value] of state.list(CONTRACT_PREFIX, undefined, NAMES_MAX)) {
    const contract = value as unknown as Contract;
    if (has(contract.name)) hits.push(contractHit(fromHex(hexOfKey(key)), contract));
  }
  return hits;
}
