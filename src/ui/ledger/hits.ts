import type { SearchHit } from "../../sdk/api.ts";

/** The page of what a search has found. */
export function hitPath(hit: SearchHit): string {
  return `/${hit.kind}/${hit.id}`;
}
