/** The locks of a browser, for tests. */
import type { SlotPlatform } from "./slot.ts";

/** Web Locks of one origin (W3C Web Locks, section 2), as far as exclusive locks go. */
export function createLocks(): NonNullable<SlotPlatform["locks"]> {
  const held = new Set<string>();
  const waiting = new Map<string, (() => void)[]>();
  const request = async (name: string, options: LockOptions, work: (lock: unknown) => unknown): Promise<unknown> => {
    if (held.has(name)) {
      if (options.ifAvailable) return work(null);
      await new Promise<void>((resolve, reject) => {
        waiting.set(name, [...(waiting.get(name) ?? []), resolve]);
        options.signal?.addEventListener("abort", () => reject(options.signal!.reason));
      });
    }
    held.add(name);
    try {
      return await work({ name });
    } finally {
      held.delete(name);
      waiting.get(name)?.shift()?.();
    }
  };
  return { request } as unknown as NonNullable<SlotPlatform["locks"]>;
}
