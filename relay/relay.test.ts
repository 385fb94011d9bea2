/** The relay as people run it: a process of its own, spoken to over its port. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { get as httpGet, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { noise } from "@libp2p/noise";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { bytesToHex } from "../src/kit/bytes.ts";
import { DEFAULT_PARAMETERS, encodeGenesis, GENESIS_VERSION, type Genesis } from "../src/protocol/genesis.ts";
import { encodeFrame, FrameReader } from "../src/protocol/frames.ts";
import { decodeIntroduction, encodeIntroduction, RENDEZVOUS_PROTOCOL, type Introduction } from "../src/protocol/introduction.ts";
import { LIMITS } from "../src/protocol/limits.ts";
import { asAccountId, asVotingKey } from "../src/protocol/identifiers.ts";
import { openHttps } from "./https.ts";
import { readOptions } from "./options.ts";

const BIG_SCRIPT = `export const text = "${"a".repeat(5000)}";\n`;

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bothy-relay-test-"));
  mkdirSync(join(folder, "app", "assets"), { recursive: true });
  writeFileSync(join(folder, "app", "index.html"), "<!doctype html><title>Bothy</title>");
  writeFileSync(join(folder, "app", "assets", "index-DiGesT01.js"), BIG_SCRIPT);
  writeFileSync(join(folder, "secret"), "not for you");
});

afterEach(async () => {
  for (const child of children.splice(0)) await end(child, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, "exit");
  }
  return child.exitCode;
}

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly output: () => string;
}

function launch(args: readonly string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, ["dist-relay/main.js", "--app", join(folder, "app"), "--data", join(folder, "data"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PORT: undefined, HOST: undefined },
  });
  children.push(child);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output };
}

async function start(...args: string[]): Promise<Running> {
  const { child, output } = launch(["--port", "0", ...args]);
  for (;;) {
    const url = /Bothy is at (\S+)/.exec(output())?.[1];
    if (url !== undefined) return { child, url, output };
    if (child.exitCode !== null) throw new Error(output());
    await Promise.race([once(child.stdout!, "data"), once(child, "exit")]);
  }
}

function genesisHex(name: string): string {
  const genesis: Genesis = {
    version: GENESIS_VERSION,
    kind: "public",
    name,
    token: "coal",
    createdMs: 1_800_000_000_000,
    founder: asAccountId(new Uint8Array(32).fill(1)),
    foundingSeat: asVotingKey(new Uint8Array(32).fill(2)),
    parameters: DEFAULT_PARAMETERS,
    salt: new Uint8Array(16).fill(3),
  };
  return bytesToHex(encodeGenesis(genesis));
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** `fetch` would not let a test choose Host. */
async function call(url: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Answer> {
  const request = httpRequest(url, { method: options.method ?? "GET", headers: options.headers ?? {} });
  request.end(options.body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode!, body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : { text } };
}

const found = (url: string, name: string, headers: Record<string, string> = {}): Promise<Answer> =>
  call(`${url}/bothy/manifest`, { method: "POST", headers, body: JSON.stringify({ genesis: genesisHex(name) }) });

describe("the relay serves the app", () => {
  it("with security headers, compressed, cached by digest, and nothing from outside its folder", async () => {
    const { url } = await start();
    const page = await fetch(url);
    expect(await page.text()).toContain("<title>Bothy</title>");
    expect(page.headers.get("content-security-policy")).toMatch(/script-src 'self' 'wasm-unsafe-eval';.*frame-ancestors 'none'/);
    expect(page.headers.get("content-security-policy")).not.toContain("'unsafe-eval'");
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(page.headers.get("cache-control")).toBe("no-cache");

    const script = await fetch(`${url}/assets/index-DiGesT01.js`, { headers: { "accept-encoding": "br, gzip" } });
    expect(script.headers.get("content-encoding")).toBe("br");
    expect(script.headers.get("cache-control")).toContain("immutable");
    expect(await script.text()).toBe(BIG_SCRIPT);
    const again = await fetch(`${url}/assets/index-DiGesT01.js`, {
      headers: { "accept-encoding": "br, gzip", "if-none-match": script.headers.get("etag")! },
    });
    expect(again.status).toBe(304);

    for (const path of ["/../secret", "/%2e%2e/secret", "/assets/..%2f..%2fsecret", "/%ff", "/nothing.js"])
      expect([path, (await call(url + path)).status]).toEqual([path, 404]);
    expect((await call(url, { method: "DELETE" })).status).toBe(405);
  });

  it("with what a build replaced while it runs, and nothing from outside its folder by dots or links", async () => {
    const { url } = await start();
    const raw = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        // `fetch` would take the dots out by itself.
        httpGet({ port: new URL(url).port, host: new URL(url).hostname, path }, (response) => {
          response.resume();
          resolve(response.statusCode!);
        }).on("error", reject);
      });
    expect((await fetch(`${url}/assets/index-DiGesT02.js`)).status).toBe(404);
    writeFileSync(join(folder, "app", "index.html"), "<!doctype html><title>Another build</title>");
    writeFileSync(join(folder, "app", "assets", "index-DiGesT02.js"), BIG_SCRIPT);
    rmSync(join(folder, "app", "assets", "index-DiGesT01.js"));
    expect(await (await fetch(url)).text()).toContain("Another build");
    expect((await fetch(`${url}/assets/index-DiGesT02.js`)).status).toBe(200);
    expect((await fetch(`${url}/assets/index-DiGesT01.js`)).status).toBe(404);
    symlinkSync(join(folder, "secret"), join(folder, "app", "link"));
    for (const path of ["/../secret", "/assets/../../secret", "/link", "/assets", "/assets/"])
      expect([path, await raw(path)]).toEqual([path, 404]);
    expect(await raw("/assets/../index.html")).toBe(200);
  });

  it("says that it is healthy, and its figures to Prometheus", async () => {
    const { url } = await start();
    const health = await call(`${url}/healthz`);
    expect(health).toEqual({ status: 200, body: { status: "ok", peer: expect.stringMatching(/^12D3KooW/) } });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^# TYPE bothy_reservations gauge\nbothy_reservations 0$/m);
    expect(metrics).toMatch(/^bothy_founded 0$/m);
  });

  it("takes WebSockets on the same port", async () => {
    const { url } = await start();
    const socket = new WebSocket(url.replace("http", "ws"));
    await once(socket, "open");
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.close();
    await once(socket, "close");
  });
});

