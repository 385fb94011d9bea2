/** Which functions can call themselves, directly or through others: only they need to count stack depth. */
import { assert } from "../../kit/assert.ts";
import { Instruction, OP } from "./instructions.ts";
import type { WasmModule } from "./module.ts";
import { WasmReader } from "./wasm-binary.ts";

/**
 * Successors of each node of the call graph. Nodes 0 to n − 1 are the module's own functions; node n + t stands for "any function of
 * type t in the table", the target of an indirect call.
 */
function callGraph(module: WasmModule): readonly ReadonlySet<number>[] {
  const functionCount = module.functions.length;
  const successors = Array.from({ length: functionCount + module.types.length }, () => new Set<number>());
  for (const index of module.tableFunctions) {
    const own = index - module.importedFunctions;
    if (own >= 0) successors[functionCount + module.functions[own]!.typeIndex]!.add(own);
  }
  const instruction = new Instruction();
  module.functions.forEach((body, caller) => {
    const reader = new WasmReader(module.bytes, body.codeStart);
    while (reader.position < body.end) {
      instruction.read(reader);
      if (instruction.op === OP.call && instruction.index >= module.importedFunctions) {
        successors[caller]!.add(instruction.index - module.importedFunctions);
      } else if (instruction.op === OP.callIndirect) successors[caller]!.add(functionCount + instruction.index);
    }
  });
  return successors;
}

/** Tarjan's strongly connected components (1972), iterative. Gives 1 for every own function that lies on a cycle of the call graph. */
export function findRecursive(module: WasmModule): Uint8Array {
  const successors = callGraph(module);
  const count = successors.length;
  const order = new Int32Array(count).fill(-1);
  const low = new Int32Array(count);
  const onStack = new Uint8Array(count);
  const recursive = new Uint8Array(count);
  const stack: number[] = [];
  let next = 0;

  const closeComponent = (root: number): void => {
    const members: number[] = [];
    for (;;) {
      const member = stack.pop();
      assert(member !== undefined, "a component has a root");
      onStack[member] = 0;
      members.push(member);
      if (member === root) break;
    }
    if (members.length > 1 || successors[root]!.has(root)) for (const member of members) recursive[member] = 1;
  };
  const open = (node: number): { node: number; edges: number[]; at: number } => {
    order[node] = low[node] = next++;
    stack.push(node);
    onStack[node] = 1;
    return { node, edges: [...successors[node]!], at: 0 };
  };

  for (let start = 0; start < count; start++) {
    if (order[start]! >= 0) continue;
    const work = [open(start)];
    while (work.length > 0) {
      const frame = work[work.length - 1]!;
      const target = frame.edges[frame.at++];
      if (target === undefined) {
        work.pop();
        const parent = work[work.length - 1];
        if (parent) low[parent.node] = Math.min(low[parent.node]!, low[frame.node]!);
        if (low[frame.node] === order[frame.node]) closeComponent(frame.node);
      } else if (order[target]! < 0) work.push(open(target));
      else if (onStack[target]) low[frame.node] = Math.min(low[frame.node]!, low[target]!);
    }
  }
  return recursive.subarray(0, module.functions.length);
}
