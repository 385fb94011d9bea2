/** Serves the built app: compressed, cached for ever where the name has a digest, and with headers that let nobody frame or inject it. */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, sep } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import MEDIA_TYPES from "./media-types.json" with { type: "json" };

/** `connect-src` names the schemes, since a tab may use relays on other hosts, and old engines do not count WebSockets of the same host as 'self'. */
export { default as SECURITY_HEADERS } from "./security-headers.json" with { type: "json" };

/** Pictures and fonts are packed already, and a small file does not get smaller. */
const PACK_BYTES_MIN = 1024;
/** Vite puts a digest of the content into the names below `assets/`. */
const HASHED_NAME = /^\/assets\/.+-[\w-]{8}\.\w+$/;

/** Quality 6 takes a tenth of the best one's time for 5 % more bytes; each file is packed once. */
const PACKERS = {
  br: (bytes: Buffer): Buffer => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }),
  gzip: (bytes: Buffer): Buffer => gzipSync(bytes),
};

/** A file as it is now, since a build may replace the folder under a running relay; no dots and no link lead out of the folder. */
function fileOf(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  return existsSync(path) && realpathSync(path).startsWith(realpathSync(folder) + sep) && statSync(path).isFile() ? path : undefined;
}

export function createApp(folder: string) {
  const bodies = new Map<string, Buffer>();
  return (request: IncomingMessage, response: ServerResponse, requested: string): void => {
    const name = requested === "/" ? "/index.html" : requested;
    const path = fileOf(folder, name);
    if (path === undefined) return void response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("not found\n");
    const { size, mtimeMs } = statSync(path);
    const type = (MEDIA_TYPES as Readonly<Record<string, string>>)[extname(path)] ?? "application/octet-stream";
    const accepted = size < PACK_BYTES_MIN || /png|font/.test(type) ? "" : String(request.headers["accept-encoding"]);
    const encoding = (["br", "gzip"] as const).find((one) => new RegExp(`\\b${one}\\b`).test(accepted));
    const etag = `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}-${encoding ?? "plain"}"`;
    response.setHeader("content-type", type);
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
