/** A WASM module taken apart as far as the metering pass needs. */
import { assert } from "../../kit/assert.ts";
import { Instruction, OP } from "./instructions.ts";
import { SECTION, WasmReader } from "./wasm-binary.ts";

export interface WasmFunction {
  readonly typeIndex: number;
  /** Where the vector of local declarations begins, without its count. */
  readonly localsStart: number;
  readonly localGroups: number;
  /** Parameters and declared locals together: the index of the first local that the pass may add. */
  readonly localCount: number;
  readonly codeStart: number;
  readonly end: number;
}

export interface WasmModule {
  readonly bytes: Uint8Array;
  readonly sections: readonly { readonly id: number; readonly start: number; readonly end: number }[];
  readonly types: readonly { readonly parameters: number; readonly results: readonly number[] }[];
  readonly importedFunctions: number;
  readonly globals: number;
  /** Own globals that can change; a snapshot has to hold them. */
  readonly mutableGlobals: readonly number[];
  readonly memoryPages: number;
  readonly functions: readonly WasmFunction[];
  /** Function indices that stand in a table. */
  readonly tableFunctions: readonly number[];
}

function readImports(reader: WasmReader): { functions: number; globals: number } {
  const counts = { functions: 0, globals: 0 };
  const skipLimits = (): void => {
    const flags = reader.byte();
    reader.unsigned();
    if (flags & 1) reader.unsigned();
  };
  reader.vector(() => {
    reader.name();
    reader.name();
    const kind = reader.byte();
    if (kind === 0) {
      reader.unsigned();
      counts.functions++;
    } else if (kind === 1) {
      reader.byte();
      skipLimits();
    } else if (kind === 2) skipLimits();
    else {
      reader.byte();
      reader.byte();
      counts.globals++;
    }
  });
  return counts;
}

function skipExpression(reader: WasmReader, instruction: Instruction): void {
  do instruction.read(reader);
  while (instruction.op !== OP.end);
}

function readFunctions(
  bytes: Uint8Array,
  code: number,
  typeIndices: readonly number[],
  types: WasmModule["types"],
): readonly WasmFunction[] {
  const reader = new WasmReader(bytes, code);
  let next = 0;
  return reader.vector(() => {
    const typeIndex = typeIndices[next++]!;
    const size = reader.unsigned();
    const end = reader.position + size;
    const localGroups = reader.unsigned();
    const localsStart = reader.position;
    let localCount = types[typeIndex]!.parameters;
    for (let group = 0; group < localGroups; group++) {
      localCount += reader.unsigned();
      reader.byte();
    }
    const codeStart = reader.position;
    reader.position = end;
    return { typeIndex, localsStart, localGroups, localCount, codeStart, end };
  });
}

/** @throws {AssertionError} if the bytes are no module of the kind that the pass takes. */
export function readModule(bytes: Uint8Array): WasmModule {
  const reader = new WasmReader(bytes, 8);
  const sections: { id: number; start: number; end: number }[] = [];
  while (reader.position < bytes.length) {
    const id = reader.byte();
    const size = reader.unsigned();
    sections.push({ id, start: reader.position, end: reader.position + size });
    reader.position += size;
  }
  const at = (id: number): WasmReader | undefined => {
    const section = sections.find((candidate) => candidate.id === id);
    return section && new WasmReader(bytes, section.start);
  };
  const instruction = new Instruction();
  const typeReader = at(SECTION.type);
  const types =
    typeReader?.vector(() => {
      assert(typeReader.byte() === 0x60, "only function types");
      const parameters = typeReader.vector(() => typeReader.byte()).length;
      return { parameters, results: typeReader.vector(() => typeReader.byte()) };
    }) ?? [];
  const importReader = at(SECTION.import);
  const imports = importReader ? readImports(importReader) : { functions: 0, globals: 0 };
  const functionReader = at(SECTION.function);
  const typeIndices = functionReader?.vector(() => functionReader.unsigned()) ?? [];
  const mutableGlobals: number[] = [];
  const globalReader = at(SECTION.global);
  let globals = imports.globals;
  globalReader?.vector(() => {
    globalReader.byte();
    if (globalReader.byte() === 1) mutableGlobals.push(globals);
    skipExpression(globalReader, instruction);
    globals++;
  });
  const elementReader = at(SECTION.element);
  const tableFunctions =
    elementReader?.vector(() => {
      assert(elementReader.unsigned() === 0, "only active element segments of functions");
      skipExpression(elementReader, instruction);
      return elementReader.vector(() => elementReader.unsigned());
    }) ?? [];
  const memoryReader = at(SECTION.memory);
  assert(memoryReader && memoryReader.unsigned() === 1, "one memory of the module's own");
  memoryReader.byte();
  const memoryPages = memoryReader.unsigned();
  const code = sections.find((section) => section.id === SECTION.code);
  return {
    bytes,
    sections,
    types,
    importedFunctions: imports.functions,
    globals,
    mutableGlobals,
    memoryPages,
    functions: code ? readFunctions(bytes, code.start, typeIndices, types) : [],
    tableFunctions: tableFunctions.flat(),
  };
}
