/** HTTPS in one room: a certificate authority of this relay's own, a certificate for its LAN addresses, and a page that guides phones in trusting it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { BlockList, isIPv6, type ListenOptions } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import "reflect-metadata/lite";
import * as x509 from "@peculiar/x509";
import encodeQr from "qr";
import { SECURITY_HEADERS } from "./app.ts";

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Phones refuse certificates of more than 825 days; a new one is made at every start. */
const CERTIFICATE_DAYS = 397;
/** RFC 1918, loopback, RFC 4193. The authority may speak for no other address. */
const PRIVATE = { "10.0.0.0": 8, "172.16.0.0": 12, "192.168.0.0": 16, "127.0.0.0": 8, "fc00::": 7 } as const;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export type Https = Awaited<ReturnType<typeof openHttps>>;

type Certified = { readonly certificate: x509.X509Certificate; readonly privateKey: CryptoKey };

/** A certificate for the LAN addresses, and a guide to its root: a page over plain HTTP and two QR codes; it gives what ends the page. */
export async function openHttps(folder: string, given: readonly string[]) {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = interfaces.filter(({ internal, family, address }) => !internal && family === "IPv4" && isPrivate(address));
  const strange = given.find((address) => !isPrivate(address));
  if (strange !== undefined) throw new Error(`--lan ${strange}: not a private address, so no phone would accept its certificate`);
  const lan = given.length > 0 ? given : found.map(({ address }) => address);
  if (lan.length === 0) throw new Error("no address in a local network found; name one with --lan");
  const root = await loadAuthority(join(folder, "authority.key"), join(folder, "authority.crt"));
  const names = [...new Set([...lan, "127.0.0.1"])].map((value) => ({ type: "ip" as const, value }));
  const { certificate, privateKey } = await certify(`CN=${lan[0]}`, CERTIFICATE_DAYS, root, [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }, ...names]),
  ]);
  const credentials = { key: await pemOf(privateKey), cert: `${certificate.toString("pem")}\n${root.certificate.toString("pem")}\n` };
  return { lan, credentials, guide: (at: ListenOptions, app: string, url: string) => guide(root.certificate, at, app, url) };
}

function isPrivate(address: string): boolean {
  const known = new BlockList();
  for (const [network, bits] of Object.entries(PRIVATE)) known.addSubnet(network, bits, isIPv6(network) ? "ipv6" : "ipv4");
  return known.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

async function pemOf(privateKey: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", privateKey), "PRIVATE KEY");
}

/** A new key and its certificate, signed by the issuer or, without one, by itself. */
async function certify(subject: string, days: number, issuer: Certified | null, extensions: x509.Extension[]): Promise<Certified> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer?.certificate.subject ?? subject,
    publicKey,
    signingKey: issuer?.privateKey ?? privateKey,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + days * DAY_MS),
    extensions: [
      ...extensions,
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer?.certificate.publicKey ?? publicKey),
    ],
  });
  return { certificate, privateKey };
}

/** Made once: phones that trust it shall not have to again. */
async function loadAuthority(keyPath: string, certificatePath: string): Promise<Certified> {
  if (existsSync(keyPath) && existsSync(certificatePath)) {
    const key = x509.PemConverter.decodeFirst(readFileSync(keyPath, "utf8"));
    const privateKey = await crypto.subtle.importKey("pkcs8", key, ALGORITHM, false, ["sign"]);
    return { certificate: new x509.X509Certificate(readFileSync(certificatePath, "utf8")), privateKey };
  }
  const authority = await certify("CN=Bothy in this room", AUTHORITY_DAYS, null, [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.Extension("2.5.29.30", true, privateNamesOnly()),
  ]);
  writeFileSync(keyPath, await pemOf(authority.privateKey), { mode: 0o600 });
  writeFileSync(certificatePath, authority.certificate.toString("pem"));
  return authority;
}

/** NameConstraints (RFC 5280, 4.2.1.10): with a stolen key of the authority one can speak for private addresses and localhost, for no site of the internet. */
function privateNamesOnly(): Uint8Array<ArrayBuffer> {
  const der = (tag: number, body: readonly number[]): number[] => [tag, ...(body.length < 128 ? [] : [0x81]), body.length, ...body];
  const addresses = Object.entries(PRIVATE).map(([address, bits]) => {
    const bytes = isIPv6(address) ? [Number.parseInt(address, 16) >> 8, ...Array<number>(15).fill(0)] : address.split(".").map(Number);
    return der(0x87, [...bytes, ...bytes.map((_, i) => 256 - 2 ** (8 - Math.min(8, Math.max(0, bits - 8 * i))))]);
  });
  const permitted = [...addresses, der(0x82, [...Buffer.from("localhost")])].flatMap((name) => der(0x30, name));
  return Uint8Array.from(der(0x30, der(0xa0, permitted)));
}

async function guide(root: x509.X509Certificate, at: ListenOptions, app: string, url: string): Promise<() => void> {
  const text = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");
  const profile = text("certificate.mobileconfig").replace("{{certificate}}", root.toString("base64").replaceAll(/\s/g, ""));
  const pages: Readonly<Record<string, readonly [type: string, body: string | Buffer]>> = {
    "/certificate": ["text/html; charset=utf-8", text("certificate.html").replaceAll("{{app}}", app)],
    "/bothy.crt": ["application/x-x509-ca-cert", Buffer.from(root.rawData)],
    "/bothy.mobileconfig": ["application/x-apple-aspen-config", profile],
  };
  const server = createServer(({ url: path = "" }, response) => {
    const [type, body] = (Object.hasOwn(pages, path) ? pages[path] : undefined) ?? ["text/plain"];
    response.writeHead(body === undefined ? 404 : 200, { ...SECURITY_HEADERS, "content-type": type, "cache-control": "no-store" });
    response.end(body ?? "not found\n");
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(at, resolve));
  process.stdout.write(`\n1. Install the certificate, once on each phone: ${url}\n${encodeQr(url, "ascii")}\n`);
  process.stdout.write(`2. Open the app: ${app}\n${encodeQr(app, "ascii")}\n`);
  return () => server.close().closeAllConnections();
}
