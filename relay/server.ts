/** What the relay answers over HTTP: the app, the manifest, its health and its figures. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { hexToBytes } from "../src/kit/bytes.ts";
import { Refusal, requireThat } from "../src/protocol/refusal.ts";
import { SECURITY_HEADERS, type createApp } from "./app.ts";
import type { ManifestStore } from "./manifest.ts";
import type { RelayOptions } from "./options.ts";

/** A genesis is at most 64 KiB (`decodeGenesis`), in hexadecimal, with its envelope. */
const BODY_BYTES_MAX = 192 * 1024;
const STATUS_OF: Readonly<Record<string, number>> = { "not-authorized": 403, "too-large": 413, internal: 500 };

export type Metric = readonly [name: string, help: string, value: number];
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface ServerDeps {
  readonly options: RelayOptions;
  readonly manifest: ManifestStore;
  readonly app: ReturnType<typeof createApp>;
  readonly peerId: string;
  readonly metrics: () => readonly Metric[];
  /** Where phones find the app, and what they need first; undefined where the relay makes no certificates. */
  readonly room: () => { readonly app: string; readonly guide: string } | undefined;
}

export function createRequestHandler(deps: ServerDeps): RequestHandler {
  return (request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    route(deps, request, response).catch((error: unknown) => {
      const { code, data } = error instanceof Refusal ? error : new Refusal(error instanceof SyntaxError ? "encoding-invalid" : "internal");
      answer(response, STATUS_OF[code] ?? 400, { code, data });
    });
  };
}

async function route(deps: ServerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = "/"] = (request.url ?? "/").split("?");
  if (path === "/bothy/manifest" && request.method === "POST") return postManifest(deps, request, response);
  if (request.method !== "GET" && request.method !== "HEAD") return answer(response, 405, { code: "not-supported", data: {} });
  if (path === "/bothy/manifest") return answer(response, 200, manifestOf(deps, request));
  if (path === "/healthz") return answer(response, 200, { status: "ok", peer: deps.peerId });
  if (path !== "/metrics") return deps.app(request, response, path);
  // Gauges in Prometheus' text format.
  const gauges = deps.metrics().map(([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`);
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" });
  response.end(gauges.join(""));
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

function manifestOf({ options, manifest: { genesis }, peerId, room }: ServerDeps, request: IncomingMessage) {
  const relays = relayAddresses(options.announce, request).map((address) =>
    address.includes("/p2p/") ? address : `${address}/p2p/${peerId}`,
  );
  return { genesis, relays, parameters: options.parameters, mayFound: genesis === null && mayFound(options.found, request), room: room() };
}

/** The address under which this very request reached the relay, directly or through a proxy, unless told otherwise: it works for whoever asked. */
function relayAddresses(announced: readonly string[], request: IncomingMessage): readonly string[] {
  if (announced.length > 0) return announced;
  const secure = "encrypted" in request.socket || request.headers["x-forwarded-proto"] === "https";
  const match = /^(\[[\da-fA-F:.]+\]|[\w.-]{1,253})(?::(\d{1,5}))?$/.exec(request.headers.host ?? "");
  if (match === null) return [];
  const [, name = "", port = secure ? "443" : "80"] = match;
  const host = name.startsWith("[") ? `/ip6/${name.slice(1, -1)}` : /^[\d.]+$/.test(name) ? `/ip4/${name}` : `/dns4/${name}`;
  return [`${host}/tcp/${port}${secure ? "/tls/ws" : "/ws"}`];
}

/**
 * Whether a request may found: it comes from this machine, its Host is this machine's (else a page of the internet could reach here by rebinding its
 * name), its Origin, if a browser sent one, is the app's own, and no proxy stands between, which would make everyone local.
 */
function mayFound(found: RelayOptions["found"], { headers, socket }: IncomingMessage): boolean {
  const { host = "", origin } = headers;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) return false;
  if (found === "anyone") return true;
  if (["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"].some((name) => name in headers)) return false;
  const [remote = "", local = ""] = [socket.remoteAddress, socket.localAddress].map((address) => address?.replace(/^::ffff:/, ""));
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return (isLoopback(remote) || remote === local) && (name === "localhost" || isLoopback(name) || name === local);
}

const isLoopback = (address: string): boolean => address === "::1" || /^127\.\d+\.\d+\.\d+$/.test(address);

async function postManifest(deps: ServerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  requireThat(mayFound(deps.options.found, request), "not-authorized");
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    requireThat(length <= BODY_BYTES_MAX, "too-large", { bytesMax: BODY_BYTES_MAX });
    chunks.push(chunk);
  }
  const body: { readonly genesis?: unknown } | null = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  const genesis = typeof body?.genesis === "string" ? hexToBytes(body.genesis) : undefined;
  requireThat(genesis, "schema-invalid", { field: "genesis" });
  if (deps.manifest.found(genesis)) return answer(response, 201, manifestOf(deps, request));
  answer(response, 409, { code: "already-exists", data: {}, manifest: manifestOf(deps, request) });
}
