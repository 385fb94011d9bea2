import {
  IconBuildingCommunity,
  IconChartLine,
  IconCpu,
  IconFileCode2,
  IconHome,
  IconLayoutList,
  IconScale,
  IconSettings,
  IconTopologyStar3,
  IconUserPlus,
  IconWallet,
} from "@tabler/icons-react";
import { usePeer } from "./peer-context.tsx";
import type { Text } from "../text/en.ts";

export interface Place {
  readonly name: keyof Text["places"];
  readonly path: string;
  /** Paths that belong to it beside its own. */
  readonly under: readonly string[];
  readonly Icon: typeof IconHome;
}

/** What people do daily; the phone's bar has these and More. */
export const DAILY_PLACES: readonly Place[] = [
  { name: "home", path: "/", under: [], Icon: IconHome },
  { name: "devices", path: "/devices", under: ["/device/"], Icon: IconCpu },
  { name: "data", path: "/data", under: ["/stream/"], Icon: IconChartLine },
  { name: "contracts", path: "/contracts", under: ["/contract/"], Icon: IconFileCode2 },
  { name: "ledger", path: "/ledger", under: ["/block/", "/transaction/", "/account/"], Icon: IconLayoutList },
];
const OTHER_PLACES: readonly Place[] = [
  { name: "network", path: "/network", under: [], Icon: IconTopologyStar3 },
  { name: "wallet", path: "/wallet", under: [], Icon: IconWallet },
  { name: "governance", path: "/governance", under: [], Icon: IconScale },
  { name: "invite", path: "/invite", under: [], Icon: IconUserPlus },
  { name: "bots", path: "/bots", under: ["/join/"], Icon: IconBuildingCommunity },
  { name: "settings", path: "/settings", under: [], Icon: IconSettings },
];

/** The others, without those that the BoT which is open has no use for. */
export function useOtherPlaces(): readonly Place[] {
  const hasTokens = usePeer(({ status }) => status === null || status.token !== "" || status.chain === "");
  return hasTokens ? OTHER_PLACES : OTHER_PLACES.filter(({ name }) => name !== "wallet");
}

export function isAt(place: Place, location: string): boolean {
  if (place.path === "/") return location === "/";
  return location === place.path || location.startsWith(`${place.path}/`) || place.under.some((path) => location.startsWith(path));
}
