/**
 * Serves clients of a peer: the app's own page, `window.bothy`, other programs, each behind a port. Whatever comes is checked to its last
 * argument, and every request gets an answer or a refusal with its code; nothing that a client sends ends the peer. THINGS, "dApps".
 */
import type { Clock } from "../../kit/clock.ts";
import { TokenBucket } from "../../kit/token-bucket.ts";
import type { PeerInput } from "../../peer/effects.ts";
import { LateMachine } from "../../peer/late-machine.ts";
import type { Storage } from "../../peer/ports.ts";
import type { PeerView } from "../../peer/view.ts";
import type { ValueMap } from "../../protocol/codec.ts";
import type { ContractMachine } from "../../protocol/contract-machine.ts";
import { HASH_BYTES, accountToDid } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { Refusal, requireThat, shapeOf, type RefusalShape } from "../../protocol/refusal.ts";
import type { JoiningProgress, OperationCall, Queries, QueryName, Room, Settings } from "../../sdk/api.ts";
import type { ClientMessage, MessagePortLike, PeerMessage } from "../../sdk/messages.ts";
import { decodeRequest, requestIdOf } from "../../sdk/schemas.ts";
import type { CommandHandlers } from "../commands.ts";
import type { Explorer } from "../explorer/explorer.ts";
import type { ReportedEffect } from "../peer-runner.ts";
import type { CompleteCall } from "./operations.ts";
import { Incidents } from "./incidents.ts";
import { governance } from "./queries-governance.ts";
import { Reports } from "./reports.ts";
import * as history from "./queries-history.ts";
import * as current from "./queries-state.ts";
import { search } from "./search.ts";
import { networkInfo, statusOf } from "./status.ts";
import { Feeds } from "./topics.ts";
import * as trials from "./trials.ts";
import { Written } from "./written.ts";

export interface SdkServerDeps {
  /** Null while the peer is starting. */
  readonly view: () => PeerView | null;
  readonly input: (input: PeerInput) => void;
  /** Loads it at the first call. */
  readonly loadMachine: () => Promise<ContractMachine>;
  readonly clock: Clock;
  /** Which of this browser's peers this is, from 0. */
  readonly slot: number;
  /** Whether this peer's keys outlive the tab. */
  readonly keysDurable: boolean;
  /** Whether the browser promised to keep the data. */
  readonly persistent: () => Promise<boolean>;
  readonly settings: () => Settings;
  readonly fault: () => RefusalShape | null;
  readonly joining: () => readonly JoiningProgress[];
  readonly room: () => Room | null;
  /** Public key of this peer's account; empty before there is one. */
  readonly account: () => Uint8Array;
  readonly commands: CommandHandlers;
  /** Finds a claim's proof of work, or makes a voting key. Without it such calls are refused. */
  readonly completeCall?: CompleteCall;
}

export interface SdkServer {
  /** The ledger's database is open. */
  opened(ledger: { readonly storage: Storage; readonly explorer: Explorer }): void;
  /** Serves a client; gives the end of it. */
  attach(port: MessagePortLike): () => void;
  /** Everything that the peer reports. */
  onEffect(effect: ReportedEffect): void;
  /** What this peer says of itself, for whoever helps: nothing in it is secret. */
  report(): Promise<ValueMap>;
  stop(): void;
}

interface Client {
  readonly port: MessagePortLike;
  readonly requests: TokenBucket;
  readonly trials: TokenBucket;
  underWay: number;
  isAttached: boolean;
}

/** A page has at least one item, or its cursor would never move. */
function withRoom<Message extends QueryMessage>(message: Message): Message {
  const { parameters } = message;
  return "limit" in parameters && parameters.limit === 0 ? { ...message, parameters: { ...parameters, limit: 1 } } : message;
}

type QueryMessage = Extract<ClientMessage, { kind: "query" }>;

