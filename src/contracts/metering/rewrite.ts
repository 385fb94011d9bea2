/** Rewrites one function's body: charges, depth, virtual memory size, canonical NaNs. The instructions written here mirror the text format, a line each. */
import { assert } from "../../kit/assert.ts";
import { type Charge, planCharges } from "./charges.ts";
import { Instruction, isDouble, isFloatArithmetic, OP } from "./instructions.ts";
import type { MeterOptions } from "./meter.ts";
import type { WasmFunction, WasmModule } from "./module.ts";
import { TYPE, WasmReader, WasmWriter } from "./wasm-binary.ts";

/** Indices of the globals that the pass adds. */
export interface MeterGlobals {
  readonly gas: number;
  readonly depth: number;
  readonly pages: number;
  readonly stackLow: number;
}

/** What a recursive call adds to the depth: a stand-in for the native frame, which grows with the function's locals. */
function depthOf(localCount: number): number {
  return 96 + 8 * (localCount + 16);
}

/** Canonical quiet NaNs (4.3.3), as the bytes of a constant. */
const NAN_F64 = [0, 0, 0, 0, 0, 0, 0xf8, 0x7f] as const;
const NAN_F32 = [0, 0, 0xc0, 0x7f] as const;

class BodyRewriter {
  readonly #out: WasmWriter;
  readonly #module: WasmModule;
  readonly #body: WasmFunction;
  readonly #globals: MeterGlobals;
  readonly #options: MeterOptions;
  readonly #charges: ReadonlyMap<number, Charge>;
  /** Gas is kept in a local where a loop would otherwise write the global at each turn. */
  readonly #gasLocal: number | undefined;
  readonly #integerScratch: number;
  readonly #doubleScratch: number;
  readonly #floatScratch: number;
  readonly #depth: number;
  readonly #wrapped: boolean;

  constructor(module: WasmModule, body: WasmFunction, recursive: boolean, globals: MeterGlobals, options: MeterOptions) {
    this.#out = new WasmWriter(2 * (body.end - body.codeStart) + 64);
    this.#module = module;
    this.#body = body;
    this.#globals = globals;
    this.#options = options;
    const plan = planCharges(module.bytes, body, { tolerance: options.branchTolerance, isFloat: isFloatArithmetic });
    this.#charges = plan.charges;
    const extra: number[] = [];
    const add = (type: number): number => body.localCount + extra.push(type) - 1;
    this.#integerScratch = plan.needsIntegerScratch ? add(TYPE.i32) : -1;
    this.#doubleScratch = plan.needsFloatScratch ? add(TYPE.f64) : -1;
    this.#floatScratch = plan.needsFloatScratch ? add(TYPE.f32) : -1;
    this.#gasLocal = plan.hasLoop && plan.charges.size >= 2 ? add(TYPE.i64) : undefined;
    this.#depth = recursive ? depthOf(body.localCount) : 0;
    this.#wrapped = recursive || this.#gasLocal !== undefined;
    this.#out.unsigned(body.localGroups + extra.length);
    this.#out.append(module.bytes.subarray(body.localsStart, body.codeStart));
    for (const type of extra) this.#out.byte(1, type);
  }

