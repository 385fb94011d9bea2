/** What a peer accepts from a client, and so the one runtime list of every operation, query, topic and command with its arguments. */
import * as v from "valibot";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { Value } from "../protocol/codec.ts";
import {
  PROOF_KINDS,
  READINGS_MAX,
  isTopic,
  type CommandName,
  type Commands,
  type OperationName,
  type Operations,
  type Queries,
  type QueryName,
} from "./api.ts";
import type { ClientMessage } from "./messages.ts";

/** The longest page of a list. */
const PAGE_MAX = 200;

function isValue(input: unknown, depth = 0): input is Value {
  if (depth > LIMITS.valueDepthMax) return false;
  if (input === null || typeof input === "boolean" || typeof input === "string" || input instanceof Uint8Array) return true;
  if (typeof input === "number") return Number.isFinite(input) && (!Number.isInteger(input) || Number.isSafeInteger(input));
  if (Array.isArray(input)) return input.every((item) => isValue(item, depth + 1));
  if (typeof input !== "object") return false;
  return Object.entries(input).every(([key, item]) => key !== "__proto__" && isValue(item, depth + 1));
}

const value = v.custom<Value>((input) => isValue(input), "a value of the codec's data model");
const bytes = v.instance(Uint8Array<ArrayBufferLike>);
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const account = v.pipe(v.string(), v.regex(/^(did:key:z[1-9A-HJ-NP-Za-km-z]{1,60}|[0-9a-f]{64})$/));
const amount = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(LIMITS.amountMax));
const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
/** The ledger counts bytes of UTF-8. */
const bytesText = (max: number) => v.pipe(v.string(), v.maxBytes(max));
const shortName = bytesText(LIMITS.nameBytesMax);
const description = bytesText(LIMITS.descriptionBytesMax);
const source = bytesText(LIMITS.contractSourceBytesMax);
const page = { after: v.exactOptional(text(256)), limit: v.exactOptional(v.pipe(natural, v.maxValue(PAGE_MAX))) };
const nothing = v.strictObject({});
const operationName = text(64);
const ROLES = ["deploy", "read", "transact", "vote"] as const;
const roles = v.pipe(v.array(v.picklist(ROLES)), v.maxLength(ROLES.length));
const change = v.variant("kind", [
  v.strictObject({ kind: v.literal("membership"), account, roles: v.nullable(roles) }),
  v.strictObject({ kind: v.literal("roles"), account, roles }),
  v.strictObject({ kind: v.literal("parameters"), parameters: v.pipe(v.record(text(64), natural), v.maxEntries(64)) }),
]);
const thresholds = v.pipe(v.record(operationName, natural), v.maxEntries(LIMITS.policyOperationsMax));

const inviteText = text(2 * LIMITS.inviteBytesMax);

type ObjectSchema<Output> = v.GenericSchema<unknown, Output> & { readonly entries: v.ObjectEntries };

export const OPERATION_SCHEMAS: { readonly [Name in OperationName]: ObjectSchema<Operations[Name]> } = {
  "account.transfer": v.strictObject({ to: account, amount }),
  "account.setProfile": v.strictObject({ name: shortName }),
  "account.setPolicy": v.strictObject({
    policy: v.nullable(
      v.strictObject({ keys: v.pipe(v.array(account), v.maxLength(LIMITS.signaturesMax)), threshold: natural, operations: thresholds }),
    ),
  }),
  "account.authorize": v.strictObject({
    key: account,
    scope: v.pipe(v.array(operationName), v.maxLength(LIMITS.policyOperationsMax)),
    untilMs: v.nullable(natural),
  }),
  "account.deauthorize": v.strictObject({ key: account }),
  "governance.propose": v.strictObject({ change, note: bytesText(LIMITS.proposalNoteBytesMax), untilMs: natural }),
  "governance.vote": v.strictObject({ proposal: digest, approve: v.boolean() }),
  "governance.execute": v.strictObject({ proposal: digest }),
  "token.claim": v.strictObject({}),
  "seat.take": v.strictObject({}),
  "seat.leave": v.strictObject({ votingKey: v.exactOptional(digest) }),
  "seat.present": v.strictObject({ votingKey: v.exactOptional(digest) }),
  "device.register": v.strictObject({ description, leaseMs: natural }),
  "device.update": v.strictObject({ device: digest, description, leaseMs: natural }),
  "device.setStatus": v.strictObject({
    device: digest,
    status: v.picklist(["active", "offline", "maintenance", "retired"]),
    leaseMs: v.exactOptional(natural),
  }),
  "device.retire": v.strictObject({ device: digest }),
  "stream.open": v.strictObject({ device: digest, name: shortName }),
  "stream.append": v.strictObject({
    stream: digest,
    sequence: natural,
    pack: v.pipe(v.array(v.unknown()), v.maxLength(LIMITS.packRecordsMax), v.array(value)),
  }),
  "stream.close": v.strictObject({ stream: digest }),
  "contract.deploy": v.strictObject({ source, arguments: value, endowment: amount }),
  "contract.call": v.strictObject({ contract: digest, method: text(64), arguments: value, gasMax: natural, amount }),
  "contract.fund": v.strictObject({ contract: digest, amount }),
  "contract.terminate": v.strictObject({ contract: digest }),
  "record.write": v.strictObject({
    about: bytesText(2 * LIMITS.nameBytesMax),
    kind: shortName,
    digest: v.nullable(digest),
    note: bytesText(LIMITS.recordNoteBytesMax),
  }),
};

