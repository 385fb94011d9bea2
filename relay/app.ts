/** Serves the built app: compressed, cached for ever where the name has a digest, and with headers that let nobody frame or inject it. */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
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

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json; charset=utf-8",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};
/** Small files and those of these types do not get smaller. */
const PACKED_TYPES = new Set([".png", ".woff2"]);
const PACK_BYTES_MIN = 1024;
/** Vite puts a digest of the content into the names below `assets/`. */
const HASHED_NAME = /^\/assets\/.+-[\w-]{8}\.\w+$/;

/** Quality 6 takes a tenth of the best one's time for 5 % more bytes; each file is packed once. */
const PACKERS = {
  br: (bytes: Buffer): Buffer => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }),
  gzip: (bytes: Buffer): Buffer => gzipSync(bytes),
};

export type AppHandler = (request: IncomingMessage, response: ServerResponse, path: string) => void;

/** A handler over the files that are there at the start; a path that is none of them is 404, so no request can climb out of the folder. */
export function createApp(folder: string): AppHandler {
  const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = new Map(paths.map((path) => [`/${relative(folder, path).split(sep).join("/")}`, path]));
  const bodies = new Map<string, Buffer>();

  return (request, response, requested) => {
    const name = requested === "/" ? "/index.html" : requested;
    const path = files.get(name);
    if (path === undefined || !existsSync(path))
      return void response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("not found\n");
    const { size, mtimeMs } = statSync(path);
    const accepted = size < PACK_BYTES_MIN || PACKED_TYPES.has(extname(path)) ? "" : String(request.headers["accept-encoding"]);
    const encoding = (["br", "gzip"] as const).find((one) => new RegExp(`\\b${one}\\b`).test(accepted));
    const etag = `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}-${encoding ?? "plain"}"`;
    response.setHeader("content-type", MEDIA_TYPES[extname(path)] ?? "application/octet-stream");
    response.setHeader("cache-control", HASHED_NAME.test(name) ? "public, max-age=31536000, immutable" : "no-cache");
    response.setHeader("vary", "accept-encoding");
    response.setHeader("etag", etag);
    if (request.headers["if-none-match"] === etag) return void response.writeHead(304).end();
    if (encoding !== undefined) response.setHeader("content-encoding", encoding);
    const body = bodies.get(path + etag) ?? (encoding === undefined ? readFileSync(path) : PACKERS[encoding](readFileSync(path)));
    bodies.set(path + etag, body);
    response.writeHead(200, { "content-length": body.length }).end(body);
  };
}
