/** The typed client of a peer: promises over a port. The same in the app's page, across a `MessagePort` and in tests. */
import {
  Refusal,
  isTopic,
  type CommandName,
  type Commands,
  type OperationCall,
  type Queries,
  type QueryName,
  type RoadProgress,
  type SendOptions,
  type SendResult,
  type Status,
  type TopicName,
  type Topics,
} from "./api.ts";
import type { ClientMessage, MessagePortLike, PeerMessage } from "./messages.ts";

export type ParametersOf<Entry extends { parameters: unknown }> =
  Record<never, never> extends Entry["parameters"] ? [parameters?: Entry["parameters"]] : [parameters: Entry["parameters"]];

export interface Client {
  status(): Promise<Status>;
  /**
   * Signs and sends calls as one transaction; resolves when it is final. While the final ledger leaves open what becomes of it (this peer is
   * asleep, behind or alone without a seat), it waits, beyond `validForMs` if need be.
   * @throws {Refusal} with the code why it did not take effect; `expired` or `nonce-used` or `replaced` when it is in no block and never will be;
   * `stopped` when this peer stopped before it could know.
   */
  send(calls: readonly OperationCall[], options?: SendOptions & { onProgress?: (progress: RoadProgress) => void }): Promise<SendResult>;
  /** @throws {Refusal} */
  query<Name extends QueryName>(name: Name, ...parameters: ParametersOf<Queries[Name]>): Promise<Queries[Name]["result"]>;
  /** Orders for this peer alone. @throws {Refusal} */
  command<Name extends CommandName>(name: Name, ...parameters: ParametersOf<Commands[Name]>): Promise<Commands[Name]["result"]>;
  /** Gives a function that ends the subscription. @throws {Refusal} `unknown-request` when there is no such topic. */
  subscribe<Topic extends TopicName>(topic: Topic, handler: (value: Topics[Topic]) => void): () => void;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (reason: Refusal) => void;
  readonly onProgress?: ((progress: RoadProgress) => void) | undefined;
}

/** A message without its `id`, distributed over the union so that each kind keeps its own fields. */
type Unnumbered<Message> = Message extends { readonly id: number } ? Omit<Message, "id"> : never;

export function createClient(port: MessagePortLike): Client {
  const waiting = new Map<number, Waiting>();
  const handlers = new Map<number, (value: never) => void>();
  let lastId = 0;

  const post = (id: number, message: Unnumbered<ClientMessage>): void => {
    try {
      port.postMessage({ ...message, id });
    } catch {
      // A function or a promise, say: it cannot cross a port, so no peer could refuse it.
      throw new Refusal("schema-invalid", { field: "message", expected: "plain data" });
    }
  };
  const ask = <Result>(message: Unnumbered<ClientMessage>, onProgress?: (progress: RoadProgress) => void): Promise<Result> =>
    new Promise<Result>((resolve, reject) => {
      const id = ++lastId;
      post(id, message);
      waiting.set(id, { resolve, reject, onProgress });
    });

  port.addEventListener("message", (event) => {
    const message = event.data as PeerMessage;
    if (message.kind === "update") return handlers.get(message.id)?.(message.value as never);
    const request = waiting.get(message.id);
    if (message.kind === "progress") return request?.onProgress?.(message.progress);
    waiting.delete(message.id);
    if (message.kind === "result") request?.resolve(message.value as never);
    else request?.reject(new Refusal(message.code, message.data));
  });
  port.start?.();

  return {
    status: () => ask({ kind: "query", name: "status", parameters: {} }),
    send: (calls, options = {}) => {
      const { onProgress, ...rest } = options;
      return ask({ kind: "send", calls, options: rest, progress: onProgress !== undefined }, onProgress);
    },
    query: (name, ...parameters) => ask({ kind: "query", name, parameters: parameters[0] ?? {} } as Unnumbered<ClientMessage>),
    command: (name, ...parameters) => ask({ kind: "command", name, parameters: parameters[0] ?? {} } as Unnumbered<ClientMessage>),
    subscribe: (topic, handler) => {
      // Said at once: a subscription has no answer that could bring the peer's refusal.
      if (!isTopic(topic)) throw new Refusal("unknown-request", { kind: "subscribe", name: String(topic) });
      const id = ++lastId;
      handlers.set(id, handler as (value: never) => void);
      post(id, { kind: "subscribe", topic });
      return () => {
        if (handlers.delete(id)) post(id, { kind: "unsubscribe" });
      };
    },
  };
}
