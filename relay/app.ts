/** Serves the built app: compressed, cached for ever where the name has a digest, and with headers that let nobody frame or inject it. */
import { createReadStream, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** `connect-src` names the schemes, since a tab may use relays on other hosts, and old engines do not count WebSockets of the same host as 'self'. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; manifest-src 'self'",
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join("; ");

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const MEDIA_TYPES: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ["text/html; charset=utf-8", ".html"],
    ["text/javascript; charset=utf-8", ".js"],
    ["text/css; charset=utf-8", ".css"],
    ["application/json; charset=utf-8", ".json"],
    ["application/manifest+json; charset=utf-8", ".webmanifest"],
    ["application/wasm", ".wasm"],
    ["image/svg+xml", ".svg"],
    ["image/png", ".png"],
    ["font/woff2", ".woff2"],
  ].map(([type, extension]) => [extension, type]),
);
const COMPRESSIBLE = new Set([".html", ".js", ".css", ".json", ".webmanifest", ".svg", ".wasm"]);
/** Vite puts a digest of the content into the names below `assets/`. */
const HASHED_NAME = /^\/assets\/.+-[\w-]{8}\.\w+$/;

export type AppHandler = (request: IncomingMessage, response: ServerResponse, path: string) => void;

/** A handler over the files that are there at the start; a path that is none of them is 404, so no request can climb out of the folder. */
export function createApp(folder: string): AppHandler {
  const files = new Map<string, string>();
  if (existsSync(folder)) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) files.set(`/${relative(folder, path).split(sep).join("/")}`, path);
    }
  }
  const compressed = new Map<string, Buffer>();

  return (request, response, requested) => {
    const name = requested === "/" ? "/index.html" : requested;
    const path = files.get(name);
    if (path === undefined || !existsSync(path))
      return void response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("not found\n");
    const { size, mtimeMs } = statSync(path);
    const encoding = chooseEncoding(extname(path), size, request.headers["accept-encoding"]);
    const etag = `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}${encoding === undefined ? "" : `-${encoding}`}"`;
    response.setHeader("content-type", MEDIA_TYPES[extname(path)] ?? "application/octet-stream");
    response.setHeader("cache-control", HASHED_NAME.test(name) ? "public, max-age=31536000, immutable" : "no-cache");
    response.setHeader("vary", "accept-encoding");
    response.setHeader("etag", etag);
    if (request.headers["if-none-match"] === etag) return void response.writeHead(304).end();
    if (encoding === undefined) return void createReadStream(path).pipe(response.writeHead(200, { "content-length": size }));
    const body = compressed.get(path + etag) ?? compress(path, encoding);
    compressed.set(path + etag, body);
    response.writeHead(200, { "content-encoding": encoding, "content-length": body.length }).end(body);
  };
}

function chooseEncoding(extension: string, size: number, accepted: string | string[] | undefined): "br" | "gzip" | undefined {
  if (!COMPRESSIBLE.has(extension) || size < 1024) return undefined;
  const offered = String(accepted ?? "");
  if (/\bbr\b/.test(offered)) return "br";
  return /\bgzip\b/.test(offered) ? "gzip" : undefined;
}

/** Quality 6 takes a tenth of the best one's time for 5 % more bytes; each file is compressed once. */
function compress(path: string, encoding: "br" | "gzip"): Buffer {
  const bytes = readFileSync(path);
  return encoding === "br" ? brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }) : gzipSync(bytes);
}
