/**
 * Trace follows things through a supply chain: who held an item when, and what stage it had reached.
 *
 * Each item is one entry of state, and so is each of its steps; an entry is only ever read or written by its key, so a call costs the
 * same on the first day and after a million items.
 */
export const manifest = {
  name: "Trace",
  description: "Follows items from hand to hand, from raw material to customer.",
  methods: {
    create: {
      description: "Begins the history of an item. You hold it first.",
      input: {
        type: "object",
        properties: {
          item: {
            type: "string",
            title: "Item",
            description: "What is printed on it: a serial number, a code",
            minLength: 1,
            maxLength: 64,
          },
          name: { type: "string", title: "Name", maxLength: 100 },
        },
        required: ["item", "name"],
      },
    },
    handOver: {
      description: "Passes an item that you hold to the next holder, at a new stage.",
      input: {
        type: "object",
        properties: {
          item: { type: "string", title: "Item", minLength: 1, maxLength: 64 },
          to: { type: "string", title: "Next holder", description: "An account, did:key:…", maxLength: 128 },
          stage: { type: "string", title: "Stage", enum: ["raw material", "part", "product", "channel", "retailer", "customer"] },
          note: { type: "string", title: "Note", maxLength: 200 },
        },
        required: ["item", "to", "stage"],
      },
    },
    trace: {
      description: "The item and all its steps so far.",
      input: {
        type: "object",
        properties: { item: { type: "string", title: "Item", minLength: 1, maxLength: 64 } },
        required: ["item"],
      },
    },
  },
  views: ["trace"],
};

/** An item may move forward or stay where it is, never back. */
const STAGES = ["raw material", "part", "product", "channel", "retailer", "customer"];

/** A history is bounded, so that `trace` can show all of it at once. */
const STEPS_MAX = 99;

const itemKey = (item) => `item/${item}`;

/** Keys are listed in the order of their bytes: padded numbers keep steps in the order in which they happened. */
const stepKey = (item, step) => `step/${item}/${String(step).padStart(2, "0")}`;

export function create(ctx, { item, name }) {
  ctx.require(typeof item === "string" && /^[^/]{1,64}$/.test(item), "item-invalid");
  ctx.require(ctx.state.get(itemKey(item)) === undefined, "item-exists");
  ctx.state.set(itemKey(item), { name: String(name), holder: ctx.caller, stage: STAGES[0], steps: 1 });
  ctx.state.set(stepKey(item, 0), { stage: STAGES[0], holder: ctx.caller, timeMs: ctx.block.timeMs, note: "" });
  ctx.emit("created", { item, holder: ctx.caller });
}

export function handOver(ctx, { item, to, stage, note = "" }) {
  const known = ctx.state.get(itemKey(item));
  ctx.require(known !== undefined, "item-unknown");
  ctx.require(known.holder === ctx.caller, "not-the-holder");
  ctx.require(STAGES.includes(stage), "stage-unknown");
  ctx.require(STAGES.indexOf(stage) >= STAGES.indexOf(known.stage), "stage-goes-back");
  ctx.require(known.steps < STEPS_MAX, "history-full");
  ctx.state.set(stepKey(item, known.steps), { stage, holder: to, timeMs: ctx.block.timeMs, note: String(note) });
  ctx.state.set(itemKey(item), { ...known, holder: to, stage, steps: known.steps + 1 });
  ctx.emit("handed-over", { item, from: ctx.caller, to, stage });
}

export function trace(ctx, { item }) {
  const known = ctx.state.get(itemKey(item));
  ctx.require(known !== undefined, "item-unknown");
  const steps = ctx.state.list(`step/${item}/`).map(([, step]) => step);
  return { item, name: known.name, holder: known.holder, stage: known.stage, steps };
}