describe("the manifest", () => {
  it("is founded once: of two at the same moment one wins, and it outlives a restart under the same peer", async () => {
    const { child, url } = await start();
    const empty = await call(`${url}/bothy/manifest`);
    expect(empty.body).toMatchObject({ genesis: null, mayFound: true, parameters: DEFAULT_PARAMETERS });
    const answers = await Promise.all([found(url, "one"), found(url, "two")]);
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 409]);
    const winner = answers.find(({ status }) => status === 201)!.body;
    const loser = answers.find(({ status }) => status === 409)!.body;
    expect(loser["code"]).toBe("already-exists");
    expect((loser["manifest"] as Record<string, unknown>)["genesis"]).toBe(winner["genesis"]);
    const { peer } = (await call(`${url}/healthz`)).body;
    expect(await end(child, "SIGTERM")).toBe(0);

    const again = await start();
    expect((await call(`${again.url}/bothy/manifest`)).body).toMatchObject({
      genesis: winner["genesis"],
      mayFound: false,
    });
    expect((await call(`${again.url}/healthz`)).body["peer"]).toBe(peer);
  });

  it("refuses what is no genesis, and bodies that are too large", async () => {
    const { url } = await start();
    const post = async (body: string): Promise<unknown[]> => {
      const { status, body: answer } = await call(`${url}/bothy/manifest`, { method: "POST", body });
      return [status, answer["code"]];
    };
    expect(await post("nonsense")).toEqual([400, "encoding-invalid"]);
    expect(await post("[]")).toEqual([400, "schema-invalid"]);
    expect(await post('{"genesis":"xyz"}')).toEqual([400, "schema-invalid"]);
    expect(await post('{"genesis":"a0"}')).toEqual([400, "schema-invalid"]);
    expect(await post(`{"genesis":"${"00".repeat(100_000)}"}`)).toEqual([413, "too-large"]);
    expect((await call(`${url}/bothy/manifest`)).body["genesis"]).toBeNull();
  });

  it("is founded from this machine only: not through a proxy, a foreign page, or a rebound name", async () => {
    const { url } = await start();
    const refused = { status: 403, body: { code: "not-authorized", data: {} } };
    expect(await found(url, "one", { "x-forwarded-for": "203.0.113.7" })).toEqual(refused);
    expect(await found(url, "one", { forwarded: "for=203.0.113.7" })).toEqual(refused);
    expect(await found(url, "one", { origin: "https://evil.example" })).toEqual(refused);
    expect(await found(url, "one", { host: "evil.example" })).toEqual(refused);
    expect(await found(url, "one", { host: "evil.example", origin: "http://evil.example" })).toEqual(refused);
    expect((await call(`${url}/bothy/manifest`, { headers: { "x-forwarded-for": "203.0.113.7" } })).body["mayFound"]).toBe(false);
    expect((await found(url, "one", { origin: new URL(url).origin })).status).toBe(201);
  });

  it("is founded by anyone where the relay was told so, also through a proxy, which decides the address handed out", async () => {
    const { url } = await start("--found", "anyone", "--parameter", "claimBits=0", "--parameter", "baseTimeoutMs=300");
    const proxied = { "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", host: "bothy.example" };
    const answer = await found(url, "one", { ...proxied, origin: "https://bothy.example" });
    expect(answer.status).toBe(201);
    expect(answer.body["parameters"]).toEqual({ ...DEFAULT_PARAMETERS, claimBits: 0, baseTimeoutMs: 300 });
    expect(answer.body["relays"]).toEqual([expect.stringMatching(/^\/dns4\/bothy\.example\/tcp\/443\/tls\/ws\/p2p\/12D3KooW/)]);
  });

  it("--new puts the old one aside and keeps the relay's identity", async () => {
    const first = await start();
    await found(first.url, "one");
    const { peer } = (await call(`${first.url}/healthz`)).body;
    await end(first.child, "SIGINT");
    const second = await start("--new");
    expect((await call(`${second.url}/bothy/manifest`)).body["genesis"]).toBeNull();
    expect((await call(`${second.url}/healthz`)).body["peer"]).toBe(peer);
    const aside = readdirSync(join(folder, "data")).filter((name) => name.startsWith("genesis-"));
    expect(aside).toHaveLength(1);
    expect(readFileSync(join(folder, "data", aside[0]!), "utf8")).toBe(genesisHex("one"));
  });
});

