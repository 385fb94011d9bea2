/** `npm run build`: the app into dist/, with a digest of what it was made from, so that `npm start` builds only what is stale. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { reportBundleSize } from "./bundle-size.mjs";
import { installIfStale, requireNode, ROOT, run, scriptOf } from "./launch.mjs";

const STAMP = join(ROOT, "dist", ".built");
/** Everything that can change a byte of dist/. Tests cannot, and are left out below. */
const SOURCES = [
  "src",
  "public",
  "tools",
  "vendor",
  "index.html",
  "vite.config.ts",
  "tsconfig.json",
  "tsconfig.base.json",
  "package.json",
  "package-lock.json",
];
const TEST = /\.(test|suite|spec)\.tsx?$/;

function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

function digestOfSources() {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    for (const path of filesBelow(join(ROOT, source))) {
      if (TEST.test(path)) continue;
      hash.update(path.slice(ROOT.length)).update("\0").update(readFileSync(path)).update("\0");
    }
  }
  return hash.digest("hex");
}

/** Builds when dist/ was not made from what stands here. Returns the exit code of the build. */
export async function buildIfStale() {
  const digest = digestOfSources();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === digest) return 0;
  console.log("Building the app …");
  return build(digest);
}

async function build(digest) {
  const code = await run(process.execPath, [scriptOf("vite"), "build", "--logLevel", "warn"]);
  if (code !== 0) return code;
  if (!reportBundleSize(join(ROOT, "dist"))) return 1;
  writeFileSync(STAMP, digest);
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  requireNode();
  await installIfStale();
  process.exit(await build(digestOfSources()));
}
