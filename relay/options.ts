/** The command line of the relay. */
import { parseArgs } from "node:util";
import { DEFAULT_PARAMETERS, PARAMETER_BOUNDS, type Parameters } from "../src/protocol/genesis.ts";

export interface RelayOptions {
  readonly port: number;
  readonly host: string;
  /** Folder of the built app. */
  readonly app: string;
  /** Folder of the manifest, the relay's key and the certificate authority. */
  readonly data: string;
  /** Put an old data folder aside and found anew. */
  readonly renew: boolean;
  readonly found: "here" | "anyone";
  /** Multiaddrs to hand out instead of those derived from a request's Host. */
  readonly announce: readonly string[];
  readonly parameters: Parameters;
  readonly https: boolean;
  /** Addresses in the certificate, instead of those of this machine's interfaces. */
  readonly lan: readonly string[];
}

export const HELP = `Bothy's relay: serves the app, keeps the manifest of one BoT, and introduces tabs to each other.

  --port N               port of the app and of the WebSocket (PORT, 8080; 0 chooses one)
  --host NAME            address to listen on (HOST, localhost; 0.0.0.0 with --https)
  --app FOLDER           the built app (dist)
  --data FOLDER          manifest, keys and certificates (.bothy)
  --new                  put the old data folder aside and found another BoT
  --found here|anyone    who may found: this machine only (default), or whoever comes first
  --announce MULTIADDR   an address of this relay to hand out; may be repeated
  --parameter NAME=N     a founding parameter; may be repeated:
                         ${Object.keys(PARAMETER_BOUNDS).join(", ")}
  --https                serve over HTTPS with a private certificate authority, for phones in the room;
                         a page that installs its root is served over HTTP on the next port
  --lan ADDRESS          with --https: the address that phones use; may be repeated (found by itself)
  --help                 this text
`;

/** @throws {Error} with a sentence for the person at the terminal. */
export function readOptions(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): RelayOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string" },
      host: { type: "string" },
      app: { type: "string", default: "dist" },
      data: { type: "string", default: ".bothy" },
      new: { type: "boolean", default: false },
      found: { type: "string", default: "here" },
      announce: { type: "string", multiple: true, default: [] },
      parameter: { type: "string", multiple: true, default: [] },
      https: { type: "boolean", default: false },
      lan: { type: "string", multiple: true, default: [] },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const port = Number(values.port ?? environment["PORT"] ?? 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error("--port is a number from 0 to 65535");
  if (values.found !== "here" && values.found !== "anyone") throw new Error("--found is here or anyone");
  return {
    port,
    host: values.host ?? environment["HOST"] ?? (values.https ? "0.0.0.0" : "localhost"),
    app: values.app,
    data: values.data,
    renew: values.new,
    found: values.found,
    announce: values.announce,
    parameters: readParameters(values.parameter),
    https: values.https,
    lan: values.lan,
  };
}

function readParameters(given: readonly string[]): Parameters {
  const parameters: Record<string, number> = { ...DEFAULT_PARAMETERS };
  for (const entry of given) {
    const [name = "", text = ""] = entry.split("=");
    const bounds = Object.entries(PARAMETER_BOUNDS).find(([known]) => known === name)?.[1];
    if (bounds === undefined) throw new Error(`--parameter ${name}: known are ${Object.keys(PARAMETER_BOUNDS).join(", ")}`);
    const number = Number(text);
    if (text === "" || !Number.isSafeInteger(number) || number < bounds[0] || number > bounds[1])
      throw new Error(`--parameter ${name} is an integer from ${bounds[0]} to ${bounds[1]}`);
    parameters[name] = number;
  }
  return parameters as unknown as Parameters;
}
