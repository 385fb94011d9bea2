/** What stands between an engine and its messages where nobody forges: signing at once, and the epochs that must be known to judge one. */
import type { CastStatement, ConsensusMessage } from "../src/consensus/engine.ts";
import type { Hash, VotingKey } from "../src/protocol/identifiers.ts";

const SIGNATURE = new Uint8Array(64);

export function signed(seat: VotingKey, cast: CastStatement): ConsensusMessage {
  const name = { seat, signature: SIGNATURE };
  switch (cast.kind) {
    case "vote":
      return { kind: "vote", vote: { ...cast.statement, ...name } };
    case "alive":
      return { kind: "alive", alive: { ...cast.alive, ...name } };
    case "recover":
      return { kind: "recover", recover: { recovery: cast.recovery, ...name } };
    case "absent":
      return { kind: "absent", absent: { ...cast.absent, ...name } };
  }
}

/** Epochs whose seats one must know to check a message. */
export function epochsOf(message: ConsensusMessage): readonly Hash[] {
  switch (message.kind) {
    case "candidate":
      return [message.vote.epochId, ...message.certificates.map((certificate) => certificate.epochId)];
    case "vote":
      return [message.vote.epochId];
    case "certificate":
      return [message.certificate.epochId];
    case "alive":
      return [message.alive.epochId];
    case "recover":
      return [message.recover.recovery.epochId];
    case "absent":
      return [message.absent.epochId];
    case "give":
      return [
        ...message.certificates.map(({ epochId }) => epochId),
        ...message.blocks.flatMap(({ header }) => (header.certificate === null ? [] : [header.epochId])),
      ];
    case "hello":
    case "ask":
      return [];
  }
}
