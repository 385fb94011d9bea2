/** What seats said, judged by the voting rules. For tests of peers that crash, sleep and return. */
import { contradicts } from "../consensus/simplex/votes.ts";
import { decodeConsensusMessage } from "../consensus/wire.ts";
import type { NetworkCommand } from "../peer/ports.ts";
import { toHex } from "../protocol/identifiers.ts";
import type { Vote } from "../protocol/vote.ts";

/** What every seat ever said, also before its process ended: judged by the voting rules. */
export class Witness {
  readonly #votes = new Map<string, Vote[]>();
  readonly #promised = new Set<string>();
  readonly #count = new Map<string, number>();
  readonly faults: string[] = [];

  hear(from: string, command: NetworkCommand): void {
    if (command.kind !== "publish" || command.topic !== "consensus") return;
    const message = decodeConsensusMessage(command.bytes);
    if (message.kind === "alive") this.#promised.add(`${toHex(message.alive.epochId)}/${toHex(message.alive.seat)}`);
    // Votes of others are in certificates and candidates: these are the peer's own, or repeated.
    else if (message.kind === "vote" || message.kind === "candidate") this.#onVote(from, message.vote);
  }

  /** Different votes that a peer has sent. */
  votesOf(name: string): number {
    return this.#count.get(name) ?? 0;
  }

  #onVote(from: string, vote: Vote): void {
    const voter = `${toHex(vote.epochId)}/${toHex(vote.seat)}`;
    const place = `${voter}/${vote.round}`;
    const said = this.#votes.get(place) ?? [];
    this.#votes.set(place, said);
    const isSame = (other: Vote): boolean => other.kind === vote.kind && !contradicts(other, vote);
    if (said.some(isSame)) return;
    if (this.#promised.has(voter)) this.faults.push(`${from} votes after its promise in ${place}`);
    if (said.some((other) => contradicts(other, vote))) this.faults.push(`${from} contradicts itself in ${place}: ${vote.kind}`);
    said.push(vote);
    this.#count.set(from, this.votesOf(from) + 1);
  }
}
