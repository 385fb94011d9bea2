import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Every file of the project, also those not committed yet, without what `.gitignore` names. Paths with forward slashes, relative to the root. */
export function projectFiles(): readonly string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"], { encoding: "utf8" });
  return listed.split("\n").filter((path) => path !== "" && existsSync(path));
}
