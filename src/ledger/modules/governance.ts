/** `governance`: those who have a vote change who is in, what members may do, and the parameters. */
import { equalBytes } from "../../kit/bytes.ts";
import type { Value } from "../../protocol/codec.ts";
import type { Parameters } from "../../protocol/genesis.ts";
import { asHash, type Hash } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { requireThat } from "../../protocol/refusal.ts";
import { readBoolean, readInteger, readMap } from "../../protocol/schema.ts";
import { parametersOf, writeParameters } from "../accounts.ts";
import { votersOf, writeMember } from "../members.ts";
import { createdId, operation, type CallContext, type CheckContext } from "../operation.ts";
import {
  changedParameters,
  checkChange,
  forgetExpired,
  forgetProposal,
  listProposals,
  proposalOf,
  readChange,
  tallyOf,
  writeProposal,
  type Proposal,
  type ProposedChange,
} from "../proposals.ts";
import { readShortText } from "../texts.ts";
import { endSeatsOf } from "./seat.ts";

interface Propose {
  readonly change: ProposedChange;
  readonly note: string;
  readonly untilMs: number;
}

interface Vote {
  readonly proposal: Hash;
  readonly approve: boolean;
}

const OF_CONSENSUS: readonly (keyof Parameters)[] = ["baseTimeoutMs", "heartbeatMs", "recoveryMs"];

/** @throws {Refusal} `not-authorized`. */
function checkVoter({ state, sender }: CheckContext): void {
  requireThat(
    votersOf(state).some((voter) => equalBytes(voter, sender)),
    "not-authorized",
    { role: "vote" },
  );
}

/** @throws {Refusal} `unknown-proposal`, `expired`. */
function openProposal({ state, timeMs }: CheckContext, id: Hash): Proposal {
  const proposal = proposalOf(state, id);
  requireThat(proposal !== undefined, "unknown-proposal");
  requireThat(proposal.untilMs > timeMs, "expired", { untilMs: proposal.untilMs, timeMs });
  return proposal;
}

function makeChange(context: CallContext, change: ProposedChange): void {
  const { state, block, emit } = context;
  if (change.kind === "parameters") {
    const before = parametersOf(state);
    const after = changedParameters(state, change.parameters);
    writeParameters(state, after);
    if (OF_CONSENSUS.some((name) => before[name] !== after[name])) block.consensusChanged = true;
    emit("governance.parametersChanged", { parameters: change.parameters as unknown as Value });
    return;
  }
  writeMember(state, change.account, change.roles);
  // Its seat was for its vote.
  if (change.roles?.includes("vote") !== true) endSeatsOf(context, change.account);
  emit("governance.memberChanged", { account: change.account, roles: change.roles });
}

function execute(context: CallContext, id: Hash, proposal: Proposal): void {
  forgetProposal(context.state, id, proposal);
  makeChange(context, proposal.change);
  context.emit("governance.executed", { proposal: id, kind: proposal.change.kind });
}

const propose = operation<Propose>({
  read(value) {
    const map = readMap(value, "propose", ["change", "note", "untilMs"]);
    return {
      change: readChange(map["change"]),
      note: readShortText(map["note"], "note", LIMITS.proposalNoteBytesMax),
      untilMs: readInteger(map["untilMs"], "untilMs"),
    };
  },
  check(context, { change, untilMs }) {
    const { state, sender, timeMs } = context;
    checkVoter(context);
    requireThat(untilMs > timeMs, "expired", { untilMs, timeMs });
    requireThat(untilMs <= timeMs + LIMITS.proposalMsMax, "valid-too-long", { untilMs, latestMs: timeMs + LIMITS.proposalMsMax });
    const open = listProposals(state).filter((proposal) => proposal.untilMs > timeMs);
    requireThat(open.length < LIMITS.proposalsMax, "limit-exceeded", { proposalsMax: LIMITS.proposalsMax });
    const own = open.filter(({ proposer }) => equalBytes(proposer, sender)).length;
    requireThat(own < LIMITS.proposalsPerAccountMax, "limit-exceeded", { proposalsPerAccountMax: LIMITS.proposalsPerAccountMax });
    checkChange(state, change);
  },
  apply(context, { change, note, untilMs }) {
    const { state, sender, timeMs, emit } = context;
    const id = createdId(context);
    forgetExpired(state, timeMs);
    const proposal = { proposer: sender, change, note, createdMs: timeMs, untilMs, votes: [{ account: sender, approve: true }] };
    emit("governance.proposed", { proposal: id, proposer: sender, kind: change.kind });
    const { approving, needed } = tallyOf(state, proposal);
    // Where one vote is enough, as an owner's, there is nobody to wait for.
    if (approving >= needed) execute(context, id, proposal);
    else writeProposal(state, id, proposal);
    return id;
  },
});

const vote = operation<Vote>({
  read(value) {
    const map = readMap(value, "vote", ["proposal", "approve"]);
    return { proposal: asHash(map["proposal"]), approve: readBoolean(map["approve"], "approve") };
  },
  check(context, { proposal }) {
    checkVoter(context);
    openProposal(context, proposal);
  },
  apply(context, { proposal: id, approve }) {
    const { state, sender, emit } = context;
    const proposal = openProposal(context, id);
    const voters = votersOf(state);
    // Those who have no vote any more are left out, so that there are never more than voters.
    const others = proposal.votes.filter(
      ({ account }) => !equalBytes(account, sender) && voters.some((voter) => equalBytes(voter, account)),
    );
    writeProposal(state, id, { ...proposal, votes: [...others, { account: sender, approve }] });
    emit("governance.voted", { proposal: id, account: sender, approve });
    return null;
  },
});

const executeProposal = operation<{ readonly proposal: Hash }>({
  read: (value) => ({ proposal: asHash(readMap(value, "execute", ["proposal"])["proposal"]) }),
  check(context, { proposal: id }) {
    const proposal = openProposal(context, id);
    const { approving, needed, voters } = tallyOf(context.state, proposal);
    requireThat(approving >= needed, "votes-missing", { approving, needed, voters });
    checkChange(context.state, proposal.change);
  },
  apply(context, { proposal: id }) {
    execute(context, id, openProposal(context, id));
    forgetExpired(context.state, context.timeMs);
    return null;
  },
});

export const governanceOperations = {
  "governance.propose": propose,
  "governance.vote": vote,
  "governance.execute": executeProposal,
};
