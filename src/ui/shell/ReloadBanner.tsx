import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { Banner } from "../pattern/PageState.tsx";
import { useText } from "../text/language.tsx";
import { usePeer, usePlatform } from "./peer-context.tsx";

/** Something waits for a reload, which is offered where it costs nothing: where keys end with the tab, it would end the account. */
export function ReloadBanner({
  icon,
  what,
  reloadable,
  notReloadable,
}: {
  icon: ReactNode;
  what: string;
  reloadable: string;
  notReloadable: string;
}) {
  const text = useText();
  const { reload } = usePlatform();
  const keysDurable = usePeer((state) => state.status?.keysDurable ?? true);
  return (
    <Banner
      tone="tentative"
      icon={icon}
      action={
        keysDurable && (
          <Button variant="default" size="compact-md" onClick={reload}>
            {text.notices.reload}
          </Button>
        )
      }
    >
      {what} {keysDurable ? reloadable : notReloadable}
    </Banner>
  );
}
