/** The contract machine: every call runs in its own restored image of the contract, so that nothing but state outlives it. */
import { INIT_METHOD, readManifest } from "../../contracts/manifest.ts";
import { GAS } from "../../contracts/gas.ts";
import { assert, AssertionError } from "../../kit/assert.ts";
import { BoundedMap } from "../../kit/bounded-map.ts";
import { isWellFormed } from "../../kit/bytes.ts";
import type { RejectCode } from "../../protocol/codes.ts";
import type { Value } from "../../protocol/codec.ts";
import {
  HostFault,
  type CallOutcome,
  type ContractCall,
  type ContractMachine,
  type ContractManifest,
} from "../../protocol/contract-machine.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { readList } from "../../protocol/schema.ts";
import type { MemoryImage } from "./memory-image.ts";
import { compileMetered } from "./metered-binary.ts";
import { GuestError, MachineStop, QuickJsInstance } from "./quickjs-instance.ts";

/** Images kept; each has a few dozen pages of its own, so this is some ten megabytes at most of ordinary contracts. */
const IMAGES_MAX = 64;

interface ContractImage {
  readonly manifest: ContractManifest;
  readonly methods: ReadonlySet<string>;
  readonly hasInit: boolean;
  readonly module: number;
  readonly memory: MemoryImage;
  /** What loading cost: every call pays it, since any peer may have to load the contract for it. */
  readonly loadGas: number;
}

interface Failure {
  readonly code: RejectCode;
  readonly message: string;
  readonly gasUsed: number;
}

function shorten(text: string): string {
  if (text.length <= LIMITS.contractMessageUnitsMax) return text;
  const cut = text.slice(0, LIMITS.contractMessageUnitsMax);
  return isWellFormed(cut) ? cut : cut.slice(0, -1);
}

/** The code and text by which a run's end is known to the ledger. */
function failureOf(ended: Refusal | GuestError | MachineStop, gasUsed: number): Failure {
  if (ended instanceof MachineStop) return { code: ended.code, message: "", gasUsed };
  if (ended instanceof GuestError) {
    return { code: ended.outOfMemory ? "out-of-memory" : "contract-error", message: shorten(ended.message), gasUsed };
  }
  const detail = ended.data["reason"] ?? ended.data["field"];
  return { code: ended.code, message: typeof detail === "string" ? shorten(detail) : "", gasUsed };
}

class QuickJsContractMachine implements ContractMachine {
  readonly #instance: QuickJsInstance;
  readonly #images = new BoundedMap<string, ContractImage>(IMAGES_MAX);

  constructor(instance: QuickJsInstance) {
    this.#instance = instance;
  }

  inspect(source: string, gasMax: number): ReturnType<ContractMachine["inspect"]> {
    const loaded = this.#guard(() => this.#load(source, gasMax));
    return "code" in loaded ? loaded : { manifest: loaded.manifest, gasUsed: loaded.loadGas };
  }

  call(call: ContractCall): CallOutcome {
    const outcome = this.#guard(() => this.#call(call));
    return "code" in outcome ? { ok: false, ...outcome } : { ok: true, ...outcome };
  }

  /** Anything a run throws that is not its own end is a fault of this host, which must not vote on what it could not compute. */
  #guard<Result>(act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      throw new HostFault(`host fault in the contract machine: ${String(error)}`, { cause: error });
    }
  }

  /** Loads from the base image, so that what it costs depends on the source alone. */
  #load(source: string, gasMax: number): ContractImage | Failure {
    const instance = this.#instance;
    if (!isWellFormed(source)) return { code: "manifest-invalid", message: "the source is no text", gasUsed: 0 };
    const limit = Math.min(gasMax, LIMITS.contractLoadGasMax);
    instance.restore(instance.base);
    const run = instance.metered(limit, undefined, () => {
      const module = instance.loadModule(source);
      const [manifest, exported] = readList(instance.inspectModule(module), "module", 2);
      const names = readList(exported, "exported").filter((name) => typeof name === "string");
      return { module, manifest: readManifest(manifest!, names), hasInit: names.includes(INIT_METHOD) };
    });
    if ("ended" in run) {
      const failure = failureOf(run.ended, run.gasUsed);
      return run.ended instanceof Refusal ? { ...failure, code: "manifest-invalid" } : failure;
    }
    const { module, manifest, hasInit } = run.result;
    const methods = new Set(manifest.methods.map((method) => method.name));
    return { manifest, methods, hasInit, module, memory: instance.takeImage(), loadGas: run.gasUsed };
  }

  #imageOf(call: ContractCall, gasMax: number): ContractImage | Failure {
    const cached = this.#images.get(call.sourceDigest);
    if (cached) {
      this.#images.set(call.sourceDigest, cached); // the newest again
      return cached.loadGas <= gasMax ? cached : { code: "out-of-gas", message: "", gasUsed: gasMax };
    }
    const loaded = this.#load(call.source, gasMax);
    if (!("code" in loaded)) this.#images.set(call.sourceDigest, loaded);
    return loaded;
  }

  #call(call: ContractCall): { result: Value; gasUsed: number } | Failure {
    const available = call.gasMax - GAS.call;
    if (available < 0) return { code: "out-of-gas", message: "", gasUsed: call.gasMax };
    const image = this.#imageOf(call, available);
    if ("code" in image) return { ...image, gasUsed: image.gasUsed + GAS.call };
    const gasBefore = GAS.call + image.loadGas;
    if (call.method === INIT_METHOD) {
      if (!image.hasInit) return { result: null, gasUsed: gasBefore };
    } else if (!image.methods.has(call.method)) return { code: "method-unknown", message: shorten(call.method), gasUsed: gasBefore };
    const { host } = call;
    this.#instance.restore(image.memory);
    const run = this.#instance.metered(call.gasMax - gasBefore, host, () =>
      this.#instance.runMethod(image.module, [call.method, call.arguments, host.caller, host.self, host.height, host.timeMs]),
    );
    const gasUsed = gasBefore + run.gasUsed;
    return "ended" in run ? failureOf(run.ended, gasUsed) : { result: run.result, gasUsed };
  }
}

const WARM_UP_CONTRACT = `export const manifest = { name: "warm-up", methods: { add: {} } };
export function add(ctx, numbers) { let sum = 0; for (const n of numbers) sum += n; return String(sum).padStart(8, "0"); }`;
const WARM_UP_CALLS = 40;

/** Runs a few calls, so that the engine has compiled what every call needs: the first ones are ten times slower. */
export function warmUpContractMachine(machine: ContractMachine): void {
  const nothing = (): never => {
    throw new AssertionError("the warm-up asks nothing of the host");
  };
  const host = {
    caller: "",
    self: "",
    height: 0,
    timeMs: 0,
    seed: new Uint8Array(32),
    writable: false,
    stateGet: nothing,
    stateSet: nothing,
    stateDelete: nothing,
    stateList: nothing,
    emit: nothing,
    transfer: nothing,
    record: nothing,
    device: nothing,
    log: nothing,
  };
  for (let i = 0; i < WARM_UP_CALLS; i++) {
    const call = { source: WARM_UP_CONTRACT, sourceDigest: "warm-up", method: "add", arguments: [1, 2, i], gasMax: 50_000_000, host };
    assert(machine.call(call).ok, "the warm-up contract runs");
  }
}

/** A machine on the pinned binary. @throws {AssertionError} if the bytes are not that binary, to the bit. */
export async function createContractMachine(wasm: Uint8Array): Promise<ContractMachine> {
  return new QuickJsContractMachine(new QuickJsInstance(await compileMetered(wasm)));
}
