/** The command line of the relay. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { DEFAULT_PARAMETERS, PARAMETER_BOUNDS, type Parameters } from "../src/protocol/genesis.ts";

export const help = (): string =>
  readFileSync(new URL("help.txt", import.meta.url), "utf8").replace("{{parameters}}", Object.keys(PARAMETER_BOUNDS).join(", "));

const OPTIONS = {
  port: { type: "string" },
  host: { type: "string" },
  app: { type: "string", default: "dist" },
  data: { type: "string", default: ".bothy" },
  new: { type: "boolean", default: false },
  found: { type: "string", default: "here" },
  announce: { type: "string", multiple: true, default: [] as string[] },
  parameter: { type: "string", multiple: true, default: [] as string[] },
  https: { type: "boolean", default: false },
  lan: { type: "string", multiple: true, default: [] as string[] },
  help: { type: "boolean", default: false },
} as const;

/** help.txt says what each is for. */
export type RelayOptions = Exclude<ReturnType<typeof readOptions>, "help">;

/** @throws {Error} with a sentence for the person at the terminal. */
export function readOptions(args: readonly string[], environment: Readonly<Record<string, string | undefined>>) {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return "help";
  const port = Number(values.port ?? environment["PORT"] ?? 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error("--port is a number from 0 to 65535");
  if (values.found !== "here" && values.found !== "anyone") throw new Error("--found is here or anyone");
  const host = values.host ?? environment["HOST"] ?? (values.https ? "0.0.0.0" : "localhost");
  return { ...values, port, host, found: values.found, parameters: readParameters(values.parameter) } as const;
}

function readParameters(given: readonly string[]): Parameters {
  const bounds = new Map<string, readonly [min: number, max: number]>(Object.entries(PARAMETER_BOUNDS));
  const parameters: Record<string, number> = { ...DEFAULT_PARAMETERS };
  for (const entry of given) {
    const [name = "", text = ""] = entry.split("=");
    const [min, max] = bounds.get(name) ?? [0, -1];
    if (max < min) throw new Error(`--parameter ${name}: known are ${[...bounds.keys()].join(", ")}`);
    const number = text === "" ? NaN : Number(text);
    if (!(Number.isSafeInteger(number) && number >= min && number <= max))
      throw new Error(`--parameter ${name} is an integer from ${min} to ${max}`);
    parameters[name] = number;
  }
  return parameters as unknown as Parameters;
}
