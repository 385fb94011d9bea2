/** Before tests: the relay that they start is the one that stands here. */
import { buildIfStale } from "./build.mjs";

export default async function buildRelay() {
  if ((await buildIfStale(["relay"])) !== 0) throw new Error("the relay does not build");
}
