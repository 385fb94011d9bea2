/** Answers from the state as of now: accounts, devices, streams, contracts, seats, proofs. */
import { bytesToHex, compareBytes, utf8 } from "../../kit/bytes.ts";
import { parametersOf, seatsOf, verifyProof, headOf, type Seat, type StateView } from "../../ledger/index.ts";
import { ACCOUNT_PREFIX, accountKey, hexOfKey, readAccount, settled, valueToAccount, type Account } from "../../ledger/accounts.ts";
import { CONTRACT_STATE_PREFIX } from "../../ledger/contract-host.ts";
import { CONTRACT_PREFIX, contractKey, readContract, sourceOf, type Contract } from "../../ledger/modules/contract.ts";
import { DEVICE_PREFIX, descriptionKey, deviceKey, readDevice, type Device } from "../../ledger/modules/device.ts";
import { recordKey } from "../../ledger/modules/record.ts";
import { STREAM_PREFIX, readStream, streamKey, type Stream } from "../../ledger/modules/stream.ts";
import { SEATS_KEY } from "../../ledger/seats.ts";
import type { PeerView } from "../../peer/view.ts";
import { encode, type Value } from "../../protocol/codec.ts";
import { fromHex, type Hash } from "../../protocol/identifiers.ts";
import { Refusal } from "../../protocol/refusal.ts";
import type {
  AccountInfo,
  ContractInfo,
  DeviceInfo,
  NameInfo,
  Page,
  PageRequest,
  ProofInfo,
  ProofKind,
  Queries,
  SeatInfo,
  StreamInfo,
} from "../../sdk/api.ts";
import type { Explorer } from "../explorer/explorer.ts";
import { accountText, textToAccount, textToDigest, valueToTexts } from "./texts.ts";

export interface StateQueryDeps {
  readonly view: PeerView;
  readonly explorer: Explorer;
}

export const PAGE_DEFAULT = 50;
/** Entries looked at for one page when it is filtered: what a full worker can do between two votes. */
const SCAN_MAX = 20_000;
/** The same for names, which every page asks for once a second. */
const NAMES_SCAN_MAX = 2_000;
const SCAN_STEP = 200;
const CALLS_COUNTED_MAX = 10_000;

/** A page of a key space, ordered by identifier; `make` gives nothing for an entry that is not wanted. */
function pageOf<Item>(
  state: StateView,
  prefix: string,
  { after, limit = PAGE_DEFAULT }: PageRequest,
  make: (id: Hash, value: Value) => Item | undefined,
  scanMax = SCAN_MAX,
): Page<Item> {
  const items: Item[] = [];
  let last = after === undefined ? undefined : prefix + bytesToHex(identifierOf(after));
  for (let seen = 0; seen < scanMax;) {
    const entries = state.list(prefix, last, SCAN_STEP);
    for (const [key, value] of entries) {
      last = key;
      seen++;
      const item = make(fromHex(hexOfKey(key)), value);
      if (item === undefined) continue;
      items.push(item);
      if (items.length === limit) return { items, next: hexOfKey(key) };
    }
    if (entries.length < SCAN_STEP) return { items, next: null };
  }
  return { items, next: last === undefined ? null : hexOfKey(last) };
}

function identifierOf(text: string): Uint8Array {
  return text.startsWith("did:") ? textToAccount(text) : textToDigest(text, "after");
}

// ---------------------------------------------------------------- accounts

function devicesByOwner(state: StateView): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [, value] of state.list(DEVICE_PREFIX, undefined, SCAN_MAX)) {
    const owner = bytesToHex((value as unknown as Device).owner);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return counts;
}

function seatByAccount(state: StateView): ReadonlyMap<string, string> {
  const { current, sleeping, waiting } = seatsOf(state);
  return new Map([...sleeping, ...waiting, ...current].map(({ account, votingKey }) => [bytesToHex(account), bytesToHex(votingKey)]));
}

export const nameOf = (state: StateView, id: Uint8Array, { profile }: Account): string | null =>
  profile?.name ?? readContract(state, id)?.name ?? null;

