/** Readings as a SenML file (RFC 8428), for other systems; loaded when somebody wants one. */
import type { ReadingInfo } from "../../sdk/api.ts";
import { LIMITS } from "../../sdk/api.ts";
import { buildPack, packToJson, type Reading } from "../../things/senml.ts";

/** What SenML has a field for; streams hold nothing else. */
function isPlain(value: ReadingInfo["value"]): value is number | string | boolean {
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean";
}

/**
 * One `application/senml+json` pack. Names begin with the device's identifier, for they must be unique in the world (section 4.5.1).
 * A base time lasts until the next one (section 4.1), so that packs of the ledger's size stand in one list.
 */
export function readingsToSenml(device: string, given: readonly ReadingInfo[]): string {
  const readings = given.flatMap(({ property, value, unit, timeMs }): readonly Reading[] =>
    isPlain(value) ? [{ name: property, value, timeMs, ...(unit === null ? {} : { unit }) }] : [],
  );
  const packs = [];
  for (let first = 0; first < readings.length; first += LIMITS.packRecordsMax)
    packs.push(buildPack(readings.slice(first, first + LIMITS.packRecordsMax), first === 0 ? { baseName: `${device}/` } : {}));
  return packToJson(packs.flat());
}
