/**
 * A tab's peer from its first moment: slot, keys, manifest, ledger, machine, peer. Runs in the peer worker; the window carries the
 * network. ARCHITECTURE, "Threads".
 */
import { bytesToHex } from "../kit/bytes.ts";
import type { PeerInput } from "../peer/effects.ts";
import { Peer } from "../peer/peer.ts";
import type { Keys, NetworkCommand, NetworkEvent, Signatures, Storage } from "../peer/ports.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { chainOf, decodeGenesis } from "../protocol/genesis.ts";
import type { Checkpoint } from "../protocol/invite.ts";
import { asAccountId, asVotingKey, digest, toHex, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, shapeOf, type RefusalShape } from "../protocol/refusal.ts";
import { claimInWorker, type ClaimWorker } from "./claims.ts";
import { latestReferenceOf, parametersOf, takeMessage } from "../ledger/index.ts";
import { restoresContracts } from "../peer/late-machine.ts";
import type { Call } from "../protocol/transaction.ts";
import type { OperationCall } from "../sdk/api.ts";
import { agreesWith } from "./checkpoint.ts";
import { createSystemClock } from "./clock/clock.ts";
import { createCommands } from "./commands.ts";
import { createExplorer } from "./explorer/explorer.ts";
import { found, settleOffered } from "./found.ts";
import { joiningOf } from "./joining.ts";
import { KnownLinks } from "./known-links.ts";
import { openKeys } from "./keys/indexeddb-seeds.ts";
import type { PeerKeys } from "./keys/keys.ts";
import { noteEmptyLedger, settleLedger, type LedgerDatabases } from "./ledger-place.ts";
import { loadLedger } from "./load-ledger.ts";
import { awaitManifest, fetchManifest, MANIFEST_PACE_MS, type Manifest } from "./manifest.ts";
import { runPeer, type PeerRunner, type ReportedEffect } from "./peer-runner.ts";
import { createSdkServer, type SdkServer } from "./sdk-server/server.ts";
import { accountOf, openSettings, type KnownBot, type SettingsStore } from "./settings.ts";
import { createSignatures, signatureWorkersFor, type SignatureWorker } from "./signatures/signatures.ts";
import { holdVotingLock } from "./slot.ts";
import { deleteDexieStorage, openDexieStorage } from "./storage/dexie-storage.ts";
import type { FromWorker, ToWorker } from "./tab-messages.ts";
import { createEventLog, type EventLog } from "./telemetry/event-log.ts";

/** How soon after joining the contract machine is loaded, when links have formed, and how often that is tried. */
const LOAD_AHEAD_PACE_MS = 5_000;
const FIRST_NAME = "Bothy";

export interface TabPeerMakers {
  readonly createSignatureWorker: () => SignatureWorker;
  readonly createClaimWorker: () => ClaimWorker;
  readonly loadContractMachine: () => Promise<ContractMachine>;
  readonly post: (message: FromWorker, transfer?: Transferable[]) => void;
}

type StartMessage = Extract<ToWorker, { kind: "start" }>;

