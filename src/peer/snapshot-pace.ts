/** How often a snapshot is taken, and who is offered one. */
export interface SnapshotPace {
  /** A new one is worth its write when replaying what came since the last would cost more than reading it, and no less than this (`replayCostOf`). */
  readonly costMin: number;
  /** Fewer blocks than this are read as fast as a snapshot is asked for. */
  readonly behindMin: number;
}

/** Of a small state one in some 250 blocks. */
export const SNAPSHOT_PACE: SnapshotPace = { costMin: 1024 * 1024, behindMin: 128 };
