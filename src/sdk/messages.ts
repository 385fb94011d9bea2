/** The messages between a client and its peer. A client's are checked by `schemas.ts` where the peer receives them; a peer's come from the same origin. */
import type {
  CommandName,
  Commands,
  OperationCall,
  Queries,
  QueryName,
  RefusalData,
  RejectCode,
  RoadProgress,
  SendOptions,
  TopicName,
  Topics,
} from "./api.ts";

/** `id` is chosen by the client, unique within its port. */
export type ClientMessage =
  | {
      readonly kind: "send";
      readonly id: number;
      readonly calls: readonly OperationCall[];
      readonly options: SendOptions;
      /** Whether to tell its progress. */
      readonly progress: boolean;
    }
  | {
      [Name in QueryName]: {
        readonly kind: "query";
        readonly id: number;
        readonly name: Name;
        readonly parameters: Queries[Name]["parameters"];
      };
    }[QueryName]
  | {
      [Name in CommandName]: {
        readonly kind: "command";
        readonly id: number;
        readonly name: Name;
        readonly parameters: Commands[Name]["parameters"];
      };
    }[CommandName]
  | { readonly kind: "subscribe"; readonly id: number; readonly topic: TopicName }
  /** Ends the subscription with this id. */
  | { readonly kind: "unsubscribe"; readonly id: number };

export type PeerMessage =
  /** Of a send (`SendResult`), query or command. */
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refused"; readonly id: number; readonly code: RejectCode; readonly data: RefusalData }
  /** The road of a send under way, where it was asked for. */
  | { readonly kind: "progress"; readonly id: number; readonly progress: RoadProgress }
  /** Of the subscription with this id. */
  | { readonly kind: "update"; readonly id: number; readonly value: Topics[TopicName] };

/** What both ends need of a `MessagePort`; a worker has it too. */
export interface MessagePortLike {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  /** A `MessagePort` needs it once, a worker has none. */
  start?(): void;
}
