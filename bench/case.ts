/** What a benchmark is. `bench/cases.ts` lists them, `bench/run.ts` runs them. */

export interface Goal {
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Figure {
  readonly unit: string;
  /** What to reach on two cores; a figure without one is only told. */
  readonly goal?: Goal;
}

export interface BenchCase {
  /** `npm run bench -- NAME`. */
  readonly name: string;
  /** One line for the table: what is measured, how, against what. */
  readonly what: string;
  /** How often to run it; the median counts. */
  readonly runs: number;
  readonly figures: Readonly<Record<string, Figure>>;
  /** One run, from nothing to nothing: gives a value for each figure. */
  readonly run: () => Promise<Readonly<Record<string, number>>>;
}