const callSchemas = Object.entries(OPERATION_SCHEMAS).map(([operation, schema]) =>
  v.strictObject({ operation: v.literal(operation), arguments: schema as v.GenericSchema }),
);
/** Counted before it is read, so that a long list costs nothing. */
const calls = v.pipe(v.array(v.unknown()), v.minLength(1), v.maxLength(LIMITS.callsMax), v.array(v.variant("operation", callSchemas)));

const trialCall = v.strictObject({ method: text(64), arguments: value, amount: v.exactOptional(amount) });

export const QUERY_SCHEMAS: { readonly [Name in QueryName]: ObjectSchema<Queries[Name]["parameters"]> } = {
  status: nothing,
  account: v.strictObject({ account }),
  accounts: v.strictObject(page),
  names: v.strictObject(page),
  transaction: v.strictObject({ id: digest }),
  transactions: v.strictObject({ ...page, account: v.exactOptional(account) }),
  pending: nothing,
  block: v.strictObject({ height: v.exactOptional(natural), digest: v.exactOptional(digest) }),
  blocks: v.strictObject({ from: v.exactOptional(natural), limit: page.limit }),
  devices: v.strictObject({ ...page, owner: v.exactOptional(account), retired: v.exactOptional(v.boolean()) }),
  device: v.strictObject({ device: digest }),
  streams: v.strictObject({ ...page, device: v.exactOptional(digest), owner: v.exactOptional(account) }),
  stream: v.strictObject({ stream: digest }),
  readings: v.strictObject({
    stream: digest,
    after: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(-1))),
    limit: v.exactOptional(v.pipe(natural, v.maxValue(READINGS_MAX))),
  }),
  contracts: v.strictObject({ ...page, owner: v.exactOptional(account) }),
  contract: v.strictObject({ contract: digest }),
  contractState: v.strictObject({ ...page, contract: digest, prefix: v.exactOptional(text(256)) }),
  view: v.strictObject({ contract: digest, method: text(64), arguments: value }),
  dryRun: v.strictObject({
    contract: v.exactOptional(digest),
    source: v.exactOptional(source),
    initArguments: v.exactOptional(value),
    before: v.exactOptional(v.pipe(v.array(v.unknown()), v.maxLength(LIMITS.callsMax), v.array(trialCall))),
    method: v.exactOptional(text(64)),
    arguments: v.exactOptional(value),
    amount: v.exactOptional(amount),
  }),
  inspect: v.strictObject({ source }),
  events: v.strictObject({ ...page, source: v.exactOptional(text(128)), topic: v.exactOptional(text(128)) }),
  records: v.strictObject({ ...page, about: v.exactOptional(text(256)) }),
  seats: nothing,
  consensus: nothing,
  network: nothing,
  finality: nothing,
  incidents: nothing,
  proof: v.strictObject({ kind: v.picklist(PROOF_KINDS), id: text(128) }),
  checkProof: v.strictObject({ key: bytes, bytes: v.nullable(bytes), proof: bytes, root: digest }),
  search: v.strictObject({ text: text(256) }),
  storage: nothing,
  settings: nothing,
  estimate: v.strictObject({ calls: calls as unknown as v.GenericSchema<unknown, Queries["estimate"]["parameters"]["calls"]> }),
  parameters: nothing,
  governance: nothing,
};

/** A URL, for TURN with a name and a password, whose forms the peer reads before it keeps them. */
const ADDRESS_UNITS_MAX = 1024;
const address = text(ADDRESS_UNITS_MAX);