  #op(op: number, index: number): void {
    this.#out.byte(op);
    this.#out.unsigned(index);
  }

  #i32(value: number): void {
    this.#out.byte(OP.i32Const);
    this.#out.signed(value);
  }

  #getGas(): void {
    if (this.#gasLocal === undefined) this.#op(OP.globalGet, this.#globals.gas);
    else this.#op(OP.localGet, this.#gasLocal);
  }

  #setGas(): void {
    if (this.#gasLocal === undefined) this.#op(OP.globalSet, this.#globals.gas);
    else this.#op(OP.localSet, this.#gasLocal);
  }

  /** Local gas into the global, before control leaves this function. */
  #spill(): void {
    if (this.#gasLocal === undefined) return;
    this.#op(OP.localGet, this.#gasLocal);
    this.#op(OP.globalSet, this.#globals.gas);
  }

  /** The global back into the local, after control returned. */
  #fill(): void {
    if (this.#gasLocal === undefined) return;
    this.#op(OP.globalGet, this.#globals.gas);
    this.#op(OP.localSet, this.#gasLocal);
  }

  /** Traps if gas is below zero. */
  #check(): void {
    this.#getGas();
    this.#out.byte(OP.i64Const, 0, OP.i64LtS, OP.if, TYPE.empty);
    this.#spill();
    this.#out.byte(OP.unreachable, OP.end);
  }

  #pay(charge: Charge): void {
    if (charge.gas === 0) return;
    this.#getGas();
    this.#out.byte(OP.i64Const);
    this.#out.signed(charge.gas);
    this.#out.byte(OP.i64Sub);
    this.#setGas();
    if (charge.checked) this.#check();
  }

  #payAt(position: number): void {
    const charge = this.#charges.get(position);
    if (charge) this.#pay(charge);
  }

  #addDepth(sign: number): void {
    this.#op(OP.globalGet, this.#globals.depth);
    this.#i32(this.#depth);
    this.#out.byte(sign);
    this.#op(OP.globalSet, this.#globals.depth);
  }

  /** Bulk operations cost by what they touch: `length >> 2`, with the length on top of the stack. */
  #payBulk(): void {
    this.#op(OP.localTee, this.#integerScratch);
    this.#getGas();
    this.#op(OP.localGet, this.#integerScratch);
    this.#i32(this.#options.bulkShift);
    this.#out.byte(OP.i32ShrU, OP.i64ExtendI32U, OP.i64Sub);
    this.#setGas();
    this.#check();
  }

  /**
   * `memory.grow` against a virtual size, since a real memory cannot shrink again after a call: pages that are already there count as
   * newly grown, and growth above the cap gives −1 as it would where memory is short. If the engine itself refuses, that is this
   * machine's trouble and not the contract's: a trap with −1 pages, which tells the host.
   */
  #grow(): void {
    const scratch = this.#integerScratch;
    const out = this.#out;
    const wanted = (): void => {
      this.#op(OP.globalGet, this.#globals.pages);
      this.#op(OP.localGet, scratch);
      out.byte(OP.i32Add);
    };
    this.#op(OP.localTee, scratch);
    this.#getGas();
    this.#op(OP.localGet, scratch);
    out.byte(OP.i64ExtendI32U, OP.i64Const);
    out.signed(this.#options.growGas);
    out.byte(OP.i64Mul, OP.i64Sub);
    this.#setGas();
    this.#check();
    this.#op(OP.localSet, scratch);
    wanted();
    this.#i32(this.#options.pagesMax);
    out.byte(OP.i32GtU);
    this.#op(OP.localGet, scratch);
    this.#i32(this.#options.pagesMax);
    out.byte(OP.i32GtU, OP.i32Or, OP.if, TYPE.i32);
    this.#i32(-1);
    out.byte(OP.else);
    wanted();
    out.byte(OP.memorySize, 0, OP.i32GtU, OP.if, TYPE.empty);
    wanted();
    out.byte(OP.memorySize, 0, OP.i32Sub, OP.memoryGrow, 0);
    this.#i32(-1);
    out.byte(OP.i32Eq, OP.if, TYPE.empty);
    this.#i32(-1);
    this.#op(OP.globalSet, this.#globals.pages);
    out.byte(OP.unreachable, OP.end, OP.end);
    this.#op(OP.globalGet, this.#globals.pages);
    wanted();
    this.#op(OP.globalSet, this.#globals.pages);
    out.byte(OP.end);
  }

  /** Replaces a NaN by the canonical one: engines differ in its sign and payload. */
  #canonicalize(op: number): void {
    const double = isDouble(op);
    const scratch = double ? this.#doubleScratch : this.#floatScratch;
    this.#op(OP.localTee, scratch);
    this.#out.byte(...(double ? [OP.f64Const, ...NAN_F64] : [OP.f32Const, ...NAN_F32]));
    this.#op(OP.localGet, scratch);
    this.#op(OP.localGet, scratch);
    this.#out.byte(double ? OP.f64Eq : OP.f32Eq, OP.select);
  }

  #enter(): void {
    this.#fill();
    if (this.#depth > 0) {
      this.#addDepth(OP.i32Add);
      this.#op(OP.globalGet, this.#globals.depth);
      this.#i32(this.#options.depthMax);
      this.#out.byte(OP.i32GtU, OP.if, TYPE.empty, OP.unreachable, OP.end);
    }
    if (!this.#wrapped) return;
    const results = this.#module.types[this.#body.typeIndex]!.results;
    assert(results.length <= 1, "no function with several results");
    this.#out.byte(OP.block, results[0] ?? TYPE.empty);
  }

  #leave(): void {
    if (this.#wrapped) this.#out.byte(OP.end);
    this.#spill();
    if (this.#depth > 0) this.#addDepth(OP.i32Sub);
    this.#out.byte(OP.end);
  }

  /** Keeps the lowest stack pointer, so that a restore clears just the stack that was used. */
  #trackStack(): void {
    const pointer = this.#options.stackPointerGlobal;
    this.#op(OP.globalGet, pointer);
    this.#op(OP.globalGet, this.#globals.stackLow);
    this.#out.byte(OP.i32LtU, OP.if, TYPE.empty);
    this.#op(OP.globalGet, pointer);
    this.#op(OP.globalSet, this.#globals.stackLow);
    this.#out.byte(OP.end);
  }

  #copy(instruction: Instruction, raw: Uint8Array, nesting: number): void {
    const op = instruction.op;
    if (op === OP.return && this.#wrapped) return this.#op(OP.br, nesting);
    if (op === OP.call || op === OP.callIndirect) {
      this.#spill();
      this.#out.append(raw);
      this.#fill();
      return;
    }
    if (op === OP.memoryGrow) return this.#grow();
    if (op === OP.memorySize) return this.#op(OP.globalGet, this.#globals.pages);
    if (instruction.isBulk) this.#payBulk();
    this.#out.append(raw);
    if (isFloatArithmetic(op)) this.#canonicalize(op);
    if (op === OP.globalSet && instruction.index === this.#options.stackPointerGlobal) this.#trackStack();
  }

  run(): Uint8Array {
    const { bytes } = this.#module;
    const reader = new WasmReader(bytes, this.#body.codeStart);
    const instruction = new Instruction();
    let nesting = 0;
    this.#enter();
    this.#payAt(reader.position);
    while (reader.position < this.#body.end) {
      const start = reader.position;
      instruction.read(reader);
      if (instruction.op === OP.block || instruction.op === OP.loop || instruction.op === OP.if) nesting++;
      if (instruction.op === OP.end) nesting--;
      if (nesting < 0) this.#leave();
      else {
        this.#copy(instruction, bytes.subarray(start, reader.position), nesting);
        this.#payAt(reader.position);
      }
    }
    return this.#out.finish();
  }
}

/** The new body of a function, without its size. */
export function rewriteBody(
  module: WasmModule,
  body: WasmFunction,
  context: { recursive: boolean; globals: MeterGlobals; options: MeterOptions },
): Uint8Array {
  return new BodyRewriter(module, body, context.recursive, context.globals, context.options).run();
}
