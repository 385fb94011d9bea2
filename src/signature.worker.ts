/** A signature worker: answers packed batches of checks. One or two, since native checks scale with workers and not with calls in flight. */
import { createVerifyServer } from "./host/signatures/signatures.ts";
import type { VerifyRequest } from "./host/signatures/packing.ts";

const scope = self as unknown as DedicatedWorkerGlobalScope;
const answer = createVerifyServer();

scope.onmessage = (event: MessageEvent<VerifyRequest>) => {
  void answer(event.data).then((response) => scope.postMessage(response, [response.verdicts.buffer]));
};
