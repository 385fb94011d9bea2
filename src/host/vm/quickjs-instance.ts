/** One metered QuickJS: values in and out, host calls, gas, and setting it back to an image. How a call may end is told apart here. */
import { CONTRACT_FILE, GUEST_PRELUDE, HOST_FUNCTION } from "../../contracts/guest-prelude.ts";
import { decodeGuest, GuestEncoder, readNumber } from "../../contracts/guest-values.ts";
import { payForResult, performHostCall } from "../../contracts/host-calls.ts";
import { HOST_CALL_DEPTH, MEMORY_BYTES_MAX, METER_OPTIONS, STACK_BYTES_MAX } from "../../contracts/machine-version.ts";
import { assert } from "../../kit/assert.ts";
import type { Value } from "../../protocol/codec.ts";
import type { ContractHost } from "../../protocol/contract-machine.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { type MemoryImage, restoreImage, takeImage } from "./memory-image.ts";
import { EVAL_MODULE, INTRINSICS, PROMISE, type QuickJsExports } from "./quickjs-exports.ts";

/** Gas without a practical end, for what the peer does on its own account. */
const UNMETERED = 2 ** 52;

/** The end of a run that only the machine can cause; it passes through WASM, and no contract can catch it. */
export class MachineStop extends Error {
  override readonly name = "MachineStop";
  readonly code: "out-of-gas" | "depth-limit" | "out-of-memory";

  constructor(code: MachineStop["code"]) {
    super(code);
    this.code = code;
  }
}

/** The contract threw; `message` is its text. */
export class GuestError extends Error {
  override readonly name = "GuestError";
  readonly outOfMemory: boolean;

  constructor(message: string, outOfMemory: boolean) {
    super(message);
    this.outOfMemory = outOfMemory;
  }
}

/** Addresses of the prelude's functions and of scratch space; the same in every image, since all grow from one base. */
interface Fixed {
  readonly run: number;
  readonly inspect: number;
  readonly explain: number;
  readonly refusal: number;
  readonly undefined: number;
  /** Room for the handles of arguments, then one size. */
  readonly scratch: number;
  /** Room for a short text. */
  readonly text: number;
}

const ARGUMENTS_MAX = 7;
const SCRATCH_SIZE_OFFSET = 4 * ARGUMENTS_MAX;
/** Texts up to this many UTF-16 units cross through a buffer of their own; longer ones are allocated for. */
const SHORT_TEXT_UNITS = 256;

/** The upper half of a raw value (NaN boxing of the pinned binary): its kind, or part of a float where it lies outside `first` to `float`. */
const RAW_TAG = { first: -9, string: -7, rope: -6, integer: 0, boolean: 1, null: 2, float: 8 } as const;

/** How QuickJS says that the memory limit was reached. */
const OUT_OF_MEMORY = "InternalError: out of memory";

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws {Refusal} for a lone surrogate, which QuickJS writes in a form that is no UTF-8. */
function decodeText(bytes: Uint8Array): string {
  if (bytes.length <= SHORT_TEXT_UNITS) {
    let text = "";
    let ascii = true;
    for (let i = 0; i < bytes.length && ascii; i++) {
      ascii = bytes[i]! < 128;
      text += String.fromCharCode(bytes[i]!);
    }
    if (ascii) return text;
  }
  try {
    return textDecoder.decode(bytes);
  } catch {
    throw new Refusal("encoding-invalid", { reason: "lone surrogate" });
  }
}

/** What a refusal says to the contract: its code, and the reason or field where it has one. */
function refusalText(refusal: Refusal): string {
  const detail = refusal.data["reason"] ?? refusal.data["field"];
  return typeof detail === "string" ? `${refusal.code}: ${detail}` : refusal.code;
}