/** Queries that run a contract, on the thread that votes. */
const TRIALS: ReadonlySet<QueryName> = new Set<QueryName>(["view", "dryRun", "inspect"]);
const VALID_FOR_MS = 600_000;
/** What is answered out of storage. */
const PAST: ReadonlySet<QueryName> = new Set<QueryName>([
  "transaction",
  "transactions",
  "block",
  "blocks",
  "readings",
  "events",
  "records",
  "search",
  // How often it was called.
  "contract",
]);

export function createSdkServer(deps: SdkServerDeps): SdkServer {
  return new PortServer(deps);
}

class PortServer implements SdkServer {
  readonly #deps: SdkServerDeps;
  readonly #feeds: Feeds;
  readonly #reports: Reports;
  readonly #incidents: Incidents;
  #ledger: { readonly storage: Storage; readonly explorer: Explorer; readonly written: Written } | null = null;

  constructor(deps: SdkServerDeps) {
    this.#deps = deps;
    this.#feeds = new Feeds({ clock: deps.clock, state: (topic) => this.#state(topic) });
    this.#reports = new Reports({ view: deps.view, clock: deps.clock, feeds: this.#feeds });
    this.#incidents = new Incidents({ view: deps.view, clock: deps.clock });
  }

  opened(ledger: { readonly storage: Storage; readonly explorer: Explorer }): void {
    const isFirst = this.#ledger === null;
    this.#ledger = { ...ledger, written: new Written(this.#view().final.height) };
    void ledger.explorer.catchUp();
    if (isFirst) this.#incidents.opened(ledger.storage);
  }

  attach(port: MessagePortLike): () => void {
    const nowMs = this.#deps.clock.nowMs();
    const bucket = (perSecond: number): TokenBucket => new TokenBucket({ capacity: 2 * perSecond, perSecond, nowMs });
    const client: Client = {
      port,
      requests: bucket(LIMITS.portRequestsPerSecondMax),
      trials: bucket(LIMITS.portTrialsPerSecondMax),
      underWay: 0,
      isAttached: true,
    };
    port.addEventListener("message", (event) => this.#onMessage(client, event.data));
    port.start?.();
    return () => {
      client.isAttached = false;
      this.#feeds.detach(client);
    };
  }

  onEffect(effect: ReportedEffect): void {
    if (effect.kind === "committed") this.#ledger?.explorer.onCommitted(effect);
    // Blocks below those that are indexed are found only in an index made anew.
    if (effect.kind === "history") void this.#ledger?.explorer.rebuild();
    this.#ledger?.written.onEffect(effect);
    this.#incidents.onEffect(effect);
    this.#reports.onEffect(effect, this.#ledger?.explorer ?? null);
  }

  async report(): Promise<ValueMap> {
    // A database that cannot be read is a reason to ask for help: the rest is told all the same.
    const storage = await this.#storage().catch((error: unknown) => shapeOf(error));
    const view = this.#deps.view();
    const memory = { bodiesBytes: view?.bodiesBytes ?? 0 };
    const incidents = this.#incidents.list();
    const facts = { status: this.#status(), network: networkInfo(view), consensus: this.#state("consensus"), storage, memory, incidents };
    // Answers to clients are plain values, which their types as interfaces do not say.
    return facts as unknown as ValueMap;
  }

  stop(): void {
    this.#feeds.stop();
    this.#incidents.stop();
  }

  // ------------------------------------------------------------ messages

  #post(client: Client, message: PeerMessage): void {
    if (client.isAttached) client.port.postMessage(message);
  }

  #refuse(client: Client, id: number, error: unknown): void {
    this.#post(client, { kind: "refused", id, ...shapeOf(error) });
  }

