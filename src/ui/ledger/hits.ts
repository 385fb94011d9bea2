import type { SearchHit } from "../../sdk/api.ts";
import { shortId } from "../pattern/Digest.tsx";

/** The page of what a search has found. */
export function hitPath(hit: SearchHit): string {
  return `/${hit.kind}/${hit.id}`;
}

/** Identifiers as short as everywhere else; a name stays whole. */
export function hitText(title: string): string {
  return /^(did:key:\w+|[0-9a-f]{64})$/.test(title) ? shortId(title) : title;
}