export const COMMAND_SCHEMAS: { readonly [Name in CommandName]: ObjectSchema<Commands[Name]["parameters"]> } = {
  setSettings: v.strictObject({
    seatWanted: v.exactOptional(v.boolean()),
    relays: v.exactOptional(v.pipe(v.array(v.unknown()), v.maxLength(16), v.array(address))),
    iceServers: v.exactOptional(v.pipe(v.array(v.unknown()), v.maxLength(8), v.array(address))),
    windowLimit: v.exactOptional(amount),
    keepBlocks: v.exactOptional(v.nullable(v.pipe(natural, v.minValue(1)))),
    keepBytes: v.exactOptional(v.nullable(v.pipe(natural, v.minValue(1)))),
    nicknames: v.exactOptional(v.record(text(128), text(LIMITS.nameBytesMax))),
  }),
  exportPeer: v.strictObject({ passphrase: v.pipe(text(1024), v.minLength(1)), ledger: v.boolean() }),
  inspectPeer: v.strictObject({ bytes }),
  importPeer: v.strictObject({ bytes, passphrase: text(1024) }),
  exportLedger: nothing,
  inspectLedger: v.strictObject({ bytes }),
  importLedger: v.strictObject({ bytes }),
  identityWords: nothing,
  keepWords: nothing,
  restoreWords: v.strictObject({ words: v.pipe(v.array(text(16)), v.length(24)) }),
  reset: v.strictObject({ keys: v.boolean() }),
  listBots: nothing,
  foundBot: v.strictObject({
    name: v.pipe(text(64), v.minLength(1)),
    kind: v.picklist(["public", "consortium", "private"]),
    tokens: v.boolean(),
  }),
  inspectInvite: v.strictObject({ invite: inviteText }),
  joinBot: v.strictObject({ invite: inviteText }),
  openBot: v.strictObject({ chain: v.nullable(digest) }),
  forgetBot: v.strictObject({ chain: digest }),
  makeInvite: nothing,
  found: v.strictObject({ name: v.pipe(text(64), v.minLength(1)) }),
  diagnostics: nothing,
  prepareToLeave: nothing,
};

const id = natural;
/** Looked up by `namedSchema`: a name that nobody has is another refusal than a wrong field. */
const name = v.string();
const messageSchema = v.variant("kind", [
  v.strictObject({
    kind: v.literal("send"),
    id,
    calls,
    options: v.strictObject({
      feeMax: v.exactOptional(amount),
      validForMs: v.exactOptional(v.pipe(natural, v.maxValue(LIMITS.validityMsMax))),
    }),
    progress: v.optional(v.boolean(), false),
  }),
  v.strictObject({ kind: v.literal("query"), id, name, parameters: v.unknown() }),
  v.strictObject({ kind: v.literal("command"), id, name, parameters: v.unknown() }),
  v.strictObject({ kind: v.literal("subscribe"), id, topic: v.string() }),
  v.strictObject({ kind: v.literal("unsubscribe"), id }),
]);

/** A name that nobody has is told back, as much of it as a person reads. */
const NAME_SHOWN_MAX = 64;

function unknownRequest(kind: string, asked: string): Refusal {
  return new Refusal("unknown-request", { kind, name: asked.slice(0, NAME_SHOWN_MAX) });
}

function isMaxIssue(issue: v.BaseIssue<unknown>, type: string): issue is v.BaseIssue<unknown> & { readonly requirement: number } {
  return issue.type === type && typeof issue.requirement === "number";
}

function refusalOf(issue: v.BaseIssue<unknown>): Refusal {
  const field = v.getDotPath(issue) ?? "message";
  const { input } = issue;
  // A variant's issue stands at the text that chooses among its kinds, or at the whole when that is no object.
  const key = issue.type === "variant" && typeof input === "string" ? issue.path?.at(-1)?.key : undefined;
  if (key === "kind") return unknownRequest("message", input as string);
  if (key === "operation") return new Refusal("unknown-operation", { operation: (input as string).slice(0, NAME_SHOWN_MAX), field });
  if (isMaxIssue(issue, "max_length"))
    return new Refusal("too-large", { field, length: (input as { readonly length: number }).length, lengthMax: issue.requirement });
  if (isMaxIssue(issue, "max_bytes")) return new Refusal("too-large", { field, bytesMax: issue.requirement });
  return new Refusal("schema-invalid", { field, expected: issue.expected ?? issue.message });
}

function parse<Output>(schema: v.GenericSchema<unknown, Output>, input: unknown): Output {
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (result.success) return result.output;
  throw refusalOf(result.issues[0]);
}

function namedSchema(kind: string, schemas: Readonly<Record<string, v.GenericSchema>>, asked: string): v.GenericSchema {
  const schema = Object.hasOwn(schemas, asked) ? schemas[asked] : undefined;
  if (schema === undefined) throw unknownRequest(kind, asked);
  return schema;
}

/**
 * A client's message, checked to the last argument.
 * @throws {Refusal} `unknown-request` (a kind, query, command or topic that there is not), `unknown-operation`, `too-large` (a text or list,
 * with `lengthMax` or `bytesMax`), else `schema-invalid` with the field's path and what was expected there.
 */
export function decodeRequest(input: unknown): ClientMessage {
  const message = parse(messageSchema, input);
  switch (message.kind) {
    case "query":
      return { ...message, parameters: parse(namedSchema("query", QUERY_SCHEMAS, message.name), message.parameters) } as ClientMessage;
    case "command":
      return { ...message, parameters: parse(namedSchema("command", COMMAND_SCHEMAS, message.name), message.parameters) } as ClientMessage;
    case "subscribe":
      if (!isTopic(message.topic)) throw unknownRequest("subscribe", message.topic);
      return message as ClientMessage;
    default:
      return message as ClientMessage;
  }
}

/** The `id` of a message that may be wrong elsewhere, so that its refusal finds its way back; -1 if it has none. */
export function requestIdOf(input: unknown): number {
  const result = v.safeParse(v.object({ id }), input);
  return result.success ? result.output.id : -1;
}
