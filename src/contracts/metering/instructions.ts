/** The instructions the pass understands, and what each costs. Anything else (SIMD, threads, GC, exceptions) is refused: it was never shown to be deterministic. */
import { AssertionError } from "../../kit/assert.ts";
import type { WasmReader } from "./wasm-binary.ts";

/** Opcodes by the names of the text format (WebAssembly Core Specification 2.0, 5.4). */
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  drop: 0x1a,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32Eq: 0x46,
  i32LtU: 0x49,
  i32GtU: 0x4b,
  i64LtS: 0x53,
  f32Eq: 0x5b,
  f64Eq: 0x61,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Or: 0x72,
  i32ShrU: 0x76,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i64ExtendI32U: 0xad,
  prefix: 0xfc,
} as const;

/** Bulk instructions after the 0xFC prefix whose topmost operand is how many bytes or entries they touch. */
const BULK: ReadonlySet<number> = new Set([8, 10, 11, 12, 14, 17]);

/** One decoded instruction. One object is reused for all: the pass reads millions of them. */
export class Instruction {
  op = 0;
  /** The number after the 0xFC prefix. */
  sub = 0;
  /** A label, function, local or global index, or the type index of `call_indirect`. */
  index = 0;
  targets: readonly number[] = [];

  get isBulk(): boolean {
    return this.op === OP.prefix && BULK.has(this.sub);
  }

  /** Reads the instruction at the reader's position and moves past it. @throws {AssertionError} for an instruction that is not allowed. */
  read(reader: WasmReader): void {
    const op = reader.byte();
    this.op = op;
    if (op >= 0x45 && op <= 0xc4) return; // comparisons, arithmetic, conversions, sign extension
    if (op >= 0x28 && op <= 0x3e) {
      reader.skipLeb(); // alignment
      reader.skipLeb(); // offset
      return;
    }
    if (op >= 0x20 && op <= 0x26) {
      this.index = reader.unsigned(); // local, global and table access
      return;
    }
    switch (op) {
      case 0x00:
      case 0x01:
      case OP.else:
      case OP.end:
      case OP.return:
      case OP.drop:
      case OP.select:
      case 0xd1: // ref.is_null
        return;
      case OP.block:
      case OP.loop:
      case OP.if:
      case OP.memorySize:
      case OP.memoryGrow:
      case OP.i32Const:
      case OP.i64Const:
      case 0xd0: // ref.null
      case 0xd2: // ref.func
        return reader.skipLeb();
      case OP.br:
      case OP.brIf:
      case OP.call:
        this.index = reader.unsigned();
        return;
      case OP.brTable:
        this.targets = [...reader.vector(() => reader.unsigned()), reader.unsigned()];
        return;
      case OP.callIndirect:
        this.index = reader.unsigned();
        return reader.skipLeb();
      case 0x1c: // select with types
        reader.vector(() => reader.byte());
        return;
      case OP.f32Const:
        reader.position += 4;
        return;
      case OP.f64Const:
        reader.position += 8;
        return;
      case OP.prefix:
        return this.#readPrefixed(reader);
      default:
        throw new AssertionError(`WASM instruction 0x${op.toString(16)} at ${reader.position - 1} is not allowed`);
    }
  }

  #readPrefixed(reader: WasmReader): void {
    const sub = reader.unsigned();
    this.sub = sub;
    if (sub <= 7) return; // saturating conversions
    if (sub > 17) throw new AssertionError(`WASM instruction 0xFC ${sub} at ${reader.position} is not allowed`);
    reader.skipLeb();
    if (sub === 8 || sub === 10 || sub === 12 || sub === 14) reader.skipLeb();
  }
}

/** Operations that may make a NaN, whose bits the standard leaves open (4.3.3): all float arithmetic but abs, neg and copysign. */
export function isFloatArithmetic(op: number): boolean {
  return (op >= 0x8d && op <= 0x97) || (op >= 0x9b && op <= 0xa5) || op === 0xb6 || op === 0xbb;
}

/** Of the operations above, those whose result is an f64. */
export function isDouble(op: number): boolean {
  return (op >= 0x9b && op <= 0xa5) || op === 0xbb;
}

/** Gas of each opcode: one, but nothing for structure, eight for division and square root, and what calls and jump tables cost engines. */
export const INSTRUCTION_GAS: Uint8Array = (() => {
  const gas = new Uint8Array(256).fill(1);
  for (const op of [0x00, 0x01, OP.block, OP.loop, OP.else, OP.end, OP.drop]) gas[op] = 0;
  for (const op of [0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82, 0x91, 0x95, 0x9f, 0xa3]) gas[op] = 8;
  gas[OP.call] = 4;
  gas[OP.callIndirect] = 8;
  gas[OP.brTable] = 3;
  return gas;
})();
