/**
 * `window.bothy`: the peer for scripts of this page and the browser's console. It reads everything a client reads, spends only within
 * the limit that the person set, and gives no orders to the peer (no keys, no export, no reset). THINGS, "dApps".
 */
import { Refusal, type OperationCall, type SendOptions, type SendResult, type Status } from "./api.ts";
import type { Client } from "./client.ts";

export interface WindowBothy extends Pick<Client, "query" | "subscribe"> {
  status(): Promise<Status>;
  /** Calls as `{ operation, arguments }`, or as pairs `[operation, arguments]`. Rejects with `limit-exceeded` beyond the tab's budget. */
  send(calls: readonly (OperationCall | readonly [operation: string, arguments_: unknown])[], options?: SendOptions): Promise<SendResult>;
}

/** Calls as the client takes them. Copied, for a getter could show the limit one amount and the peer another. @throws {Refusal} `schema-invalid`. */
function readCalls(given: unknown): readonly OperationCall[] {
  const copy = copyOf(given, "calls");
  if (!Array.isArray(copy)) throw new Refusal("schema-invalid", { field: "calls", expected: "a list" });
  return copy.map((call: unknown) => (Array.isArray(call) ? { operation: call[0], arguments: call[1] } : call) as OperationCall);
}

function copyOf<Data>(given: Data, field: string): Data {
  try {
    return structuredClone(given);
  } catch {
    throw new Refusal("schema-invalid", { field, expected: "plain data" });
  }
}

/** What a call gives away beside the fee. A bond is not given away, yet it is out of the owner's hands, so it counts. */
function amountOf(call: OperationCall | null, bond: number): unknown {
  const given = call?.arguments as { readonly amount?: unknown; readonly endowment?: unknown } | null | undefined;
  switch (call?.operation) {
    case "account.transfer":
    case "contract.fund":
    case "contract.call":
      return given?.amount;
    case "contract.deploy":
      return given?.endowment;
    case "seat.take":
      return bond;
    default:
      return 0;
  }
}

/** What hands the account itself to others, or speaks for its owner in what all decide: no limit of amounts bounds it. */
const FOR_PERSONS: ReadonlySet<unknown> = new Set([
  "account.setPolicy",
  "account.authorize",
  "account.deauthorize",
  "governance.propose",
  "governance.vote",
  "governance.execute",
]);

/** The peer refuses a call whose amount is none, so it costs nothing; below zero it would even make room. */
function counted(amount: unknown): number {
  return typeof amount === "number" && Number.isSafeInteger(amount) && amount > 0 ? amount : 0;
}

/** The api for `window.bothy`; its budget lasts as long as the tab. */
export function createWindowBothy(client: Client): WindowBothy {
  let spent = 0;
  return {
    status: () => client.status(),
    query: (name, ...parameters) => client.query(name, ...parameters),
    subscribe: (topic, handler) => client.subscribe(topic, handler),
    send: async (givenCalls, givenOptions) => {
      const calls = readCalls(givenCalls);
      const over = calls.find((call) => FOR_PERSONS.has(call?.operation));
      if (over !== undefined) throw new Refusal("not-authorized", { operation: over.operation });
      const options: SendOptions = { ...copyOf(givenOptions, "options") };
      const [settings, { bond }, feeMax] = await Promise.all([
        client.query("settings"),
        client.query("parameters"),
        options.feeMax ?? client.query("estimate", { calls }).then(({ fee }) => fee),
      ]);
      const fee = counted(feeMax);
      const cost = calls.reduce((sum, call) => sum + counted(amountOf(call, bond)), fee);
      if (spent + cost > settings.windowLimit) throw new Refusal("limit-exceeded", { limit: settings.windowLimit, spent, cost });
      // Counted before it is sent: two sends at once must not both fit into what is left.
      spent += cost;
      try {
        return await client.send(calls, { ...options, feeMax });
      } catch (error) {
        // What was refused moved no amount; its fee may have been taken, so that stays counted. Only `stopped` leaves open what became of it.
        if (error instanceof Refusal && error.code !== "stopped") spent -= cost - fee;
        throw error;
      }
    },
  };
}

/** Sets `window.bothy`; neither written nor replaced by a script of the page, so that nothing slips between a person and the limit. */
export function installWindowBothy(client: Client, target: object = globalThis): void {
  Object.defineProperty(target, "bothy", { value: Object.freeze(createWindowBothy(client)), enumerable: true });
}
