/**
 * `npm run build`: the app into dist/ and the relay into dist-relay/, each with a digest of what it was made from, so that `npm start`
 * builds only what is stale. The relay runs from sources too; as one program it starts in a fifth of the time.
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { reportBundleSize } from "./bundle-size.mjs";
import { installIfStale, requireNode, ROOT, run, scriptOf } from "./launch.mjs";

const SETTINGS = ["tsconfig.json", "tsconfig.base.json", "package.json", "package-lock.json"];
/** What is built, and everything that can change a byte of it. Tests cannot, and are left out below. */
const PRODUCTS = {
  app: { folder: "dist", sources: ["src", "public", "tools", "vendor", "index.html", "vite.config.ts", ...SETTINGS], make: makeApp },
  relay: { folder: "dist-relay", sources: ["relay", "src/kit", "src/protocol", "tools/build.mjs", ...SETTINGS], make: makeRelay },
};
const TEST = /\.(test|suite|spec)\.tsx?$/;

function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

function digestOf(sources) {
  const hash = createHash("sha256");
  for (const source of sources) {
    for (const path of filesBelow(join(ROOT, source))) {
      if (TEST.test(path)) continue;
      hash.update(path.slice(ROOT.length)).update("\0").update(readFileSync(path)).update("\0");
    }
  }
  return hash.digest("hex");
}

async function makeApp(folder) {
  const code = await run(process.execPath, [scriptOf("vite"), "build", "--logLevel", "warn"]);
  if (code !== 0) return code;
  return reportBundleSize(folder) ? 0 : 1;
}

async function makeRelay(folder) {
  const { build } = await import("vite");
  const { NODE_ENV } = process.env;
  try {
    await build({
      root: ROOT,
      configFile: false,
      publicDir: false,
      logLevel: "warn",
      ssr: { noExternal: true },
      build: {
        ssr: "relay/main.ts",
        outDir: folder,
        emptyOutDir: true,
        target: "node20",
        minify: false,
        // All in one folder, where it finds the texts that it reads beside itself.
        rolldownOptions: { output: { entryFileNames: "main.js", chunkFileNames: "[name]-[hash].js" } },
      },
    });
  } catch (error) {
    console.error(error);
    return 1;
  } finally {
    // Vite sets it, for whatever this process starts afterwards, too.
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  }
  for (const name of readdirSync(join(ROOT, "relay")))
    if (extname(name) !== ".ts") copyFileSync(join(ROOT, "relay", name), join(folder, name));
  return 0;
}

async function build(name, { onlyIfStale }) {
  const { folder, sources, make } = PRODUCTS[name];
  const path = join(ROOT, folder);
  const stamp = join(path, ".built");
  const digest = digestOf(sources);
  if (onlyIfStale && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return 0;
  console.log(`Building the ${name} …`);
  const code = await make(path);
  if (code === 0) writeFileSync(stamp, digest);
  return code;
}

/** Builds what was not made from what stands here. Returns the exit code of the build. */
export async function buildIfStale(names = Object.keys(PRODUCTS)) {
  for (const name of names) {
    const code = await build(name, { onlyIfStale: true });
    if (code !== 0) return code;
  }
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  requireNode();
  await installIfStale();
  for (const name of Object.keys(PRODUCTS)) {
    const code = await build(name, { onlyIfStale: false });
    if (code !== 0) process.exit(code);
  }
}
