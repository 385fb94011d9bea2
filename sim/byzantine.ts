/** A seat that lies: votes for everything, proposes two blocks at once, tells half of the others, withholds at random. */
import type { ConsensusMessage } from "../src/consensus/engine.ts";
import { createBlock, type Block } from "../src/protocol/block.ts";
import type { Vote, VoteKind } from "../src/protocol/vote.ts";
import type { Cluster } from "./cluster.ts";
import type { EngineNodes, EnginePayload } from "./engine-node.ts";
import type { NodeInput, NodeOutput } from "./node.ts";

export type Twist = (cluster: Cluster, id: string, input: NodeInput, outputs: readonly NodeOutput[]) => readonly NodeOutput[];

const SIGNATURE = new Uint8Array(64);

/** For nodes whose payloads are messages as they are. */
export function createTwist(factory: EngineNodes): Twist {
  return (cluster, id, input, outputs) => {
    const { random } = cluster;
    const some = (): readonly string[] => cluster.ids.filter(() => random.next() < 0.5);
    const said: NodeOutput[] = [];
    const say = (to: string, message: ConsensusMessage): void => {
      said.push({ kind: "send", to, payload: { kind: "consensus", message } satisfies EnginePayload });
    };
    for (const output of outputs) {
      if (output.kind !== "send") {
        said.push(output);
        continue;
      }
      if (random.next() < 0.1) continue;
      const message = factory.inspect(output.payload);
      if (message?.kind === "candidate" && random.next() < 0.7) {
        const rival = rivalOf(message.block);
        const chosen = some();
        for (const to of cluster.ids) {
          const block = chosen.includes(to) ? message.block : rival;
          const vote = { ...message.vote, candidate: block.id };
          say(to, { ...message, block, vote });
        }
      } else if (message?.kind === "vote" && random.next() < 0.3) {
        for (const to of some()) say(to, message);
      } else said.push(output);
    }
    const heard = input.kind === "message" ? factory.inspect(input.payload) : null;
    if (heard?.kind === "candidate") {
      for (const vote of allVotes(cluster, id, heard.block)) for (const to of some()) say(to, { kind: "vote", vote });
    }
    return said;
  };
}

/** The same block a moment later. */
function rivalOf(block: Block): Block {
  return createBlock({ ...block.header, timeMs: block.header.timeMs + 1 }, block.transactions);
}

function allVotes(cluster: Cluster, id: string, block: Block): readonly Vote[] {
  const status = cluster.node(id).status();
  const { seat } = status;
  const { chain, epochId, round } = block.header;
  if (seat === null) return [];
  return (["notarize", "finalize", "skip"] satisfies VoteKind[]).map((kind): Vote => {
    return { chain, epochId, round, kind, candidate: kind === "skip" ? null : block.id, seat, signature: SIGNATURE };
  });
}
