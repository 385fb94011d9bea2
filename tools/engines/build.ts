/** Builds the determinism suites twice: as a module for Node, and as a page with a worker for browsers; and serves the page. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import type { NodeRun } from "../../src/host/determinism/suites-node.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OUT = join(ROOT, "node_modules", ".cache", "bothy", "engines");
const PAGE = fileURLToPath(new URL("./page", import.meta.url));

const SHARED = { configFile: false, publicDir: false, logLevel: "error", clearScreen: false } as const;

/** Runs the suites in this Node. */
export async function runInNode(): Promise<NodeRun> {
  const entry = fileURLToPath(new URL("../../src/host/determinism/suites-node.ts", import.meta.url));
  await build({
    ...SHARED,
    root: ROOT,
    ssr: { noExternal: true },
    build: {
      ssr: entry,
      outDir: join(OUT, "node"),
      emptyOutDir: true,
      target: "es2023",
      rollupOptions: { output: { entryFileNames: "suites.mjs" } },
    },
  });
  const module = (await import(
    pathToFileURL(join(OUT, "node", "suites.mjs")).href
  )) as typeof import("../../src/host/determinism/suites-node.ts");
  return module.runInNode();
}

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Builds the page and serves it on loopback, with the metered binary beside it. */
export async function servePage(wasmFile: string): Promise<{ readonly url: string; readonly server: Server }> {
  const folder = join(OUT, "page");
  await build({
    ...SHARED,
    root: PAGE,
    base: "./",
    worker: { format: "es" },
    build: { outDir: folder, emptyOutDir: true, target: "es2023" },
  });
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://local").pathname));
    const file = path === "/quickjs-metered.wasm" ? wasmFile : join(folder, path === "/" ? "index.html" : path);
    if (path.includes("..") || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { url: `http://127.0.0.1:${address.port}/`, server };
}
