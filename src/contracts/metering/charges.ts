/**
 * Where a function pays, and how much. A charge stands at the function's entry, at every loop's head, and where one branch is so much
 * dearer than its siblings that paying for the dearest up front would be unfair. Between two charges no loop can run, so each charge
 * covers the longest road to the next ones: gas is an upper bound of the work, never below it, and the same on every engine because it
 * depends on the taken branches alone.
 */
import { assert } from "../../kit/assert.ts";
import { Instruction, INSTRUCTION_GAS, OP } from "./instructions.ts";
import type { WasmFunction } from "./module.ts";
import { WasmReader } from "./wasm-binary.ts";

export interface Charge {
  readonly gas: number;
  /** Whether running out is looked for here: at entries and loop heads, so that no work is unbounded. */
  readonly checked: boolean;
}

export interface ChargePlan {
  /** Charges by the position in the module's bytes before which they are paid. */
  readonly charges: ReadonlyMap<number, Charge>;
  readonly hasLoop: boolean;
  readonly needsIntegerScratch: boolean;
  readonly needsFloatScratch: boolean;
}

/** A basic block: straight code with one entry. */
interface Block {
  position: number;
  gas: number;
  successors: Block[];
  charged: boolean;
  checked: boolean;
  /** The function's exit, after which nothing is paid. */
  readonly exit: boolean;
  /** Where an absent `else` leads. */
  alias: Block | undefined;
  /** Gas from here to the next charges, the longest road. */
  road: number;
}

interface Frame {
  readonly kind: number;
  readonly target: Block;
  otherwise: Block | undefined;
  readonly deadBefore: boolean;
}

/** Reads a function into basic blocks, by the structure of its code alone. */
class BlockReader {
  readonly blocks: Block[] = [];
  hasLoop = false;
  needsIntegerScratch = false;
  needsFloatScratch = false;
  #current: Block;
  #dead = false;
  readonly #exit = this.#block(true);
  readonly #frames: Frame[] = [{ kind: OP.block, target: this.#exit, otherwise: undefined, deadBefore: false }];

  constructor(start: number) {
    this.#current = this.#place(this.#block(), start);
    this.#current.gas = 1;
    this.#current.charged = this.#current.checked = true;
  }

  #block(exit = false): Block {
    return { position: -1, gas: 0, successors: [], charged: false, checked: false, exit, alias: undefined, road: 0 };
  }

  #place(block: Block, position: number): Block {
    block.position = position;
    this.blocks.push(block);
    return block;
  }

  #flow(target: Block): void {
    if (!this.#dead) this.#current.successors.push(target);
  }

  #branch(depth: number): void {
    const frame = this.#frames[this.#frames.length - 1 - depth];
    assert(frame, "a branch has a target");
    this.#flow(frame.target);
  }

  #open(kind: number, target: Block, otherwise?: Block): void {
    this.#frames.push({ kind, target, otherwise, deadBefore: this.#dead });
  }

  #close(position: number): void {
    const frame = this.#frames.pop();
    assert(frame, "an end has a beginning");
    if (frame.kind === OP.loop) return;
    this.#flow(frame.target);
    if (frame.target === this.#exit) return;
    if (frame.otherwise) frame.otherwise.alias = frame.target;
    this.#current = this.#place(frame.target, position);
    this.#dead = false;
  }

  #otherwise(position: number): void {
    const frame = this.#frames[this.#frames.length - 1];
    assert(frame?.otherwise, "an else has an if");
    this.#flow(frame.target);
    this.#current = this.#place(frame.otherwise, position);
    frame.otherwise = undefined;
    this.#dead = frame.deadBefore;
  }

  #structure(instruction: Instruction, position: number): void {
    switch (instruction.op) {
      case OP.block:
        return this.#open(OP.block, this.#block());
      case OP.loop: {
        this.hasLoop = true;
        const head = this.#place(this.#block(), position);
        head.gas = 1;
        head.charged = head.checked = true;
        this.#flow(head);
        this.#open(OP.loop, head);
        this.#current = head;
        return;
      }
      case OP.if: {
        const then = this.#place(this.#block(), position);
        const otherwise = this.#block();
        this.#flow(then);
        this.#flow(otherwise);
        this.#open(OP.if, this.#block(), otherwise);
        this.#current = then;
        return;
      }
      case OP.else:
        return this.#otherwise(position);
      case OP.end:
        return this.#close(position);
      case OP.brIf: {
        this.#branch(instruction.index);
        const next = this.#place(this.#block(), position);
        this.#flow(next);
        this.#current = next;
        return;
      }
      case OP.br:
        this.#branch(instruction.index);
        break;
      case OP.brTable:
        for (const target of new Set(instruction.targets)) this.#branch(target);
        break;
      case OP.return:
        this.#flow(this.#exit);
        break;
      case OP.unreachable:
        break;
      default:
        return;
    }
    this.#dead = true;
  }

  step(instruction: Instruction, position: number, isFloat: boolean): void {
    if (!this.#dead) this.#current.gas += INSTRUCTION_GAS[instruction.op]!;
    if (isFloat) this.needsFloatScratch = true;
    if (instruction.isBulk || instruction.op === OP.memoryGrow) this.needsIntegerScratch = true;
    this.#structure(instruction, position);
  }
}

/** The cheapest and the dearest road from a block's successors to their next charges. */
function roadsOf(block: Block): { least: number; most: number } {
  let least = Infinity;
  let most = 0;
  for (const next of block.successors) {
    const road = next.exit || next.charged ? 0 : next.road;
    least = Math.min(least, road);
    most = Math.max(most, road);
  }
  return { least, most };
}

/** One pass from the last block to the first; says whether a branch became a charge of its own, so that the roads change again. */
function settleRoads(blocks: readonly Block[], tolerance: number): boolean {
  let changed = false;
  for (let i = blocks.length - 1; i >= 0; i--) {
    const block = blocks[i]!;
    const roads = roadsOf(block);
    let most = roads.most;
    if (block.successors.length > 1 && most - roads.least > tolerance) {
      most = roads.least;
      for (const next of block.successors) {
        if (next.exit || next.charged) continue;
        if (next.road - roads.least > tolerance) next.charged = changed = true;
        else most = Math.max(most, next.road);
      }
    }
    block.road = block.gas + most;
  }
  return changed;
}

/** Rounds after which the roads must have settled; real modules need fewer than ten. */
const ROUNDS_MAX = 64;

/** Plans the charges of one function. `tolerance`: how much dearer than its cheapest sibling a branch may be without a charge of its own. */
export function planCharges(
  bytes: Uint8Array,
  body: WasmFunction,
  options: { tolerance: number; isFloat: (op: number) => boolean },
): ChargePlan {
  const reader = new WasmReader(bytes, body.codeStart);
  const walker = new BlockReader(body.codeStart);
  const instruction = new Instruction();
  while (reader.position < body.end) {
    instruction.read(reader);
    walker.step(instruction, reader.position, options.isFloat(instruction.op));
  }
  const blocks = walker.blocks.sort((a, b) => a.position - b.position);
  for (const block of blocks) block.successors = block.successors.map((next) => next.alias ?? next);
  let rounds = 0;
  while (settleRoads(blocks, options.tolerance)) assert(++rounds < ROUNDS_MAX, "charges settle");
  const charges = new Map<number, Charge>();
  for (const block of blocks) if (block.charged) charges.set(block.position, { gas: block.road, checked: block.checked });
  return {
    charges,
    hasLoop: walker.hasLoop,
    needsIntegerScratch: walker.needsIntegerScratch,
    needsFloatScratch: walker.needsFloatScratch,
  };
}
