/** What is final is written a moment later. Whoever asks for the past in between waits for that write, or would not find what `status` calls final. */
import type { PeerView } from "../../peer/view.ts";
import type { ReportedEffect } from "../peer-runner.ts";

/** Whoever is further behind gets what there is: a newcomer writes for as long as it catches up. */
const NEAR_BLOCKS = 16;

export class Written {
  #height: number;
  #waiting: (() => void)[] = [];

  /** `height` of the last block in storage. */
  constructor(height: number) {
    this.#height = height;
  }

  onEffect(effect: ReportedEffect): void {
    if (effect.kind === "committed") this.#height = effect.blocks.at(-1)?.height ?? effect.undoneAbove ?? this.#height;
    else if (effect.kind !== "halted" && effect.kind !== "reopen") return;
    for (const release of this.#waiting.splice(0)) release();
  }

  /** Resolves when all that is final now can be read; at once for a peer that writes nothing any more. */
  async upToFinal(view: PeerView): Promise<void> {
    const { height } = view.final;
    const isComing = (): boolean => this.#height < height && height <= view.final.height && height - this.#height <= NEAR_BLOCKS;
    while (view.halted === null && isComing()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