  #onMessage(client: Client, data: unknown): void {
    if (!client.isAttached) return;
    let id = -1;
    try {
      id = requestIdOf(data);
      requireThat(client.requests.take(1, this.#deps.clock.nowMs()), "rate-limited", { perSecond: LIMITS.portRequestsPerSecondMax });
      this.#take(client, decodeRequest(data));
    } catch (error) {
      this.#refuse(client, id, error);
    }
  }

  #take(client: Client, message: ClientMessage): void {
    const { id } = message;
    switch (message.kind) {
      case "send":
        return this.#answer(client, id, () => this.#send(client, message), "later");
      case "query":
        requireThat(client.trials.take(this.#trialsIn(message), this.#deps.clock.nowMs()), "rate-limited", {
          perSecond: LIMITS.portTrialsPerSecondMax,
        });
        return this.#answer(client, id, () => this.#query(message));
      case "command":
        return this.#answer(client, id, () => this.#deps.commands[message.name](message.parameters as never));
      case "subscribe":
        return this.#feeds.subscribe(client, id, message.topic, (value) => this.#post(client, { kind: "update", id, value }));
      case "unsubscribe":
        return this.#feeds.unsubscribe(client, id);
    }
  }

  /** How many runs of contracts a query asks for. */
  #trialsIn(message: QueryMessage): number {
    if (message.name === "dryRun") return 1 + (message.parameters.before?.length ?? 0);
    if (message.name !== "estimate") return TRIALS.has(message.name) ? 1 : 0;
    return message.parameters.calls.some(({ operation }) => operation === "contract.call" || operation === "contract.deploy") ? 1 : 0;
  }

  /** Answers with what `work` gives; a send is answered when its transaction has come to its end. */
  #answer(client: Client, id: number, work: () => Promise<unknown>, when: "now" | "later" = "now"): void {
    requireThat(client.underWay < LIMITS.portQueriesMax || when === "later", "rate-limited", { underWayMax: LIMITS.portQueriesMax });
    client.underWay++;
    // In a promise from the first line, so that what throws at once is a refusal too.
    void Promise.resolve()
      .then(work)
      .then((value) => {
        if (when === "now") this.#post(client, { kind: "result", id, value });
      })
      .catch((error: unknown) => this.#refuse(client, id, error))
      .finally(() => client.underWay--);
  }

  #view(): PeerView {
    const view = this.#deps.view();
    if (view === null) throw new Refusal("not-ready");
    return view;
  }

  readonly #completeCall: CompleteCall = async (call) => {
    if (this.#deps.completeCall === undefined) throw new Refusal("not-supported", { operation: call.operation });
    return this.#deps.completeCall(call);
  };

  async #send(client: Client, { id, calls: given, options, progress }: Extract<ClientMessage, { kind: "send" }>): Promise<void> {
    const view = this.#view();
    if (view.halted !== null) throw new Refusal(view.halted.code, view.halted.data);
    const { clock } = this.#deps;
    const machine = await this.#machineFor(given);
    const submission = await this.#reports.submission(given, options, {
      view,
      machine,
      completeCall: this.#completeCall,
      nowMs: clock.wallMs(),
      validForMs: VALID_FOR_MS,
    });
    const ticket = this.#reports.open({
      ...submission,
      sentAtMs: clock.nowMs(),
      id,
      progress,
      post: (message) => this.#post(client, message),
    });
    this.#deps.input({ kind: "submit", ticket, submission: submission.submission });
  }

  /** All else is sent also where the machine cannot be loaded, since the relay that serves it is gone. */
  async #machineFor(calls: readonly OperationCall[]): Promise<ContractMachine> {
    if (!calls.some(({ operation }) => operation.startsWith("contract."))) return new LateMachine(null);
    const machine = await this.#deps.loadMachine();
    // The peer may be the one that proposes it, and runs it at once.
    this.#deps.input({ kind: "machine", machine });
    return machine;
  }

  // ------------------------------------------------------------ queries

  #state(topic: "status" | "consensus" | "network") {
    const view = this.#deps.view();
    if (topic === "status") return this.#status();
    if (topic === "network") return networkInfo(view);
    return view === null ? null : this.#reports.consensus(view);
  }

  #status(): Queries["status"]["result"] {
    const { view, joining, slot, keysDurable, fault, account, room } = this.#deps;
    const { finality } = this.#reports;
    const status = statusOf({ view: view(), joining: joining(), slot, keysDurable, fault: fault(), finality, room: room() });
    const key = account();
    return status.account === "" && key.length === HASH_BYTES ? { ...status, account: accountToDid(key) } : status;
  }

  async #query(message: QueryMessage): Promise<unknown> {
    switch (message.name) {
      case "status":
        return this.#status();
      case "settings":
        return this.#deps.settings();
      case "network":
        return networkInfo(this.#deps.view());
      case "storage":
        return this.#storage();
      case "finality":
        return this.#reports.finality.blocks;
      case "incidents":
        return this.#incidents.list();
      case "checkProof":
        return current.checkProof(message.parameters);
      case "inspect":
        return trials.inspect({ machine: await this.#deps.loadMachine() }, message.parameters);
      case "consensus":
        return this.#reports.consensus(this.#view());
      case "governance":
        return governance({ view: this.#view(), nowMs: this.#deps.clock.wallMs() });
      case "view":
      case "dryRun":
      case "estimate":
        return this.#trial(message);
      default:
        if (PAST.has(message.name)) await this.#ledger?.written.upToFinal(this.#view());
        return this.#read(message);
    }
  }

  async #trial(message: Extract<QueryMessage, { name: "view" | "dryRun" | "estimate" }>): Promise<unknown> {
    const machine = await (message.name === "estimate" ? this.#machineFor(message.parameters.calls) : this.#deps.loadMachine());
    const deps = { view: this.#view(), machine, completeCall: this.#completeCall, nowMs: this.#deps.clock.wallMs() };
    switch (message.name) {
      case "view":
        return trials.view(deps, message.parameters);
      case "dryRun":
        return trials.dryRun(deps, message.parameters);
      case "estimate":
        return trials.estimate(deps, message.parameters);
    }
  }

  async #storage(): Promise<Queries["storage"]["result"]> {
    const estimate = await this.#ledger?.storage.estimate();
    const span = (await this.#ledger?.explorer.blocks.span()) ?? { from: 0, to: 0 };
    const view = this.#deps.view();
    const joined = view?.joined ?? null;
    return {
      usedBytes: estimate?.usedBytes ?? 0,
      quotaBytes: estimate?.quotaBytes ?? 0,
      persistent: await this.#deps.persistent(),
      blocksKept: { ...span, from: view === null || view.historyFloor === 0 ? span.from : view.historyFloor + 1 },
      joined,
    };
  }

  #read(
    message: Exclude<
      QueryMessage,
      {
        name:
          | "status"
          | "settings"
          | "network"
          | "storage"
          | "finality"
          | "incidents"
          | "checkProof"
          | "inspect"
          | "consensus"
          | "governance"
          | "view"
          | "dryRun"
          | "estimate";
      }
    >,
  ): unknown {
    const view = this.#view();
    if (this.#ledger === null) throw new Refusal("not-ready");
    const deps = this.#reports.historyDeps(view, this.#ledger.explorer);
    message = withRoom(message);
    switch (message.name) {
      case "account":
        return current.account(deps, message.parameters);
      case "accounts":
        return current.accounts(deps, message.parameters);
      case "names":
        return current.names(deps, message.parameters);
      case "devices":
        return current.devices(deps, message.parameters);
      case "device":
        return current.device(deps, message.parameters);
      case "streams":
        return current.streams(deps, message.parameters);
      case "stream":
        return current.stream(deps, message.parameters);
      case "contracts":
        return current.contracts(deps, message.parameters);
      case "contract":
        return current.contract(deps, message.parameters);
      case "contractState":
        return current.contractState(deps, message.parameters);
      case "seats":
        return current.seats(deps);
      case "parameters":
        return current.parameters(deps);
      case "proof":
        return current.proof(deps, message.parameters);
      case "transaction":
        return history.transaction(deps, message.parameters);
      case "transactions":
        return history.transactions(deps, message.parameters);
      case "pending":
        return history.pending(deps);
      case "block":
        return history.block(deps, message.parameters);
      case "blocks":
        return history.blocks(deps, message.parameters);
      case "readings":
        return history.readings(deps, message.parameters);
      case "events":
        return history.events(deps, message.parameters);
      case "records":
        return history.records(deps, message.parameters);
      case "search":
        return search(deps, message.parameters.text);
    }
  }
}
