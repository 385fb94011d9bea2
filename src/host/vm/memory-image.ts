/** A machine's memory at one moment, to which it can be set back. Pages that an image shares with its base are kept once. */
import type { QuickJsExports } from "./quickjs-exports.ts";

const PAGE_BYTES = 4096;
const WASM_PAGE_BYTES = 65536;

interface Segment {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface MemoryImage {
  /** Virtual pages of 64 KiB. */
  readonly pages: number;
  readonly stackPointer: number;
  /** What is not zero, by ascending offset, without overlaps. */
  readonly segments: readonly Segment[];
  /** The whole memory; only a base has it. */
  readonly whole: Uint8Array | undefined;
}

function isZero(words: Uint32Array, page: number): boolean {
  const end = (page + 1) * (PAGE_BYTES / 4);
  for (let i = page * (PAGE_BYTES / 4); i < end; i++) if (words[i] !== 0) return false;
  return true;
}

function isSame(words: Uint32Array, base: Uint32Array, page: number): boolean {
  const end = (page + 1) * (PAGE_BYTES / 4);
  if (end > base.length) return false;
  for (let i = page * (PAGE_BYTES / 4); i < end; i++) if (words[i] !== base[i]) return false;
  return true;
}

/** The C compiler lets leaf functions write this far below the stack pointer (LLVM's red zone for WebAssembly). */
const RED_ZONE_BYTES = 128;

/** Clears the stack that was used: it grows downward from `stackTop`, and nothing lives on it between runs. */
function clearStack(exports: QuickJsExports, memory: Uint8Array, stackTop: number): void {
  memory.fill(0, Math.max(0, exports.stackLow.value - RED_ZONE_BYTES), stackTop);
  exports.stackLow.value = stackTop;
}

/** Copies what is not zero and not the same as in `base`. */
export function takeImage(exports: QuickJsExports, base?: MemoryImage): MemoryImage {
  const pages = exports.pages.value;
  const length = pages * WASM_PAGE_BYTES;
  const memory = new Uint8Array(exports.memory.buffer, 0, length);
  clearStack(exports, memory, exports.__stack_pointer.value);
  const whole = base ? undefined : memory.slice();
  const words = new Uint32Array(exports.memory.buffer, 0, length / 4);
  const baseBytes = base?.whole ?? whole!;
  const baseWords = new Uint32Array(baseBytes.buffer);
  const segments: Segment[] = [];
  let start = 0;
  let kind: "zero" | "base" | "own" = "zero";
  const close = (end: number): void => {
    if (kind === "zero" || start === end) return;
    segments.push({ offset: start, bytes: kind === "base" ? baseBytes.subarray(start, end) : memory.slice(start, end) });
  };
  for (let page = 0; page < length / PAGE_BYTES; page++) {
    const next = isZero(words, page) ? "zero" : isSame(words, baseWords, page) ? "base" : "own";
    if (next === kind) continue;
    close(page * PAGE_BYTES);
    start = page * PAGE_BYTES;
    kind = next;
  }
  close(length);
  return { pages, stackPointer: exports.__stack_pointer.value, segments, whole };
}

/** Sets memory and globals back: all data and heap, and the stack as far as it was used. Nothing of one call reaches the next. */
export function restoreImage(exports: QuickJsExports, image: MemoryImage): void {
  const length = Math.max(exports.pages.value, image.pages) * WASM_PAGE_BYTES;
  const memory = new Uint8Array(exports.memory.buffer);
  clearStack(exports, memory, image.stackPointer);
  let position = image.stackPointer;
  for (const { offset, bytes } of image.segments) {
    if (position < offset) memory.fill(0, position, offset);
    memory.set(bytes, offset);
    position = offset + bytes.length;
  }
  if (position < length) memory.fill(0, position, length);
  exports.pages.value = image.pages;
  exports.__stack_pointer.value = image.stackPointer;
  exports.depth.value = 0;
}
