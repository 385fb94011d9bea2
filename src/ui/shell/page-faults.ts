/** Pages that could not be drawn in this tab, for the person's own diagnostics file. */
export type PageFault = {
  readonly atMs: number;
  readonly location: string;
  readonly message: string;
  readonly stack: string;
};

/** A page that fails at every reading would fill the memory with its own story. */
const KEPT_MAX = 20;
const TEXT_UNITS_MAX = 4000;

const kept: PageFault[] = [];

export function keepPageFault(location: string, error: unknown, atMs: number): void {
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  kept.push({ atMs, location, message: message.slice(0, TEXT_UNITS_MAX), stack: stack.slice(0, TEXT_UNITS_MAX) });
  if (kept.length > KEPT_MAX) kept.shift();
}

export function pageFaults(): readonly PageFault[] {
  return [...kept];
}
