import { expect, it } from "vitest";
import type { CommittedBlock } from "../../peer/effects.ts";
import type { PeerView } from "../../peer/view.ts";
import { digest, type Hash } from "../../protocol/identifiers.ts";
import { Rounds } from "./status.ts";
import { machineOf } from "../../ledger/scenario.suite.ts";
import { openWorld } from "./world.suite.ts";

const EPOCH = digest(Uint8Array.of(1));
const LATER = digest(Uint8Array.of(2));

it("a round counts as final only with its block: what was skipped beside it, or passed between two looks, does not", async () => {
  const world = await openWorld(machineOf({}));
  const { state, consensus } = world.peer;
  const [leader] = consensus.seats as [(typeof consensus.seats)[0]];
  const rounds = new Rounds();
  const look = (epochId: Hash, round: number, notarizedRound: number): PeerView => {
    const view = { ...viewOf(epochId, round, notarizedRound) } as PeerView;
    rounds.onStep(view, round);
    return view;
  };
  const viewOf = (epochId: Hash, round: number, notarizedRound: number): Partial<PeerView> => ({
    state,
    waitingFor: [],
    consensus: { ...consensus, epochId, round, leader, notarizedRound, notarizedHeight: 40 + notarizedRound, finalRound: notarizedRound },
  });
  const commit = (epochId: Hash, round: number): void => {
    const block = { header: { epochId, round, proposer: leader } };
    rounds.onCommitted({ height: 40 + round, block } as CommittedBlock, state, 100);
  };
  const list = (view: PeerView): unknown[] => rounds.info(view).rounds.map(({ round, outcome, height }) => [round, outcome, height]);

  look(EPOCH, 5, 4);
  // Round 5 was skipped, and 6 became final before anybody looked again.
  commit(EPOCH, 6);
  expect(list(look(EPOCH, 7, 6))).toEqual([
    [7, "open", null],
    [6, "final", 46],
    [5, "skipped", null],
  ]);
  expect(list(look(EPOCH, 8, 7)).slice(0, 2)).toEqual([
    [8, "open", null],
    [7, "notarized", 47],
  ]);
  commit(EPOCH, 7);
  commit(EPOCH, 8);
  // The same number in another epoch is another round.
  expect(list(look(LATER, 7, 0)).slice(0, 3)).toEqual([
    [7, "open", null],
    [8, "final", 48],
    [7, "final", 47],
  ]);
  commit(EPOCH, 9);
  expect(list(look(LATER, 7, 0)).slice(0, 2)).toEqual([
    [7, "open", null],
    [9, "final", 49],
  ]);
  world.close();
});
