/** A seat that lies: votes for everything, proposes two blocks at once, tells half of the others, withholds at random. */
import type { Statement, Vote, VoteKind } from "../src/protocol/vote.ts";
import type { Cluster } from "./cluster.ts";
import type { NodeFactory, NodeInput, NodeOutput } from "./node.ts";

export type Twist = (cluster: Cluster, id: string, input: NodeInput, outputs: readonly NodeOutput[]) => readonly NodeOutput[];

export function createTwist(factory: NodeFactory): Twist {
  return (cluster, id, input, outputs) => {
    const { random } = cluster;
    const some = (): readonly string[] => cluster.ids.filter(() => random.next() < 0.5);
    const said: NodeOutput[] = [];
    const say = (to: string, payload: unknown): void => {
      said.push({ kind: "send", to, payload });
    };
    for (const output of outputs) {
      if (output.kind !== "send") {
        said.push(output);
        continue;
      }
      if (random.next() < 0.1) continue;
      const message = factory.inspect(output.payload);
      if (message?.kind === "candidate" && random.next() < 0.7) {
        const rival = factory.rivalOf(output.payload);
        const chosen = some();
        for (const to of cluster.ids) say(to, chosen.includes(to) ? output.payload : rival);
      } else if (message?.kind === "vote" && random.next() < 0.3) {
        for (const to of some()) say(to, output.payload);
      } else said.push(output);
    }
    const heard = input.kind === "message" ? factory.inspect(input.payload) : null;
    const { seat } = cluster.node(id).status();
    if (heard?.kind === "candidate" && seat !== null) {
      for (const statement of allVotes(heard.vote)) {
        const payload = factory.voteOf(statement, seat);
        for (const to of some()) say(to, payload);
      }
    }
    return said;
  };
}

function allVotes({ chain, epochId, round, candidate }: Vote): readonly Statement[] {
  return (["notarize", "finalize", "skip"] satisfies VoteKind[]).map((kind): Statement => {
    return { chain, epochId, round, kind, candidate: kind === "skip" ? null : candidate };
  });
}