function accountInfo(
  state: StateView,
  id: Uint8Array,
  stored: Account,
  devices: ReadonlyMap<string, number>,
  seats: ReadonlyMap<string, string>,
): AccountInfo {
  const hex = bytesToHex(id);
  const account = settled(stored, headOf(state).timeMs);
  return {
    account: accountText(state, id),
    name: nameOf(state, id, account),
    balance: account.balance,
    bond: account.bond?.amount ?? 0,
    claimed: account.claimed,
    devices: devices.get(hex) ?? 0,
    // A lane's next number counts what was sent in it.
    transactions: account.lanes.reduce((sum, next) => sum + next, 0),
    seat: seats.get(hex) ?? null,
  };
}

/** @throws {Refusal} `unknown-account` when the ledger has not heard of it; the own account is always known. */
export function account({ view }: StateQueryDeps, parameters: Queries["account"]["parameters"]): AccountInfo {
  const { state } = view;
  const id = textToAccount(parameters.account);
  if (state.get(accountKey(id)) === undefined && compareBytes(id, view.account) !== 0 && readContract(state, id) === undefined) {
    throw new Refusal("unknown-account", { account: parameters.account });
  }
  return accountInfo(state, id, readAccount(state, accountKey(id)), devicesByOwner(state), seatByAccount(state));
}

export function accounts({ view: { state } }: StateQueryDeps, page: PageRequest): Page<AccountInfo> {
  const devices = devicesByOwner(state);
  const seats = seatByAccount(state);
  return pageOf(state, ACCOUNT_PREFIX, page, (id, value) => accountInfo(state, id, valueToAccount(value), devices, seats));
}

/** What accounts and contracts call themselves; on the first page also the own account, wherever it stands. */
export function names({ view: { state, account: own } }: StateQueryDeps, page: PageRequest): Page<NameInfo> {
  const named = (id: Uint8Array, stored: Account): NameInfo | undefined => {
    const name = nameOf(state, id, stored);
    return name === null ? undefined : { account: accountText(state, id), name };
  };
  const { items, next } = pageOf(state, ACCOUNT_PREFIX, page, (id, value) => named(id, valueToAccount(value)), NAMES_SCAN_MAX);
  const mine = page.after === undefined ? named(own, readAccount(state, accountKey(own))) : undefined;
  const isMissing = mine !== undefined && !items.some(({ account }) => account === mine.account);
  return { items: isMissing ? [mine, ...items] : items, next };
}

export function seats({ view }: StateQueryDeps): readonly SeatInfo[] {
  const { current, sleeping, waiting } = seatsOf(view.state);
  const info =
    (state: SeatInfo["state"]) =>
    ({ votingKey, account: owner, sinceHeight, lastTimeMs }: Seat): SeatInfo => ({
      votingKey: bytesToHex(votingKey),
      account: accountText(view.state, owner),
      state,
      bond: readAccount(view.state, accountKey(owner)).bond?.amount ?? 0,
      sinceHeight,
      lastSeenMs: lastTimeMs,
      mine: compareBytes(owner, view.account) === 0,
    });
  return [...current.map(info("active")), ...waiting.map(info("queued")), ...sleeping.map(info("sleeping"))];
}

export function parameters({ view }: StateQueryDeps): Queries["parameters"]["result"] {
  const { grant, bond, feePerKilobyte, feePerMillionGas } = parametersOf(view.state);
  return { grant, bond, feePerKilobyte, feePerMillionGas };
}

// ---------------------------------------------------------------- devices and streams

type Values = Record<string, { readonly value: Value; readonly unit: string | null; readonly timeMs: number }>;

function valuesOf(streamsOfDevice: readonly Stream[]): Values {
  const values: Values = {};
  for (const { last } of streamsOfDevice) {
    for (const [name, value, timeMs, unit] of last) {
      const before = Object.hasOwn(values, name) ? values[name] : undefined;
      if (before === undefined || before.timeMs <= timeMs) values[name] = { value, unit, timeMs };
    }
  }
  return values;
}