describe("the command line", () => {
  it("helps, and names what is wrong", async () => {
    const outcome = async (...args: string[]): Promise<string> => {
      const { child, output } = launch(args);
      await once(child, "exit");
      return `${child.exitCode} ${output()}`;
    };
    expect(await outcome("--help")).toMatch(/^0 Bothy's relay.*--parameter NAME=N/s);
    expect(await outcome("--port", "80000")).toMatch(/^1 bothy: --port/);
    expect(await outcome("--parameter", "claimBits=99")).toMatch(/^1 bothy: --parameter claimBits is an integer from 0 to 24/);
    expect(await outcome("--parameter", "speed=9")).toMatch(/^1 bothy: --parameter speed: known are/);
    expect(await outcome("--nonsense")).toMatch(/^1 bothy: /);
  });

  it("serves this machine on port 8080, the room with --https, and what the environment or, above it, an option names", () => {
    expect(readOptions([], {})).toMatchObject({ host: "localhost", port: 8080, app: "dist", data: ".bothy", found: "here" });
    expect(readOptions(["--https"], {})).toMatchObject({ host: "0.0.0.0", port: 8080 });
    const environment = { HOST: "10.0.0.7", PORT: "9000" };
    expect(readOptions(["--https"], environment)).toMatchObject({ host: "10.0.0.7", port: 9000 });
    expect(readOptions(["--host", "::1", "--port", "9001"], environment)).toMatchObject({ host: "::1", port: 9001 });
  });
});

describe("--https", () => {
  it("serves app and WebSocket under a certificate of its own authority, and guides phones in trusting it", async () => {
    const port = String(await freePair());
    const { url, child } = await start("--https", "--lan", "127.0.0.1", "--host", "127.0.0.1", "--port", port);
    expect(url).toBe(`https://127.0.0.1:${port}`);
    const ca = readFileSync(join(folder, "data", "authority.crt"));
    const request = httpsRequest(`${url}/bothy/manifest`, { ca }).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += String(chunk);
    expect(text).toMatch(`"/ip4/127.0.0.1/tcp/${port}/tls/ws/p2p/`);
    expect(JSON.parse(text)).toMatchObject({ room: { app: url, guide: `http://127.0.0.1:${Number(port) + 1}/certificate` } });
    const socket = new WebSocket(url.replace("https", "wss"), { ca });
    await once(socket, "open");
    socket.close();
    await expect(once(httpsRequest(url).end(), "response")).rejects.toThrow(/certificate/);

    const guide = `http://127.0.0.1:${Number(port) + 1}`;
    const page = await (await fetch(`${guide}/certificate`)).text();
    expect(page).toContain(`href="${url}"`);
    expect(page).not.toContain("{{");
    expect((await fetch(`${guide}/bothy.crt`)).headers.get("content-type")).toBe("application/x-x509-ca-cert");
    expect(await (await fetch(`${guide}/bothy.mobileconfig`)).text()).toMatch(/<data>[\w+/=]{200,}<\/data>/);
    expect((await fetch(`${guide}/`)).status).toBe(404);
    await end(child, "SIGTERM");

    await start("--https", "--lan", "127.0.0.1", "--host", "127.0.0.1", "--port", port, "--new");
    expect(readFileSync(join(folder, "data", "authority.crt"))).toEqual(ca);
  });

  it("certifies every private address of this machine, and no other: one would make the whole certificate void", async () => {
    const { credentials } = await openHttps(folder, ["192.168.1.5", "10.0.0.7", "172.31.0.1", "fd00::1"]);
    const [, authority] = credentials.cert.split(/(?<=-----END CERTIFICATE-----\n)/) as [string, string];
    const server = createTlsServer(credentials).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    // OpenSSL checks the names against the authority's constraints, as phones do.
    const socket = connectTls({ port, host: "127.0.0.1", ca: authority });
    await once(socket, "secureConnect");
    expect(socket.authorized).toBe(true);
    expect(socket.getPeerCertificate().subjectaltname).toBe(
      "DNS:localhost, IP Address:192.168.1.5, IP Address:10.0.0.7, IP Address:172.31.0.1, IP Address:FD00:0:0:0:0:0:0:1, IP Address:127.0.0.1",
    );
    socket.destroy();
    server.close();
    for (const strange of ["100.101.102.103", "169.254.1.1", "172.32.0.1", "2001:db8::1"]) {
      await expect(openHttps(folder, ["192.168.1.5", strange])).rejects.toThrow(`--lan ${strange}: not a private address`);
    }
  });

  /** A free port whose next one is free too. */
  async function freePair(): Promise<number> {
    for (;;) {
      const first = createServer().listen(0, "127.0.0.1");
      await once(first, "listening");
      const { port } = first.address() as { port: number };
      const second = createServer().listen(port + 1, "127.0.0.1");
      const free = await Promise.race([once(second, "listening").then(() => true), once(second, "error").then(() => false)]);
      first.close();
      second.close();
      if (free) return port;
    }
  }
});

describe("the rendezvous", () => {
  const chain = "ab".repeat(32);
  const ask = encodeFrame(encodeIntroduction({ chain }));

  async function connect(url: string) {
    globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;
    const { relays } = (await call(`${url}/bothy/manifest`)).body as { relays: string[] };
    const node = await createLibp2p({ transports: [webSockets()], connectionEncrypters: [noise()], streamMuxers: [yamux()] });
    const stream = await node.dialProtocol(multiaddr(relays[0]), RENDEZVOUS_PROTOCOL);
    const told: Introduction[] = [];
    const reader = new FrameReader(LIMITS.introductionBytesMax);
    stream.addEventListener("message", ({ data }) => told.push(...reader.push(data.subarray()).map(decodeIntroduction)));
    return { node, stream, told, id: node.peerId.toString() };
  }

  it("has room for more tabs than libp2p grants by itself, and has it again when they have gone", { timeout: 60_000 }, async () => {
    const { url } = await start();
    const reservations = async (): Promise<number> =>
      Number(/^bothy_reservations (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())![1]);
    const tabs: Awaited<ReturnType<typeof connect>>[] = [];
    while (tabs.length < 20) tabs.push(await connect(url));
    // RESERVE of circuit relay v2, and the status OK at the end of its answer.
    const answers = tabs.map(async ({ node }) => {
      const stream = await node.getConnections()[0]!.newStream("/libp2p/circuit/relay/0.2.0/hop");
      stream.send(Uint8Array.of(2, 0x08, 0));
      for await (const part of stream) return [...part.subarray().slice(-2)];
      return [];
    });
    expect(await Promise.all(answers)).toEqual(tabs.map(() => [0x28, 100]));
    expect(await reservations()).toBe(20);
    for (const { node } of tabs) await node.stop();
    await vi.waitFor(async () => expect(await reservations()).toBe(0));
  });

  it("introduces peers of one chain, and says who left", async () => {
    const { url } = await start();
    const first = await connect(url);
    const second = await connect(url);
    first.stream.send(ask);
    await vi.waitFor(() => expect(first.told).toEqual([{ chain, peers: [], hears: [], left: [] }]));
    second.stream.send(ask);
    await vi.waitFor(() => expect(second.told).toEqual([{ chain, peers: [first.id], hears: [], left: [] }]));
    await vi.waitFor(() => expect(first.told.at(-1)).toEqual({ chain, peers: [second.id], hears: [], left: [] }));
    await second.node.stop();
    await vi.waitFor(() => expect(first.told.at(-1)).toEqual({ chain, peers: [], hears: [], left: [second.id] }));
    await first.node.stop();
  });

  it("cuts who asks too often or sends no introduction, and counts it", async () => {
    const { url } = await start();
    const flooder = await connect(url);
    for (let i = 0; i < 100; i++) flooder.stream.send(ask);
    await vi.waitFor(() => expect(flooder.stream.status).not.toBe("open"));
    expect(flooder.told.length).toBeLessThan(70);
    const babbler = await connect(url);
    babbler.stream.send(encodeFrame(Uint8Array.of(1, 2, 3)));
    await vi.waitFor(() => expect(babbler.stream.status).not.toBe("open"));
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^bothy_rendezvous_refused 2$/m);
    await Promise.all([flooder.node.stop(), babbler.node.stop()]);
  });

  it("ends a stream with whoever ended it, so that one connection may open any number of them in turn", async () => {
    const { url } = await start();
    const { node, stream: first } = await connect(url);
    const [connection] = node.getConnections();
    let stream = first;
    for (let turn = 0; turn < 10; turn++) {
      stream.send(turn % 2 === 0 ? ask : ask.subarray(0, 7));
      await stream.close();
      await vi.waitFor(() => expect(stream.status).toBe("closed"));
      stream = await connection!.newStream(RENDEZVOUS_PROTOCOL);
    }
    const told: Introduction[] = [];
    const reader = new FrameReader(LIMITS.introductionBytesMax);
    stream.addEventListener("message", ({ data }) => told.push(...reader.push(data.subarray()).map(decodeIntroduction)));
    stream.send(ask);
    await vi.waitFor(() => expect(told).toEqual([{ chain, peers: [], hears: [], left: [] }]));
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^bothy_rendezvous_refused 0$/m);
    await node.stop();
  });
});

describe("stopping", () => {
  it("ends at once and cleanly with requests and WebSockets open", async () => {
    const { url, child } = await start();
    const socket = new WebSocket(url.replace("http", "ws"));
    await once(socket, "open");
    const idle = httpGet(url, { agent: false, headers: { connection: "keep-alive" } });
    idle.on("error", () => undefined);
    await once(idle, "response");
    const closed = Promise.race([once(socket, "close"), once(socket, "error")]);
    expect(await end(child, "SIGTERM")).toBe(0);
    await closed;
  });
});
