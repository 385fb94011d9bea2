/** What a tab holds in memory, by the DevTools protocol: the window and its workers, and the workers of those. */
import type { CDPSession, Page } from "@playwright/test";

interface Heap {
  readonly usedSize: number;
  readonly backingStorageSize?: number;
}

interface Said {
  readonly id?: number;
  readonly result?: unknown;
  readonly method?: string;
  readonly params?: { readonly sessionId: string; readonly message?: string; readonly targetInfo?: { readonly type: string } };
}

const AUTO_ATTACH = { autoAttach: true, waitForDebuggerOnStart: false, flatten: false } as const;
/** Workers are told of in messages of their own, at once after `setAutoAttach` has answered. */
const SETTLE_MS = 500;

/** The session of a page, and through it those of its workers: messages to a worker are wrapped in messages to whoever made it. */
class Targets {
  readonly #session: CDPSession;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  readonly workers: (readonly string[])[] = [];
  #lastId = 0;

  constructor(session: CDPSession) {
    this.#session = session;
    session.on("Target.attachedToTarget", (params) => this.#hear([], { method: "Target.attachedToTarget", params }));
    session.on("Target.receivedMessageFromTarget", (params) => this.#hear([], { method: "Target.receivedMessageFromTarget", params }));
  }

  #hear(path: readonly string[], { id, result, method, params }: Said): void {
    if (id !== undefined) this.#waiting.get(id)?.(result);
    if (params === undefined) return;
    if (method === "Target.attachedToTarget" && params.targetInfo?.type === "worker") this.workers.push([...path, params.sessionId]);
    if (method === "Target.receivedMessageFromTarget") this.#hear([...path, params.sessionId], JSON.parse(params.message!) as Said);
  }

  async ask(path: readonly string[], method: string, params: object = {}): Promise<unknown> {
    if (path.length === 0) return this.#session.send(method as "Target.setAutoAttach", params as typeof AUTO_ATTACH);
    const id = ++this.#lastId;
    const answered = new Promise((resolve) => this.#waiting.set(id, resolve));
    let message = JSON.stringify({ id, method, params });
    for (let depth = path.length - 1; depth > 0; depth--) {
      const wrapped = { sessionId: path[depth]!, message };
      message = JSON.stringify({ id: ++this.#lastId, method: "Target.sendMessageToTarget", params: wrapped });
    }
    await this.#session.send("Target.sendMessageToTarget", { sessionId: path[0]!, message });
    return answered;
  }
}

/** Bytes of the JavaScript heaps after a collection, and of the array buffers and WASM memories behind them. */
export async function heapBytesOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  const targets = new Targets(session);
  let bytes = 0;
  const measure = async (path: readonly string[]): Promise<void> => {
    await targets.ask(path, "HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize = 0 } = (await targets.ask(path, "Runtime.getHeapUsage")) as Heap;
    bytes += usedSize + backingStorageSize;
  };
  await measure([]);
  await targets.ask([], "Target.setAutoAttach", AUTO_ATTACH);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  for (const path of [...targets.workers]) await targets.ask(path, "Target.setAutoAttach", AUTO_ATTACH);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  for (const path of targets.workers) await measure(path);
  await session.detach();
  return bytes;
}
