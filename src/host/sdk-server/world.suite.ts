/** A founder alone behind a real server of the sdk: what tests of the server speak to. In memory, or where a test keeps it. */
import { DEFAULT_SETTINGS } from "../settings.ts";
import { Peer } from "../../peer/peer.ts";
import type { Storage } from "../../peer/ports.ts";
import type { ContractMachine } from "../../protocol/contract-machine.ts";
import { DEFAULT_PARAMETERS, chainOf, decodeGenesis, encodeGenesis, type Parameters } from "../../protocol/genesis.ts";
import { accountToDid, asAccountId, asVotingKey } from "../../protocol/identifiers.ts";
import { Refusal, type OperationCall } from "../../sdk/api.ts";
import { createClient, type Client } from "../../sdk/client.ts";
import { searchClaim } from "../claims.ts";
import { createSystemClock } from "../clock/clock.ts";
import type { CommandHandlers } from "../commands.ts";
import { createExplorer } from "../explorer/explorer.ts";
import { createKeys, type PeerKeys } from "../keys/keys.ts";
import { createMemorySeeds } from "../keys/memory-seeds.ts";
import { loadLedger } from "../load-ledger.ts";
import { runPeer, type PeerRunner } from "../peer-runner.ts";
import { createSignatures } from "../signatures/signatures.ts";
import { createMemoryStorage } from "../storage/memory-storage.ts";
import { createSdkServer, type SdkServer } from "./server.ts";

/** Who is paid, and what nobody has. */
export const OTHER = accountToDid(new Uint8Array(32).fill(7));
export const UNKNOWN = "ab".repeat(32);

export const transfer = (amount: number): OperationCall => ({ operation: "account.transfer", arguments: { to: OTHER, amount } });

/** With which code it is refused, or `accepted`. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "accepted",
    (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
  );
}

const refuse = async (): Promise<never> => {
  throw new Refusal("not-supported");
};
export const commands: CommandHandlers = {
  setSettings: async () => DEFAULT_SETTINGS,
  exportPeer: refuse,
  inspectPeer: refuse,
  importPeer: refuse,
  exportLedger: refuse,
  inspectLedger: refuse,
  importLedger: refuse,
  identityWords: async () => ["abandon"],
  keepWords: refuse,
  restoreWords: refuse,
  reset: refuse,
  listBots: async () => [],
  foundBot: refuse,
  inspectInvite: refuse,
  joinBot: refuse,
  openBot: refuse,
  forgetBot: refuse,
  makeInvite: refuse,
  found: refuse,
  diagnostics: async () => ({}),
  prepareToLeave: async () => null,
};

export interface World {
  readonly peer: Peer;
  readonly runner: PeerRunner;
  readonly server: SdkServer;
  readonly storage: Storage;
  readonly account: string;
  connect(): Client;
  /** A bare port, to say what no client would. */
  rawPort(): MessagePort;
  close(): void;
}

export interface WorldPlace {
  readonly keys: PeerKeys;
  readonly storage: Storage;
  readonly genesis: Uint8Array;
}

/** A genesis whose founding seat is made with these keys, which get an account, too. */
export async function foundWorld(keys: PeerKeys, parameters: Partial<Parameters> = {}): Promise<Uint8Array> {
  return encodeGenesis({
    version: 1,
    kind: "public",
    name: "Test",
    token: "coal",
    createdMs: Date.now() - 1,
    founder: asAccountId(await keys.create("account")),
    foundingSeat: asVotingKey(await keys.create("voting")),
    parameters: { ...DEFAULT_PARAMETERS, claimBits: 0, ...parameters },
    salt: new Uint8Array(16),
  });
}

async function inMemory(): Promise<WorldPlace> {
  const keys = await createKeys(createMemorySeeds());
  return { keys, storage: createMemoryStorage(), genesis: await foundWorld(keys) };
}

/** A founder alone: every block is final as soon as it has voted. Without a machine there is nobody who serves it. @throws {Refusal} as `loadLedger`. */
export async function openWorld(machine: ContractMachine | null, place?: WorldPlace): Promise<World> {
  const loadMachine = () => (machine === null ? Promise.reject(new TypeError("Failed to fetch")) : Promise.resolve(machine));
  const { keys, storage, genesis } = place ?? (await inMemory());
  const clock = createSystemClock();
  const account = decodeGenesis(genesis).founder;
  const peer = new Peer({
    chain: chainOf(genesis),
    account,
    lane: 3,
    votingKeys: (await keys.list("voting")).map(asVotingKey),
    seatWanted: true,
    machine,
    ledger: await loadLedger(storage, genesis),
  });
  let runner: PeerRunner | null = null;
  const server = createSdkServer({
    view: () => peer,
    input: (input) => runner?.input(input),
    loadMachine,
    clock,
    slot: 0,
    keysDurable: keys.durable,
    persistent: async () => true,
    room: () => null,
    settings: () => DEFAULT_SETTINGS,
    fault: () => null,
    joining: () => [],
    account: () => account,
    commands,
  });
  server.opened({ storage, explorer: createExplorer(storage) });
  runner = runPeer(peer, {
    clock,
    storage,
    keys,
    signatures: createSignatures(),
    loadMachine,
    network: () => undefined,
    claim: ({ account: of, reference, bits }) => Promise.resolve(searchClaim({ account: of, reference, bits, start: new Uint8Array(16) })),
    onEffect: (effect) => server.onEffect(effect),
  });
  const channels: MessageChannel[] = [];
  const rawPort = (): MessagePort => {
    const channel = new MessageChannel();
    channels.push(channel);
    server.attach(channel.port2);
    return channel.port1;
  };
  return {
    peer,
    runner,
    server,
    storage,
    account: accountToDid(account),
    connect: () => createClient(rawPort()),
    rawPort,
    close: () => {
      runner.stop();
      server.stop();
      for (const channel of channels) channel.port1.close();
    },
  };
}
