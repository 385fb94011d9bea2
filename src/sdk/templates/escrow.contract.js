/**
 * Escrow keeps a buyer's tokens until the goods have come: the buyer releases them to the seller, or gets them back.
 *
 * One contract holds one deal, so that the tokens of two deals can never be mixed. The buyer deploys it, agrees on the terms, and sends
 * it tokens with the operation `contract.fund` (both may be calls of one transaction).
 */
export const manifest = {
  name: "Escrow",
  description: "Keeps the price until the buyer releases it, or gives it back after a deadline.",
  methods: {
    agree: {
      description: "Sets the terms, once. Only the one who deployed the contract, the buyer, can.",
      input: {
        type: "object",
        properties: {
          seller: { type: "string", title: "Seller", description: "An account, did:key:…", maxLength: 128 },
          amount: { type: "integer", title: "Price", minimum: 1 },
          // A moment, in milliseconds since 1970: forms ask for a date and a time.
          refundAfterMs: { type: "integer", format: "date-time", title: "Refund from", minimum: 0 },
        },
        required: ["seller", "amount", "refundAfterMs"],
      },
    },
    release: { description: "The goods are here: pays the seller. Only the buyer can." },
    refund: { description: "Pays the buyer back: the seller can at any time, the buyer after the deadline." },
    deal: { description: "The terms, and how the deal stands." },
  },
  views: ["deal"],
};

/** Runs once, when the contract is deployed. */
export function init(ctx) {
  ctx.state.set("buyer", ctx.caller);
}

export function agree(ctx, { seller, amount, refundAfterMs }) {
  ctx.require(ctx.caller === ctx.state.get("buyer"), "not-the-buyer");
  ctx.require(ctx.state.get("terms") === undefined, "already-agreed");
  ctx.require(typeof seller === "string" && seller !== ctx.caller, "seller-invalid");
  ctx.require(Number.isSafeInteger(amount) && amount >= 1, "amount-invalid");
  ctx.require(Number.isSafeInteger(refundAfterMs) && refundAfterMs > ctx.block.timeMs, "deadline-passed");
  ctx.state.set("terms", { seller, amount, refundAfterMs });
  ctx.state.set("status", "open");
  ctx.emit("agreed", { seller, amount, refundAfterMs });
}

/** The terms of a deal that is still open. */
function openTerms(ctx) {
  ctx.require(ctx.state.get("status") === "open", "not-open");
  return ctx.state.get("terms");
}

/**
 * Ends the deal before anything is paid. If the payment is refused, say because the contract was never funded, the whole call fails, and
 * with it this change.
 */
function close(ctx, status, to, amount) {
  ctx.state.set("status", status);
  ctx.transfer(to, amount);
  ctx.emit(status, { to, amount });
}

export function release(ctx) {
  const { seller, amount } = openTerms(ctx);
  ctx.require(ctx.caller === ctx.state.get("buyer"), "not-the-buyer");
  close(ctx, "released", seller, amount);
}

export function refund(ctx) {
  const { seller, amount, refundAfterMs } = openTerms(ctx);
  const buyer = ctx.state.get("buyer");
  const due = ctx.caller === buyer && ctx.block.timeMs >= refundAfterMs;
  ctx.require(ctx.caller === seller || due, "not-yet");
  close(ctx, "refunded", buyer, amount);
}

export function deal(ctx) {
  return { buyer: ctx.state.get("buyer"), terms: ctx.state.get("terms") ?? null, status: ctx.state.get("status") ?? "no terms yet" };
}
