/** Sums what a visitor downloads, gzipped, from the build's own manifest: before the shell has painted, and until the peer is ready. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";

/** Bytes until the shell has painted (a phone on a slow link gets it in about a second). Fonts come with `font-display: swap`, after the paint. */
export const SHELL_BYTES_MAX = 300_000;

const gzipBytes = (path) => gzipSync(readFileSync(path), { level: 9 }).length;

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile());
}

/** The entry, all that it imports statically, and their style sheets. */
function shellFiles(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, ".vite", "manifest.json"), "utf8"));
  const files = new Set(["index.html"]);
  const visit = (key) => {
    const chunk = manifest[key];
    if (chunk === undefined || files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const sheet of chunk.css ?? []) files.add(sheet);
    for (const next of chunk.imports ?? []) visit(next);
  };
  visit("index.html");
  return [...files];
}

/** Prints the table. @returns {boolean} whether the shell keeps within its bound */
export function reportBundleSize(folder) {
  if (!existsSync(join(folder, ".vite", "manifest.json"))) {
    console.error("No build to measure: run npm run build.");
    return false;
  }
  const shell = new Set(shellFiles(folder));
  let shellBytes = 0;
  for (const file of shell) shellBytes += gzipBytes(join(folder, file));
  const later = filesBelow(folder)
    .filter((path) => /\.(js|wasm)$/.test(path) && !shell.has(relative(folder, path)))
    .map((path) => ({ name: relative(folder, path), bytes: gzipBytes(path) }))
    .sort((a, b) => b.bytes - a.bytes);
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1).padStart(7)} kB`;
  console.log(`${kilobytes(shellBytes)}  first paint, gzipped, ${shell.size} files (at most ${SHELL_BYTES_MAX / 1000} kB)`);
  for (const { name, bytes } of later.slice(0, 8)) console.log(`${kilobytes(bytes)}  later: ${name}`);
  if (shellBytes <= SHELL_BYTES_MAX) return true;
  console.error(`The first paint needs ${shellBytes - SHELL_BYTES_MAX} bytes too many: load something lazily.`);
  return false;
}