const utf8Decoder = new TextDecoder();

async function timeOfHeight({ view, explorer }: StateQueryDeps, height: number): Promise<number> {
  return (await explorer.blocks.at(height))?.timeMs ?? view.genesis.createdMs;
}

async function deviceInfo(deps: StateQueryDeps, id: Hash, found: Device): Promise<DeviceInfo> {
  const { state } = deps.view;
  const description = state.get(descriptionKey(id));
  const hasExpired = found.status === "active" && headOf(state).timeMs > found.leaseUntilMs;
  const streamsOfDevice = found.streams.map((stream) => readStream(state, stream)).filter((stream) => stream !== undefined);
  return {
    device: bytesToHex(id),
    owner: accountText(state, found.owner),
    status: hasExpired ? "offline" : found.status,
    description: description instanceof Uint8Array ? utf8Decoder.decode(description) : "{}",
    digest: bytesToHex(found.description),
    registeredMs: await timeOfHeight(deps, found.height),
    lastSeenMs: streamsOfDevice.reduce((latest, { lastMs }) => Math.max(latest, lastMs), found.seenMs),
    leaseMs: found.leaseUntilMs - found.seenMs,
    streams: found.streams.map(bytesToHex),
    values: valuesOf(streamsOfDevice),
  };
}

async function pageOfPromises<Item>({ items, next }: Page<Promise<Item>>): Promise<Page<Item>> {
  return { items: await Promise.all(items), next };
}

export function devices(deps: StateQueryDeps, { owner, retired, ...page }: Queries["devices"]["parameters"]): Promise<Page<DeviceInfo>> {
  const wanted = owner === undefined ? undefined : bytesToHex(textToAccount(owner));
  return pageOfPromises(
    pageOf(deps.view.state, DEVICE_PREFIX, page, (id, value) => {
      const found = value as unknown as Device;
      if (retired !== undefined && (found.status === "retired") !== retired) return undefined;
      return wanted === undefined || bytesToHex(found.owner) === wanted ? deviceInfo(deps, id, found) : undefined;
    }),
  );
}

/** @throws {Refusal} `unknown-device`. */
export async function device(deps: StateQueryDeps, parameters: Queries["device"]["parameters"]): Promise<DeviceInfo> {
  const id = textToDigest(parameters.device, "device");
  const found = readDevice(deps.view.state, id);
  if (found === undefined) throw new Refusal("unknown-device", { device: parameters.device });
  return deviceInfo(deps, id, found);
}

function streamInfo(state: StateView, id: Hash, found: Stream): StreamInfo {
  return {
    stream: bytesToHex(id),
    device: bytesToHex(found.device),
    owner: accountText(state, readDevice(state, found.device)?.owner ?? found.opener),
    name: found.name,
    status: found.open ? "open" : "closed",
    packs: found.packs,
    readings: found.readings,
    lastMs: found.lastMs,
    digest: bytesToHex(found.digest),
    values: valuesOf([found]),
  };
}

export function streams({ view: { state } }: StateQueryDeps, filter: Queries["streams"]["parameters"]): Page<StreamInfo> {
  const owner = filter.owner === undefined ? undefined : bytesToHex(textToAccount(filter.owner));
  return pageOf(state, STREAM_PREFIX, filter, (id, value) => {
    const found = value as unknown as Stream;
    if (filter.device !== undefined && bytesToHex(found.device) !== filter.device) return undefined;
    if (owner !== undefined && bytesToHex(readDevice(state, found.device)?.owner ?? found.opener) !== owner) return undefined;
    return streamInfo(state, id, found);
  });
}

/** @throws {Refusal} `unknown-stream`. */
export function stream({ view: { state } }: StateQueryDeps, parameters: Queries["stream"]["parameters"]): StreamInfo {
  const id = textToDigest(parameters.stream, "stream");
  const found = readStream(state, id);
  if (found === undefined) throw new Refusal("unknown-stream", { stream: parameters.stream });
  return streamInfo(state, id, found);
}

