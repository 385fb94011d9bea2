/** Before tests with real tabs: the app and the relay that they open are those that stand here, unless `BOTHY_APP` names another app. */
import { buildIfStale } from "./build.mjs";

export default async function buildApp() {
  const names = process.env.BOTHY_APP === undefined ? ["app", "relay"] : ["relay"];
  if ((await buildIfStale(names)) !== 0) throw new Error("the app or the relay does not build");
}
