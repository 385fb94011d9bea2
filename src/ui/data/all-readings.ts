/** A stream from its first reading to its last, however long it is: a peer gives so many at once, a file should have all. */
import { READINGS_MAX, Refusal, type DigestText, type ReadingInfo } from "../../sdk/api.ts";
import type { Client } from "../../sdk/client.ts";

/** Whether the newest readings, as one answer gave them, begin before a moment or with the stream. */
export function reachBack(newest: readonly ReadingInfo[], fromMs: number): boolean {
  const first = newest[0];
  return first !== undefined && (first.timeMs < fromMs || (first.sequence === 0 && newest.length < READINGS_MAX));
}

/** Neighbouring readings of one pack. */
function packsOf(readings: readonly ReadingInfo[]): readonly (readonly ReadingInfo[])[] {
  const packs: ReadingInfo[][] = [];
  for (const reading of readings) {
    const last = packs.at(-1);
    if (last?.[0]?.sequence === reading.sequence) last.push(reading);
    else packs.push([reading]);
  }
  return packs;
}

/**
 * Reads on page by page. Packs are counted without a gap from 0, so that one which an answer cuts short, repeats or does not have yet
 * is asked for again and none is in the file twice.
 * `onRead` hears after every page how many readings there are so far.
 * @throws {Refusal} `not-ready` when the peer cannot give all `packs` that the ledger counts.
 */
export async function readAllReadings(
  client: Pick<Client, "query">,
  { stream, packs }: { readonly stream: DigestText; readonly packs: number },
  onRead: (count: number) => void = () => undefined,
): Promise<readonly ReadingInfo[]> {
  const all: ReadingInfo[] = [];
  for (let next = 0; ;) {
    const page = await client.query("readings", { stream, after: next - 1, limit: READINGS_MAX });
    const found = packsOf(page);
    // A full answer may end within a pack.
    const whole = page.length < READINGS_MAX ? found : found.slice(0, -1);
    const before = next;
    for (const pack of whole) {
      if (pack[0]!.sequence !== next) continue;
      for (const reading of pack) all.push(reading);
      next++;
    }
    onRead(all.length);
    // What comes while a live stream is read is not waited for.
    if (next >= packs && page.length < READINGS_MAX) return all;
    if (next === before) throw new Refusal("not-ready", { packs: next, of: packs });
  }
}