// ---------------------------------------------------------------- contracts

async function contractInfo(deps: StateQueryDeps, id: Hash, found: Contract): Promise<ContractInfo> {
  const { state } = deps.view;
  return {
    contract: bytesToHex(id),
    owner: accountText(state, found.owner),
    name: found.name,
    description: found.manifest.description,
    methods: found.manifest.methods,
    status: found.status,
    balance: readAccount(state, accountKey(id)).balance,
    deployedMs: await timeOfHeight(deps, found.height),
    height: found.height,
    source: sourceOf(state, id) ?? "",
    sourceDigest: bytesToHex(found.source),
    calls: await deps.explorer.countCalls(id, CALLS_COUNTED_MAX),
  };
}

export function contracts(deps: StateQueryDeps, { owner, ...page }: Queries["contracts"]["parameters"]): Promise<Page<ContractInfo>> {
  const wanted = owner === undefined ? undefined : bytesToHex(textToAccount(owner));
  return pageOfPromises(
    pageOf(deps.view.state, CONTRACT_PREFIX, page, (id, value) => {
      const found = value as unknown as Contract;
      return wanted === undefined || bytesToHex(found.owner) === wanted ? contractInfo(deps, id, found) : undefined;
    }),
  );
}

/** @throws {Refusal} `unknown-contract`. */
export async function contract(deps: StateQueryDeps, parameters: Queries["contract"]["parameters"]): Promise<ContractInfo> {
  const id = textToDigest(parameters.contract, "contract");
  const found = readContract(deps.view.state, id);
  if (found === undefined) throw new Refusal("unknown-contract", { contract: parameters.contract });
  return contractInfo(deps, id, found);
}

/** @throws {Refusal} `unknown-contract`. */
export function contractState(
  { view: { state } }: StateQueryDeps,
  { contract: text, prefix = "", after, limit = PAGE_DEFAULT }: Queries["contractState"]["parameters"],
): Queries["contractState"]["result"] {
  if (readContract(state, textToDigest(text, "contract")) === undefined) throw new Refusal("unknown-contract", { contract: text });
  const own = `${CONTRACT_STATE_PREFIX}${text}/`;
  const entries = state.list(own + prefix, after === undefined ? undefined : own + after, limit);
  const items = entries.map(([key, value]) => ({ key: key.slice(own.length), value }));
  return { items, next: items.length === limit ? (items.at(-1)?.key ?? null) : null };
}

// ---------------------------------------------------------------- proofs

function keyOf(kind: ProofKind, id: string): string {
  switch (kind) {
    case "account":
      return accountKey(textToAccount(id));
    case "device":
      return deviceKey(textToDigest(id, "id"));
    case "stream":
      return streamKey(textToDigest(id, "id"));
    case "contract":
      return contractKey(textToDigest(id, "id"));
    case "record":
      return recordKey(textToDigest(id, "id"));
    // All seats are one entry: who votes is proved as a whole.
    case "seat":
      return SEATS_KEY;
  }
}

/** A proof under the finalized state root, checked before it is given. */
export function proof({ view }: StateQueryDeps, { kind, id }: Queries["proof"]["parameters"]): ProofInfo {
  const { state, final } = view;
  const key = keyOf(kind, id);
  const value = state.get(key);
  const bytes = value === undefined ? null : encode(value);
  const proofBytes = state.prove(key);
  return {
    kind,
    id,
    key: utf8(key),
    bytes,
    value: value === undefined ? null : valueToTexts(state, value),
    proof: proofBytes,
    root: bytesToHex(final.stateRoot),
    height: final.height,
    checked: verifyProof(final.stateRoot, key, bytes, proofBytes),
  };
}

/** Whether a proof holds under a root; that the root itself is final is for the asker to know. */
export function checkProof({ key, bytes, proof: given, root }: Queries["checkProof"]["parameters"]): boolean {
  try {
    return verifyProof(textToDigest(root, "root"), utf8Decoder.decode(key), bytes, given);
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
