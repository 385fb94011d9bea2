/**
 * Tally asks a question and counts one answer an account. An answer can be changed until the tally is closed.
 *
 * It shows the pattern of every counter on a ledger: what one account did is kept under that account's key, and the sums beside it are
 * moved by the difference, so that nothing has to be counted again.
 */
export const manifest = {
  name: "Tally",
  description: "Asks a question and counts one answer an account.",
  methods: {
    ask: {
      description: "Sets the question, once. Only the one who deployed the contract can.",
      input: {
        type: "object",
        properties: {
          question: { type: "string", title: "Question", minLength: 1, maxLength: 200 },
          answers: { type: "array", title: "Answers", items: { type: "string", minLength: 1, maxLength: 60 }, minItems: 2, maxItems: 20 },
        },
        required: ["question", "answers"],
      },
    },
    answer: {
      description: "Gives your answer, or changes it.",
      input: {
        type: "object",
        properties: { answer: { type: "string", title: "Answer", minLength: 1, maxLength: 60 } },
        required: ["answer"],
      },
    },
    close: { description: "Ends the tally. Only the one who deployed the contract can." },
    result: { description: "The question and the count of each answer." },
    answerOf: {
      description: "What an account has answered.",
      input: {
        type: "object",
        properties: { account: { type: "string", title: "Account", description: "did:key:…", maxLength: 128 } },
        required: ["account"],
      },
    },
  },
  views: ["result", "answerOf"],
};

/** Runs once, when the contract is deployed. */
export function init(ctx) {
  ctx.state.set("owner", ctx.caller);
}

export function ask(ctx, { question, answers }) {
  ctx.require(ctx.caller === ctx.state.get("owner"), "not-the-owner");
  ctx.require(ctx.state.get("question") === undefined, "already-asked");
  ctx.require(Array.isArray(answers) && answers.length >= 2 && answers.length <= 20, "answers-invalid");
  ctx.require(new Set(answers).size === answers.length, "answers-repeat");
  ctx.require(
    answers.every((answer) => typeof answer === "string" && answer.length >= 1 && answer.length <= 60),
    "answers-invalid",
  );
  ctx.state.set("question", { text: String(question), answers });
  for (const answer of answers) ctx.state.set(`count/${answer}`, 0);
  ctx.emit("asked", { question: String(question) });
}

export function answer(ctx, { answer: given }) {
  const question = ctx.state.get("question");
  ctx.require(question !== undefined, "nothing-asked");
  ctx.require(ctx.state.get("closed") === undefined, "closed");
  ctx.require(question.answers.includes(given), "no-such-answer");
  const key = `answer/${ctx.caller}`;
  const before = ctx.state.get(key);
  if (before === given) return;
  if (before !== undefined) ctx.state.set(`count/${before}`, ctx.state.get(`count/${before}`) - 1);
  ctx.state.set(`count/${given}`, ctx.state.get(`count/${given}`) + 1);
  ctx.state.set(key, given);
  ctx.emit("answered", { account: ctx.caller, answer: given });
}

export function close(ctx) {
  ctx.require(ctx.caller === ctx.state.get("owner"), "not-the-owner");
  ctx.require(ctx.state.get("question") !== undefined, "nothing-asked");
  ctx.state.set("closed", true);
  ctx.emit("closed");
}

export function result(ctx) {
  const question = ctx.state.get("question");
  ctx.require(question !== undefined, "nothing-asked");
  const counts = question.answers.map((answer) => ({ answer, count: ctx.state.get(`count/${answer}`) }));
  return { question: question.text, counts, closed: ctx.state.get("closed") === true };
}

export function answerOf(ctx, { account }) {
  return ctx.state.get(`answer/${account}`) ?? null;
}
