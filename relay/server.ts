/** What the relay answers over HTTP: the app, the manifest, its health and its figures. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { hexToBytes } from "../src/kit/bytes.ts";
import { Refusal, requireThat } from "../src/protocol/refusal.ts";
import { SECURITY_HEADERS, type AppHandler } from "./app.ts";
import type { ManifestStore } from "./manifest.ts";
import type { RelayOptions } from "./options.ts";

/** A genesis is at most 64 KiB (`decodeGenesis`), in hexadecimal, with its envelope. */
const BODY_BYTES_MAX = 192 * 1024;
const STATUS_OF: Readonly<Record<string, number>> = { "not-authorized": 403, "already-exists": 409, "too-large": 413, "not-found": 404 };

export interface ServerDeps {
  readonly options: RelayOptions;
  readonly manifest: ManifestStore;
  readonly app: AppHandler;
  readonly peerId: string;
  readonly metrics: () => readonly Metric[];
}

export type Metric = readonly [name: string, help: string, value: number];

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export function createRequestHandler(deps: ServerDeps): RequestHandler {
  return (request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    route(deps, request, response).catch((error: unknown) => {
      const refusal = error instanceof Refusal ? error : new Refusal("internal");
      answer(response, STATUS_OF[refusal.code] ?? (refusal.code === "internal" ? 500 : 400), { code: refusal.code, data: refusal.data });
    });
  };
}

async function route(deps: ServerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = decodePath(request.url ?? "/");
  if (path === "/bothy/manifest" && request.method === "POST") return postManifest(deps, request, response);
  if (path === "/bothy/head" && request.method === "POST") return postHead(deps, request, response);
  if (request.method !== "GET" && request.method !== "HEAD") return answer(response, 405, { code: "not-supported", data: {} });
  if (path === "/bothy/manifest") return answer(response, 200, manifestOf(deps, request));
  if (path === "/healthz") return answer(response, 200, { status: "ok", peer: deps.peerId });
  if (path === "/metrics") {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" });
    return void response.end(deps.metrics().map(metricText).join(""));
  }
  deps.app(request, response, path);
}

/** A gauge in Prometheus' text format. */
function metricText([name, help, value]: Metric): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`;
}

function decodePath(url: string): string {
  try {
    return decodeURIComponent(url.split("?")[0] ?? "/");
  } catch {
    throw new Refusal("not-found");
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

function manifestOf(deps: ServerDeps, request: IncomingMessage) {
  const { manifest, options } = deps;
  return {
    genesis: manifest.genesis,
    chain: manifest.chain,
    relays: relayAddresses(deps, request),
    head: manifest.head,
    parameters: options.parameters,
    mayFound: manifest.genesis === null && mayFound(options, request),
  };
}

/** The address under which this very request reached the relay, directly or through a proxy, unless told otherwise: it works for whoever asked. */
function relayAddresses(deps: ServerDeps, request: IncomingMessage): readonly string[] {
  if (deps.options.announce.length > 0) return deps.options.announce.map((address) => withPeer(address, deps.peerId));
  const secure = isEncrypted(request.socket) || request.headers["x-forwarded-proto"] === "https";
  const match = /^(\[[\da-fA-F:.]+\]|[\w.-]{1,253})(?::(\d{1,5}))?$/.exec(request.headers.host ?? "");
  if (match === null) return [];
  const [, name = "", port = secure ? "443" : "80"] = match;
  const host = name.startsWith("[") ? `/ip6/${name.slice(1, -1)}` : /^[\d.]+$/.test(name) ? `/ip4/${name}` : `/dns4/${name}`;
  return [withPeer(`${host}/tcp/${port}${secure ? "/tls/ws" : "/ws"}`, deps.peerId)];
}

function withPeer(address: string, peerId: string): string {
  return address.includes("/p2p/") ? address : `${address}/p2p/${peerId}`;
}

function isEncrypted(socket: Socket): boolean {
  return "encrypted" in socket && socket.encrypted === true;
}

/**
 * Whether a request may found: it comes from this machine, its Host is this machine's (else a page of the internet could reach here by rebinding its
 * name), its Origin, if a browser sent one, is the app's own, and no proxy stands between, which would make everyone local.
 */
export function mayFound(options: Pick<RelayOptions, "found">, request: IncomingMessage): boolean {
  const { host = "", origin } = request.headers;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) return false;
  if (options.found === "anyone") return true;
  if (["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"].some((name) => name in request.headers)) return false;
  const remote = plainAddress(request.socket.remoteAddress);
  const local = plainAddress(request.socket.localAddress);
  if (!isLoopback(remote) && remote !== local) return false;
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return name === "localhost" || isLoopback(name) || name === local;
}

function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:/, "");
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^127\.\d+\.\d+\.\d+$/.test(address);
}

async function postManifest(deps: ServerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  requireThat(mayFound(deps.options, request), "not-authorized");
  const body = await readJson(request);
  const genesis = typeof body["genesis"] === "string" ? hexToBytes(body["genesis"]) : undefined;
  requireThat(genesis, "schema-invalid", { field: "genesis" });
  if (deps.manifest.found(genesis) === "founded") return answer(response, 201, manifestOf(deps, request));
  answer(response, 409, { code: "already-exists", data: {}, manifest: manifestOf(deps, request) });
}

async function postHead(deps: ServerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  requireThat(mayFound(deps.options, request), "not-authorized");
  const { chain, height, digest } = await readJson(request);
  requireThat(chain === deps.manifest.chain, "wrong-chain");
  requireThat(typeof height === "number" && Number.isSafeInteger(height) && height >= 0, "schema-invalid", { field: "height" });
  requireThat(typeof digest === "string" && hexToBytes(digest)?.length === 32, "schema-invalid", { field: "digest" });
  deps.manifest.hintHead({ height, digest });
  answer(response, 200, manifestOf(deps, request));
}

async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    requireThat(length <= BODY_BYTES_MAX, "too-large", { bytesMax: BODY_BYTES_MAX });
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new Refusal("encoding-invalid");
  }
  requireThat(typeof body === "object" && body !== null && !Array.isArray(body), "schema-invalid", { expected: "an object" });
  return body as Readonly<Record<string, unknown>>;
}
