/** A claim worker: finds the proof of work of a grant, off the threads that a person or a vote waits for. */
import { searchClaim, type ClaimRequest } from "./host/claims.ts";

const scope = self as unknown as DedicatedWorkerGlobalScope;

scope.onmessage = (event: MessageEvent<ClaimRequest>) => {
  scope.postMessage(searchClaim(event.data));
};
