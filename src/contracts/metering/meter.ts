/**
 * The metering pass: rewrites a WASM module so that gas, stack depth and memory are counted exactly and alike on every engine. Pure
 * bytes to bytes. It adds exported globals: `gas` (i64, what is left; the host sets it), `depth` (i32), `pages` (i32, the virtual memory
 * size) and `stackLow` (i32, the lowest stack pointer since the host set it). Sources of the method and of the numbers: docs/adr/0020-metered-quickjs.md.
 */
import { assert } from "../../kit/assert.ts";
import { readModule, type WasmModule } from "./module.ts";
import { findRecursive } from "./recursion.ts";
import { type MeterGlobals, rewriteBody } from "./rewrite.ts";
import { SECTION, TYPE, WasmReader, WasmWriter } from "./wasm-binary.ts";

export interface MeterOptions {
  /** How much dearer than its cheapest sibling a branch may be before it pays for itself. */
  readonly branchTolerance: number;
  /** Bulk memory operations cost `length >> bulkShift`. */
  readonly bulkShift: number;
  /** Gas of one 64 KiB page of memory. */
  readonly growGas: number;
  readonly pagesMax: number;
  /** Units of stack; see `depthOf`. */
  readonly depthMax: number;
  /** The C compiler's stack pointer: the one global of the module that changes. */
  readonly stackPointerGlobal: number;
}

/** In the order of their indices, which follow the module's own. */
const ADDED_GLOBALS = ["gas", "depth", "pages", "stackLow"] as const;

function withCount(original: Uint8Array, start: number, end: number, added: number, append: (writer: WasmWriter) => void): Uint8Array {
  const reader = new WasmReader(original, start);
  const writer = new WasmWriter(end - start + 64);
  writer.unsigned(reader.unsigned() + added);
  writer.append(original.subarray(reader.position, end));
  append(writer);
  return writer.finish();
}

function globalSection(module: WasmModule): Uint8Array {
  const section = module.sections.find((candidate) => candidate.id === SECTION.global);
  const append = (writer: WasmWriter): void => {
    writer.byte(TYPE.i64, 1, 0x42, 0, 0x0b);
    writer.byte(TYPE.i32, 1, 0x41, 0, 0x0b);
    writer.byte(TYPE.i32, 1, 0x41);
    writer.signed(module.memoryPages);
    writer.byte(0x0b);
    writer.byte(TYPE.i32, 1, 0x41, 0, 0x0b);
  };
  if (section) return withCount(module.bytes, section.start, section.end, ADDED_GLOBALS.length, append);
  const writer = new WasmWriter();
  writer.unsigned(ADDED_GLOBALS.length);
  append(writer);
  return writer.finish();
}

function exportSection(module: WasmModule, start: number, end: number, globals: MeterGlobals): Uint8Array {
  return withCount(module.bytes, start, end, ADDED_GLOBALS.length, (writer) => {
    for (const name of ADDED_GLOBALS) {
      writer.name(name);
      writer.byte(3);
      writer.unsigned(globals[name]);
    }
  });
}

function codeSection(module: WasmModule, globals: MeterGlobals, options: MeterOptions): Uint8Array {
  const recursive = findRecursive(module);
  const writer = new WasmWriter(module.bytes.length * 2);
  writer.unsigned(module.functions.length);
  module.functions.forEach((body, index) => {
    const rewritten = rewriteBody(module, body, { recursive: recursive[index] === 1, globals, options });
    writer.unsigned(rewritten.length);
    writer.append(rewritten);
  });
  return writer.finish();
}

/** @throws {AssertionError} if the module has instructions or sections that the pass does not allow. */
export function meter(wasm: Uint8Array, options: MeterOptions): Uint8Array {
  const module = readModule(wasm);
  assert(
    module.mutableGlobals.length === 1 && module.mutableGlobals[0] === options.stackPointerGlobal,
    "nothing but the stack pointer changes outside memory",
  );
  const globals: MeterGlobals = {
    gas: module.globals,
    depth: module.globals + 1,
    pages: module.globals + 2,
    stackLow: module.globals + 3,
  };
  const writer = new WasmWriter(wasm.length * 2);
  writer.append(wasm.subarray(0, 8));
  let globalsWritten = false;
  for (const { id, start, end } of module.sections) {
    if (id === SECTION.custom) continue; // names and features: nothing that runs
    if (!globalsWritten && id >= SECTION.global) {
      writer.section(SECTION.global, globalSection(module));
      globalsWritten = true;
    }
    if (id === SECTION.global) continue;
    if (id === SECTION.export) writer.section(id, exportSection(module, start, end, globals));
    else if (id === SECTION.code) writer.section(id, codeSection(module, globals, options));
    else writer.section(id, wasm.subarray(start, end));
  }
  return writer.finish();
}