export class QuickJsInstance {
  readonly #exports: QuickJsExports;
  readonly #context: number;
  readonly #fixed: Fixed;
  readonly #encoder = new TextEncoder();
  readonly #objects = new GuestEncoder();
  readonly base: MemoryImage;
  #host: ContractHost | undefined;
  /** Why the last run was stopped from outside QuickJS: kept here because WASM frames lie between. */
  #stop: unknown;
  #buffer: ArrayBuffer | undefined;
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));

  constructor(module: WebAssembly.Module) {
    const instance = new WebAssembly.Instance(module, this.#imports());
    this.#exports = instance.exports as unknown as QuickJsExports;
    const exports = this.#exports;
    this.#setGas(UNMETERED);
    exports._initialize();
    assert(exports.qjs_init2(INTRINSICS) === 0, "QuickJS starts");
    exports.qjs_set_memory_limit(MEMORY_BYTES_MAX);
    exports.qjs_set_max_stack_size(STACK_BYTES_MAX);
    this.#context = exports.qjs_get_context_ptr();
    this.#fixed = this.#runPrelude();
    this.base = takeImage(exports);
  }

  /** The imports: no clock, no randomness, no files; a module cannot import another. */
  #imports(): WebAssembly.Imports {
    const zero = (): number => 0;
    const badFile = (): number => 8;
    return {
      env: {
        host_get_timezone_offset: zero,
        host_interrupt: zero,
        host_module_normalize: zero,
        host_module_load: zero,
        host_promise_rejection: zero,
        host_call: (_name: number, _nameBytes: number, _self: number, count: number, handles: number) => this.#hostCall(count, handles),
      },
      wasi_snapshot_preview1: {
        clock_time_get: (_clock: number, _precision: bigint, address: number) => {
          this.#memory();
          this.#view.setBigUint64(address, 0n, true);
          return 0;
        },
        random_get: (address: number, count: number) => {
          this.#memory().fill(0, address, address + count);
          return 0;
        },
        fd_close: badFile,
        fd_fdstat_get: badFile,
        fd_seek: badFile,
        fd_write: badFile,
      },
    };
  }

  #runPrelude(): Fixed {
    const exports = this.#exports;
    const name = this.#writeText(HOST_FUNCTION);
    const host = exports.qjs_new_host_function(name.address, name.count, 1);
    const globals = exports.qjs_get_global();
    exports.qjs_set_prop_string(globals, name.address, host);
    for (const handle of [host, globals]) exports.qjs_free_value(handle);
    exports.wasm_free(name.address);
    const parts = this.#evaluate(GUEST_PRELUDE, "prelude.js", 0);
    const [run, inspect, explain, refusal] = [0, 1, 2, 3].map((index) => exports.qjs_get_prop_uint32(parts, index)) as [
      number,
      number,
      number,
      number,
    ];
    exports.qjs_free_value(parts);
    return {
      run,
      inspect,
      explain,
      refusal,
      undefined: exports.qjs_get_undefined(),
      scratch: this.#allocate(SCRATCH_SIZE_OFFSET + 4),
      text: this.#allocate(SHORT_TEXT_UNITS * 3),
    };
  }

  #memory(): Uint8Array {
    const buffer = this.#exports.memory.buffer as ArrayBuffer;
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#bytes = new Uint8Array(buffer);
      this.#view = new DataView(buffer);
    }
    return this.#bytes;
  }

  #setGas(gas: number): void {
    this.#exports.gas.value = BigInt(gas);
  }

  #allocate(count: number): number {
    const address = this.#exports.wasm_malloc(count);
    if (address === 0) throw this.#stopWith("out-of-memory");
    return address;
  }

  #stopWith(code: MachineStop["code"]): MachineStop {
    const stop = new MachineStop(code);
    this.#stop = stop;
    return stop;
  }

  #writeText(text: string): { address: number; count: number } {
    const encoded = this.#encoder.encode(text);
    const address = this.#allocate(encoded.length + 1);
    const memory = this.#memory();
    memory.set(encoded, address);
    memory[address + encoded.length] = 0;
    return { address, count: encoded.length };
  }

  /** Builds a value inside the machine. Gives a handle. */
  #writeValue(value: Value): number {
    const exports = this.#exports;
    let handle: number;
    if (typeof value === "number") handle = exports.qjs_new_number(value);
    else if (value === null) handle = exports.qjs_get_null();
    else if (typeof value === "boolean") handle = value ? exports.qjs_get_true() : exports.qjs_get_false();
    else if (typeof value === "string" && value.length <= SHORT_TEXT_UNITS) {
      const room = this.#memory().subarray(this.#fixed.text, this.#fixed.text + SHORT_TEXT_UNITS * 3);
      handle = exports.qjs_new_string(this.#fixed.text, this.#encoder.encodeInto(value, room).written);
    } else handle = this.#writeObject(value);
    if (handle === 0) throw this.#stopWith("out-of-memory");
    return this.#succeed(handle);
  }

  #writeObject(value: Value): number {
    const exports = this.#exports;
    const encoded = this.#objects.encode(value);
    const address = this.#allocate(encoded.length);
    this.#memory().set(encoded, address);
    const raw = exports.JS_ReadObject(this.#context, address, encoded.length, 0);
    exports.wasm_free(address);
    const handle = exports.qjs_new_number(0);
    if (handle === 0) throw this.#stopWith("out-of-memory");
    this.#memory();
    this.#view.setBigUint64(handle, BigInt.asUintN(64, raw), true);
    return handle;
  }

  /** Reads a value out of the machine. @throws {Refusal} if it is outside the data model. @throws {GuestError} if it cannot be written at all. */
  #readValue(handle: number): Value {
    this.#memory();
    const payload = this.#view.getInt32(handle, true);
    const tag = this.#view.getInt32(handle + 4, true);
    if (tag === RAW_TAG.integer) return payload;
    if (tag === RAW_TAG.boolean) return payload !== 0;
    if (tag === RAW_TAG.null) return null;
    if (tag === RAW_TAG.string || tag === RAW_TAG.rope) return this.#readText(handle);
    if (tag < RAW_TAG.first || tag >= RAW_TAG.float) return readNumber(this.#exports.qjs_get_float64(handle));
    return this.#readObject(handle);
  }

  #readText(handle: number): string {
    const exports = this.#exports;
    const size = this.#fixed.scratch + SCRATCH_SIZE_OFFSET;
    const address = exports.qjs_get_string_len(handle, size);
    if (address === 0) throw this.#guestError();
    const memory = this.#memory();
    const encoded = memory.subarray(address, address + this.#view.getUint32(size, true));
    try {
      return decodeText(encoded);
    } finally {
      exports.qjs_free_cstring(address);
    }
  }

  #readObject(handle: number): Value {
    const exports = this.#exports;
    const size = this.#fixed.scratch + SCRATCH_SIZE_OFFSET;
    const address = exports.JS_WriteObject(this.#context, size, this.#view.getBigUint64(handle, true), 0);
    if (address === 0) throw this.#guestError();
    const memory = this.#memory();
    const encoded = memory.subarray(address, address + this.#view.getUint32(size, true));
    try {
      return decodeGuest(encoded);
    } finally {
      exports.js_free(this.#context, address);
    }
  }

  /** Takes the pending exception and asks the prelude for its text; a contract may have spoiled even that. */
  #guestError(): GuestError {
    const exports = this.#exports;
    const thrown = exports.qjs_get_exception();
    const text = this.#callHandle(this.#fixed.explain, [thrown]);
    exports.qjs_free_value(thrown);
    if (exports.qjs_is_exception(text)) {
      exports.qjs_free_value(exports.qjs_get_exception());
      return new GuestError("", false);
    }
    try {
      const message = this.#readValue(text);
      return typeof message === "string" ? new GuestError(message, message === OUT_OF_MEMORY) : new GuestError("", false);
    } catch (error) {
      if (error instanceof Refusal || error instanceof GuestError) return new GuestError("", false);
      throw error;
    } finally {
      exports.qjs_free_value(text);
    }
  }

  #callHandle(callee: number, handles: readonly number[]): number {
    const { scratch, undefined: self } = this.#fixed;
    this.#memory();
    handles.forEach((handle, index) => this.#view.setUint32(scratch + 4 * index, handle, true));
    return this.#exports.qjs_call(callee, self, handles.length, scratch);
  }

  /** A handle that is no exception. @throws {GuestError} */
  #succeed(handle: number): number {
    if (this.#exports.qjs_is_exception(handle)) throw this.#guestError();
    return handle;
  }

  #evaluate(source: string, fileName: string, flags: number): number {
    const exports = this.#exports;
    const text = this.#writeText(source);
    const file = this.#writeText(fileName);
    const handle = exports.qjs_eval(text.address, text.count, file.address, flags);
    exports.wasm_free(text.address);
    exports.wasm_free(file.address);
    return this.#succeed(handle);
  }

  /** Runs jobs until none waits; gas ends an endless chain. */
  #runJobs(): void {
    const exports = this.#exports;
    while (exports.qjs_is_job_pending()) if (exports.qjs_execute_pending_job() < 0) throw this.#guestError();
  }

  /** What a promise came to, or the value itself. @throws {GuestError} if it was rejected or never settles. */
  #settle(handle: number): number {
    const exports = this.#exports;
    this.#runJobs();
    if (!exports.qjs_is_promise(handle)) return handle;
    const state = exports.qjs_promise_state(handle);
    if (state === PROMISE.pending) throw new GuestError("a promise that nothing settles", false);
    const result = exports.qjs_promise_result(handle);
    if (state === PROMISE.fulfilled) return result;
    exports.qjs_throw(result);
    throw this.#guestError();
  }

  #hostCall(count: number, handles: number): number {
    const exports = this.#exports;
    try {
      const host = this.#host;
      exports.depth.value += HOST_CALL_DEPTH;
      if (exports.depth.value > METER_OPTIONS.depthMax) throw this.#stopWith("depth-limit");
      this.#memory();
      const answer = this.#answer(
        host,
        Array.from({ length: count }, (_, index) => this.#view.getUint32(handles + 4 * index, true)),
      );
      exports.depth.value -= HOST_CALL_DEPTH;
      return answer;
    } catch (error) {
      // Whatever is thrown here leaves the machine: the run is over, and the reason must survive the WASM frames. An error of the
      // machine's own at this point means that an answer could not be built for want of memory.
      const stop = error instanceof GuestError ? this.#stopWith("out-of-memory") : error;
      this.#stop ??= stop;
      throw stop;
    }
  }

  /** The handle of a host call's answer, or 0 with an exception pending in the machine. */
  #answer(host: ContractHost | undefined, handles: readonly number[]): number {
    try {
      if (host === undefined) throw new Refusal("not-ready");
      const parts = handles.map((handle) => this.#readValue(handle));
      const answer = performHostCall(parts, host, (gas) => this.#pay(gas));
      return answer === undefined ? this.#exports.qjs_get_undefined() : this.#writeValue(answer);
    } catch (error) {
      if (error instanceof Refusal) return this.#throwInside(error.code, refusalText(error));
      if (error instanceof GuestError) return this.#throwInside("contract-error", error.message);
      throw error;
    }
  }

  /** Lets the contract see an error. If there is no room even for that, the engine's own error stands in its place. */
  #throwInside(code: string, message: string): number {
    const exports = this.#exports;
    const parts = this.#writeValue([code, message]);
    const thrown = this.#callHandle(this.#fixed.refusal, [parts]);
    exports.qjs_free_value(parts);
    if (exports.qjs_is_exception(thrown)) return 0;
    exports.qjs_throw(thrown);
    exports.qjs_free_value(thrown);
    return 0;
  }

  #pay(gas: number): void {
    const global = this.#exports.gas;
    global.value -= BigInt(gas);
    if (global.value < 0n) throw this.#stopWith("out-of-gas");
  }

  /**
   * Runs `act` with this much gas and tells how it ended. What the contract did wrong is a `Refusal`, a `GuestError` or a `MachineStop`;
   * all else is thrown on as it is: a fault of this host (an engine out of stack, an assertion), never a contract's result.
   */
  metered<Result>(
    gasMax: number,
    host: ContractHost | undefined,
    act: () => Result,
  ): { readonly gasUsed: number } & ({ readonly result: Result } | { readonly ended: Refusal | GuestError | MachineStop }) {
    const exports = this.#exports;
    this.#host = host;
    this.#stop = undefined;
    this.#setGas(gasMax);
    const used = (): number => Math.min(gasMax, gasMax - Number(exports.gas.value));
    try {
      const result = act();
      if (exports.gas.value < 0n) return { gasUsed: gasMax, ended: new MachineStop("out-of-gas") };
      return { gasUsed: used(), result };
    } catch (error) {
      const ended = this.#classify(error);
      const outOfGas = exports.gas.value < 0n || (ended instanceof MachineStop && ended.code === "out-of-gas");
      return outOfGas ? { gasUsed: gasMax, ended: new MachineStop("out-of-gas") } : { gasUsed: used(), ended };
    } finally {
      this.#host = undefined;
    }
  }

  #classify(thrown: unknown): Refusal | GuestError | MachineStop {
    const error = this.#stop ?? thrown;
    if (error instanceof Refusal || error instanceof GuestError || error instanceof MachineStop) return error;
    // A trap is as exactly defined as any result (WebAssembly Core 4.4), so a contract that drives QuickJS into one has failed alike on
    // every engine; only a machine that got no memory from its engine (−1 pages) has not. An engine out of native stack throws another
    // kind of error, whose words QuickJS uses too: that is why no message is looked at here.
    if (error instanceof WebAssembly.RuntimeError && this.#exports.pages.value !== -1) {
      if (this.#exports.gas.value < 0n) return new MachineStop("out-of-gas");
      if (this.#exports.depth.value > METER_OPTIONS.depthMax) return new MachineStop("depth-limit");
      return new GuestError("the machine trapped", false);
    }
    throw error;
  }

  restore(image: MemoryImage): void {
    restoreImage(this.#exports, image);
  }

  takeImage(): MemoryImage {
    return takeImage(this.#exports, this.base);
  }

  /** Evaluates a contract's module. Gives the handle of its namespace, valid in every image taken from here on. @throws {GuestError} */
  loadModule(source: string): number {
    return this.#settle(this.#evaluate(source, CONTRACT_FILE, EVAL_MODULE));
  }

  /** `[manifest, names of exported functions]`. @throws {GuestError} @throws {Refusal} if there is no manifest of plain data. */
  inspectModule(module: number): Value {
    return this.#readValue(this.#succeed(this.#callHandle(this.#fixed.inspect, [module])));
  }

  /**
   * Calls a method; `undefined` counts as null. `parts` are `[method, argument, caller, self, height, timeMs]`.
   * @throws {GuestError} @throws {Refusal} if the result is outside the data model, or too large.
   */
  runMethod(module: number, parts: readonly Value[]): Value {
    const handles = parts.map((part) => this.#writeValue(part));
    const result = this.#settle(this.#succeed(this.#callHandle(this.#fixed.run, [module, ...handles])));
    return payForResult(this.#exports.qjs_is_undefined(result) ? null : this.#readValue(result), (gas) => this.#pay(gas));
  }

  /** Evaluates a script and gives its value as text, for the attack suite. @throws {GuestError} */
  evaluateToText(script: string): string {
    const value = this.#readValue(this.#settle(this.#evaluate(script, CONTRACT_FILE, 0)));
    assert(typeof value === "string", "the script gives a text");
    return value;
  }
}