export class TabPeer {
  readonly #makers: TabPeerMakers;
  readonly #clock = createSystemClock();
  readonly #log: EventLog = createEventLog({ clock: this.#clock });
  readonly #waitingPorts: MessagePort[] = [];
  readonly #waitingEvents: NetworkEvent[] = [];
  readonly #links = new KnownLinks();
  #start: StartMessage | null = null;
  #server: SdkServer | null = null;
  #peer: Peer | null = null;
  #runner: PeerRunner | null = null;
  #storage: Storage | null = null;
  #machine: Promise<ContractMachine> | null = null;
  #signatures: Signatures | null = null;
  #keys: PeerKeys | null = null;
  #settings: SettingsStore | null = null;
  #account: Uint8Array = new Uint8Array(0);
  /** Seed of the network identity. */
  #identity: Uint8Array = new Uint8Array(0);
  #genesis: Uint8Array | null = null;
  #manifest: Manifest | null = null;
  /** Where a person chose another BoT than the relay's. */
  #chosen: KnownBot | null = null;
  /** Of the invite, until the ledger was held to it. */
  #checkpoint: Checkpoint | null = null;
  #fault: RefusalShape | null = null;
  /** Whether no other tab votes with the keys of this slot and BoT. */
  #mayVote = false;
  /** For ever: something took the place of what this peer was, and the tab is about to reload. */
  #stopped = false;
  /** What is run alone: the opening of the peer, and whatever takes its place. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(makers: TabPeerMakers) {
    this.#makers = makers;
  }

  onMessage(message: ToWorker): void {
    switch (message.kind) {
      case "start":
        void this.#run(message);
        return;
      case "network":
        this.#links.onEvent(message.event);
        if (this.#runner === null) this.#waitingEvents.push(message.event);
        else this.#runner.input({ kind: "network", event: message.event });
        return;
      case "client":
        if (this.#server === null) this.#waitingPorts.push(message.port);
        else this.#server.attach(message.port);
        return;
      case "leaving":
        this.#runner?.input({ kind: "closing" });
        return;
    }
  }

  async #run(start: StartMessage): Promise<void> {
    this.#start = start;
    try {
      // Both while keys and settings open.
      const workers = signatureWorkersFor(navigator.hardwareConcurrency);
      const signatures = createSignatures({ createWorker: this.#makers.createSignatureWorker, workers });
      this.#signatures = signatures;
      const asked = fetchManifest(start.base);
      asked.catch(() => undefined);
      await this.#openOwn(start.slot);
      this.#serve();
      const genesis = await this.#findGenesis(start.base, asked);
      await this.#alone(() => this.#openPeer(genesis, signatures));
      this.#makers.post({ kind: "phase", phase: "ready", error: null });
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#fault = shapeOf(error);
    this.#log.record("error", "host", "start failed", {
      code: this.#fault.code,
      reason: plain(this.#fault.data["reason"] ?? this.#fault.data["message"]),
    });
    this.#makers.post({ kind: "phase", phase: "failed", error: this.#fault });
  }

  async #openOwn(slot: number): Promise<void> {
    const [settingsStorage, keys] = await Promise.all([
      openDexieStorage(`bothy-${slot}`, { standAlone: true }),
      openKeys(`bothy-${slot}-keys`),
    ]);
    this.#settings = await openSettings(settingsStorage);
    this.#keys = keys;
    this.#account = await accountOf(this.#settings, keys);
    this.#identity = await this.#keys.identitySeed();
    const { relays, iceServers } = this.#settings.current;
    // Its start takes as long as that of the ledger. More relays come with the manifest.
    this.#makers.post({ kind: "start-network", identity: this.#identity.slice(), relays, iceServers });
  }

  // ------------------------------------------------------------ which BoT

  /** Genesis from the relay, or this tab founds it, or what this slot was last in while the relay is out of reach. */
  async #findGenesis(base: string, asked: Promise<Manifest | null>): Promise<Uint8Array> {
    const settings = this.#ready(this.#settings);
    this.#chosen = await settings.chosenBot();
    if (this.#chosen !== null) {
      this.#genesis = this.#chosen.genesis;
      this.#checkpoint = this.#chosen.checkpoint;
      // For the relays that it names, which introduce the peers of any BoT; this one can be opened without them.
      const any = asked.catch(() => null).then((manifest) => manifest ?? awaitManifest(base, null, (ms) => this.#pause(ms)));
      void any.then((manifest) => this.#onManifest(manifest));
      return this.#chosen.genesis;
    }
    for (let answer = asked; ; answer = fetchManifest(base)) {
      this.#manifest = await answer;
      if (this.#manifest?.mayFound === true) this.#manifest = await this.#found(FIRST_NAME);
      const genesis = this.#manifest?.genesis ?? (this.#manifest === null ? await settings.lastGenesis() : null);
      if (genesis !== null && genesis !== undefined) {
        await settings.change({}, { genesis });
        if (this.#manifest !== null) await settleOffered(genesis, base, this.#ready(this.#keys), settings);
        this.#genesis = genesis;
        return genesis;
      }
      await this.#pause(MANIFEST_PACE_MS);
    }
  }

  async #found(name: string): Promise<Manifest> {
    const { base } = this.#ready(this.#start);
    const keys = this.#ready(this.#keys);
    const parameters = this.#ready(this.#manifest).parameters;
    const settings = this.#ready(this.#settings);
    const manifest = await found(base, keys, settings, {
      name,
      kind: "public",
      tokens: true,
      parameters,
      account: this.#account,
      nowMs: this.#clock.wallMs(),
    });
    const isFounder = manifest.genesis !== null && (await this.#keysFor(manifest.genesis).list("voting")).length > 0;
    // The founder has the only seat: without it nothing would become final. Elsewhere a seat would only be left dead behind.
    if (!keys.durable && isFounder) await settings.change({ seatWanted: true });
    this.#log.record("info", "host", "founding offered", { taken: manifest.genesis !== null });
    return manifest;
  }

  // ------------------------------------------------------------ the peer

  #keysFor(genesis: Uint8Array): Keys {
    return this.#ready(this.#keys).forChain(chainOf(genesis), decodeGenesis(genesis).foundingSeat);
  }

  async #openPeer(genesis: Uint8Array, signatures: Signatures): Promise<void> {
    // Whatever took the place of this peer's account or ledger, the reload opens it.
    if (this.#stopped) return;
    const start = this.#ready(this.#start);
    const settings = this.#ready(this.#settings);
    const chain = chainOf(genesis);
    const keys = this.#keysFor(genesis);
    this.#tellRelays();
    // Before anything is read: the page that this one replaces may vote until its worker has ended, and those votes bind this one.
    this.#mayVote = (await holdVotingLock(`${start.slot}-${toHex(chain)}`)) !== null;
    if (this.#mayVote) await this.#takeOver();
    else this.#log.record("error", "host", "another tab votes with these keys", {});
    this.#storage = await this.#ledgers.open(chain, (await settings.ledgerPlace(chain)).at);
    await noteEmptyLedger(settings, this.#storage, chain, keys);
    if (this.#mayVote) await settleLedger(settings, this.#ledgers, chain, keys);
    await this.#startPeer(genesis, keys, signatures);
    await settings.forgetOffered(chain);
    this.#server?.opened({ storage: this.#storage, explorer: createExplorer(this.#storage) });
    void this.#loadMachineAhead();
    if (this.#manifest === null && this.#chosen === null) void this.#manifestLater(genesis);
  }

  /** Over what is stored now. */
  async #startPeer(genesis: Uint8Array, keys: Keys, signatures: Signatures): Promise<void> {
    const storage = this.#ready(this.#storage);
    const ledger = await loadLedger(storage, genesis);
    const mayVote = this.#mayVote;
    const machine = restoresContracts(ledger) ? await this.#loadMachine() : null;
    const peer = new Peer({
      chain: chainOf(genesis),
      account: asAccountId(this.#account),
      lane: digest(this.#identity)[0]! % LIMITS.lanesMax,
      votingKeys: mayVote ? (await keys.list("voting")).map(asVotingKey) : [],
      seatWanted: this.#seatWanted(),
      machine,
      ledger,
    });
    this.#peer = peer;
    this.#log.record("info", "host", "ledger opened", { height: peer.final.height, mayVote, seats: peer.consensus.seats.length });
    this.#runner = runPeer(peer, {
      clock: this.#clock,
      storage,
      keys,
      signatures,
      network: (command) => this.#command(command),
      loadMachine: () => this.#loadMachine(),
      claim: (request) => claimInWorker(this.#makers.createClaimWorker, request),
      onEffect: (effect) => this.#onEffect(effect),
    });
    this.#tellWindow();
    for (const event of this.#waitingEvents.splice(0)) this.#runner.input({ kind: "network", event });
    void this.#holdToCheckpoint();
  }

  #tellWindow(): void {
    const { keepBlocks: blocks, keepBytes: bytes } = this.#ready(this.#settings).current;
    this.#runner?.input({ kind: "set-window", window: { blocks, bytes } });
  }

  /** A ledger that neighbours gave has taken the place of the one in storage: the links stay, and a new peer goes on with them. */
  async #reopen(): Promise<void> {
    if (this.#stopped) return;
    const genesis = this.#ready(this.#genesis);
    this.#ready(this.#runner).stop();
    this.#runner = null;
    this.#waitingEvents.unshift(...this.#links.events());
    await this.#startPeer(genesis, this.#keysFor(genesis), this.#ready(this.#signatures));
    const storage = this.#ready(this.#storage);
    this.#server?.opened({ storage, explorer: createExplorer(storage) });
  }

  /** For a tab that opened while the relay was out of reach, which knows none by itself. */
  async #manifestLater(genesis: Uint8Array): Promise<void> {
    this.#onManifest(await awaitManifest(this.#ready(this.#start).base, genesis, (ms) => this.#pause(ms)));
  }

  #onManifest(manifest: Manifest): void {
    this.#manifest = manifest;
    this.#tellRelays();
  }

  /** What the page that this one replaces has changed until its worker ended. */
  async #takeOver(): Promise<void> {
    const keys = this.#ready(this.#keys);
    const settings = this.#ready(this.#settings);
    await keys.refresh();
    await settings.refresh();
    this.#account = await accountOf(settings, keys);
  }

  readonly #ledgers: LedgerDatabases = {
    open: (chain, number) => openDexieStorage(this.#ledgerName(chain, number)),
    remove: (chain, number) => deleteDexieStorage(this.#ledgerName(chain, number)),
  };

  #ledgerName(chain: Hash, number: number): string {
    const first = `bothy-${this.#ready(this.#start).slot}-${toHex(chain)}`;
    return number === 0 ? first : `${first}-${number}`;
  }

  #seatWanted(): boolean {
    return this.#mayVote && this.#ready(this.#settings).current.seatWanted;
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Contracts of others come without warning, and by then the relay that serves the machine may be gone; but it must keep no tab from joining. */
  async #loadMachineAhead(): Promise<void> {
    while (this.#machine === null) {
      await this.#pause(LOAD_AHEAD_PACE_MS);
      if (this.#peer?.caughtUp === true) await this.#loadMachine().catch(() => undefined);
    }
  }

  /** Loaded once: when something asks for it, or soon after this peer has joined. */
  #loadMachine(): Promise<ContractMachine> {
    if (this.#machine !== null) return this.#machine;
    const loading = this.#makers.loadContractMachine();
    this.#machine = loading;
    // Whoever asked, the peer has it before that one goes on: a contract that is tried is likely to be called.
    loading.then(
      (machine) => this.#runner?.input({ kind: "machine", machine }),
      () => (this.#machine = null),
    );
    return loading;
  }

  #command(command: NetworkCommand): void {
    this.#makers.post({ kind: "network", command });
  }

  #onEffect(effect: ReportedEffect): void {
    if (effect.kind === "log") {
      const data = Object.fromEntries(Object.entries(effect.data).map(([name, value]) => [name, plain(value)]));
      this.#log.record(effect.level, "peer", effect.message, data);
      return;
    }
    if (effect.kind === "committed" || effect.kind === "history") void this.#holdToCheckpoint();
    if (effect.kind === "reopen") void this.#alone(() => this.#reopen()).catch((error: unknown) => this.#fail(error));
    if (effect.kind === "halted") {
      this.#fault = effect.refusal;
      this.#log.record("error", "peer", "halted", { code: effect.refusal.code });
    }
    this.#server?.onEffect(effect);
  }

  /** A ledger that is not the one which the person was invited to: nothing is built on it, and nothing of it voted for. */
  async #holdToCheckpoint(): Promise<void> {
    const [checkpoint, storage, peer] = [this.#checkpoint, this.#storage, this.#peer];
    if (checkpoint === null || storage === null || peer === null) return;
    const agrees = await agreesWith(checkpoint, peer, storage);
    if (agrees === null || this.#checkpoint !== checkpoint) return;
    this.#checkpoint = null;
    if (agrees) return;
    this.#runner?.stop();
    this.#fail(new Refusal("checkpoint-contradicted", { height: checkpoint.height }));
  }

  // ------------------------------------------------------------ clients

  #serve(): void {
    const settings = this.#ready(this.#settings);
    const start = this.#ready(this.#start);
    this.#server = createSdkServer({
      view: () => this.#peer,
      input: (input: PeerInput) => this.#runner?.input(input),
      loadMachine: () => this.#loadMachine(),
      completeCall: (call) => this.#completeCall(call),
      clock: this.#clock,
      slot: start.slot,
      keysDurable: this.#ready(this.#keys).durable,
      persistent: async () => (await navigator.storage?.persisted?.()) ?? false,
      settings: () => settings.current,
      fault: () => this.#fault,
      joining: () =>
        joiningOf({
          view: this.#peer,
          keys: this.#keys !== null,
          waitingCode: this.#manifest !== null && this.#manifest.genesis === null ? "not-ready" : null,
          seatWanted: settings.current.seatWanted,
        }),
      room: () => this.#manifest?.room ?? null,
      account: () => this.#account,
      commands: createCommands({
        keys: this.#ready(this.#keys),
        settings,
        signatures: this.#ready(this.#signatures),
        loadMachine: () => this.#loadMachine(),
        pause: () => this.#pause(0),
        account: () => this.#account,
        genesis: () => this.#genesis,
        storage: () => this.#storage,
        stop: () => this.#stop(),
        ledgers: this.#ledgers,
        alone: (work) => this.#alone(work),
        onSettings: () => this.#onSettings(),
        found: (name) => this.#foundByHand(name),
        diagnostics: async () => ({
          ...(await this.#ready(this.#server).report()),
          log: this.#log.report({ version: start.version, slot: start.slot }),
        }),
        leave: () => this.#leave(),
        nowMs: () => this.#clock.wallMs(),
        final: () => (this.#peer === null || this.#peer.final.height === 0 ? null : this.#peer.final),
        relays: () => this.#relays(),
        home: () => this.#manifest?.genesis ?? null,
      }),
    });
    for (const port of this.#waitingPorts.splice(0)) this.#server.attach(port);
  }

  /** What a call needs of this peer before it can be signed: a claim's work, a seat's key. */
  async #completeCall(call: OperationCall): Promise<Call> {
    const peer = this.#ready(this.#peer);
    if (call.operation === "token.claim") {
      const reference = latestReferenceOf(peer.state);
      const bits = parametersOf(peer.state).claimBits;
      const nonce = await claimInWorker(this.#makers.createClaimWorker, { account: this.#account, reference, bits });
      if (nonce === null) throw new Refusal("claim-invalid");
      return ["token.claim", { reference, nonce }];
    }
    if (call.operation !== "seat.take") throw new Refusal("not-supported", { operation: call.operation });
    if (!this.#mayVote) throw new Refusal("key-missing", { message: "another tab votes with these keys" });
    const keys = this.#keysFor(this.#ready(this.#genesis));
    const votingKey = asVotingKey(await keys.create("voting"));
    this.#runner?.input({ kind: "adopt-voting-key", publicKey: votingKey });
    const proof = await keys.sign(votingKey, takeMessage(peer.chain, this.#account, votingKey));
    return ["seat.take", { votingKey, proof }];
  }

  #onSettings(): void {
    this.#runner?.input({ kind: "set-seat-wanted", wanted: this.#seatWanted() });
    this.#tellWindow();
    this.#tellRelays();
  }

  #tellRelays(): void {
    this.#command({ kind: "setRelays", relays: this.#relays() });
  }

  #relays(): readonly string[] {
    const own = this.#ready(this.#settings).current.relays;
    return [...new Set([...(this.#manifest?.relays ?? []), ...(this.#chosen?.relays ?? []), ...own])];
  }

  async #foundByHand(name: string): Promise<string> {
    if (this.#manifest?.mayFound !== true) throw new Refusal("not-authorized");
    const { genesis } = await this.#found(name);
    if (genesis === null) throw new Refusal("not-ready");
    decodeGenesis(genesis);
    return toHex(chainOf(genesis));
  }

  async #leave(): Promise<void> {
    this.#runner?.input({ kind: "closing" });
    await this.#runner?.settled();
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    await this.#leave();
    this.#runner?.stop();
    this.#storage?.close();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(ms, resolve));
  }

  #ready<Part>(part: Part | null): Part {
    if (part === null) throw new Refusal("not-ready");
    return part;
  }
}

function plain(value: unknown): string | number | boolean | null {
  if (value instanceof Uint8Array) return bytesToHex(value);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}
