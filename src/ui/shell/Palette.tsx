import { Spotlight, spotlight, type SpotlightActionData, type SpotlightActionGroupData } from "@mantine/spotlight";
import "@mantine/spotlight/styles.css";
import { useDebouncedValue } from "@mantine/hooks";
import { IconDevicesPlus, IconFileCode2, IconPlus, IconSearch, IconSend } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { hitPath, hitText } from "../ledger/hits.ts";
import { Identicon, type IdenticonKind } from "../pattern/Identicon.tsx";
import { useText } from "../text/language.tsx";
import { useAsk } from "./peer-context.tsx";
import { DAILY_PLACES, useOtherPlaces } from "./places.ts";

const HIT_KINDS: Readonly<Record<string, IdenticonKind>> = { device: "device", contract: "contract", account: "account", block: "block" };

/** Verbs first, then places, then things by name, digest or height. */
export function Palette({ onClose }: { onClose: () => void }) {
  const text = useText();
  const [, go] = useLocation();
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(typed.trim(), 150);
  const hits = useAsk("search", wanted === "" ? null : { text: wanted }, "once");
  useEffect(() => spotlight.open(), []);
  const otherPlaces = useOtherPlaces();
  const hasWallet = otherPlaces.some(({ name }) => name === "wallet");
  const needle = typed.trim().toLocaleLowerCase();
  const fits = (label: string): boolean => label.toLocaleLowerCase().includes(needle);
  const verbs: readonly SpotlightActionData[] = [
    { id: "add-device", label: text.home.actions.addDevice, leftSection: <IconDevicesPlus size={22} />, onClick: () => go("/devices/add") },
    {
      id: "write-contract",
      label: text.home.actions.writeContract,
      leftSection: <IconFileCode2 size={22} />,
      onClick: () => go("/contracts/new"),
    },
    ...(hasWallet ? [{ id: "send", label: text.wallet.send, leftSection: <IconSend size={22} />, onClick: () => go("/wallet") }] : []),
    { id: "new-bot", label: text.bots.newBot, leftSection: <IconPlus size={22} />, onClick: () => go("/bots/new") },
  ];
  const places: readonly SpotlightActionData[] = [...DAILY_PLACES, ...otherPlaces].map(({ name, path, Icon }) => ({
    id: name,
    label: text.places[name],
    leftSection: <Icon size={22} stroke={1.7} />,
    onClick: () => go(path),
  }));
  const found: readonly SpotlightActionData[] = (hits.value ?? []).map((hit) => ({
    id: `${hit.kind}${hit.id}`,
    label: hitText(hit.title),
    description: [text.ledger.kinds[hit.kind], hitText(hit.note)].filter(Boolean).join(" · "),
    leftSection: <Identicon id={hit.id} kind={HIT_KINDS[hit.kind] ?? "block"} size={26} />,
    onClick: () => go(hitPath(hit)),
  }));
  const groups: readonly SpotlightActionGroupData[] = [
    { group: text.palette.do, actions: verbs.filter(({ label }) => fits(label ?? "")) },
    { group: text.palette.goTo, actions: places.filter(({ label }) => fits(label ?? "")) },
    { group: text.palette.found, actions: [...found] },
  ].filter(({ actions }) => actions.length > 0);
  return (
    <Spotlight
      actions={[...groups]}
      query={typed}
      onQueryChange={setTyped}
      onSpotlightClose={onClose}
      // The peer has searched already; what it found need not have the words in its title.
      filter={(_, actions) => actions}
      shortcut={null}
      overlayProps={{ backgroundOpacity: 0.4, blur: 0 }}
      attributes={{ content: { "aria-label": text.shell.find } }}
      scrollable
      maxHeight={420}
      nothingFound={text.ledger.nothingFound}
      searchProps={{
        leftSection: <IconSearch size={20} aria-hidden />,
        placeholder: text.palette.placeholder,
        "aria-label": text.palette.placeholder,
      }}
    />
  );
}
