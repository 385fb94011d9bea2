import { Button, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "../text/language.tsx";

/** Asks before something is lost for good: what is lost stands inside, and to leave it is the nearest. Without `onGo` there is nothing to be done. */
export function AskFirst({
  opened,
  title,
  go,
  onClose,
  onGo,
  children,
}: {
  opened: boolean;
  title: string;
  go: string;
  onClose: () => void;
  onGo: (() => void) | null;
  children: ReactNode;
}) {
  const text = useText();
  return (
    <Modal opened={opened} onClose={onClose} title={title} closeButtonProps={{ "aria-label": text.common.close }}>
      <div className="col">
        {children}
        <div className="decision-acts" data-ask>
          <Button variant="default" onClick={onClose} data-autofocus>
            {text.common.notNow}
          </Button>
          {onGo && (
            <Button color="rowan" onClick={onGo}>
              {go}
            </Button>
          )}
        </div>
      </div>
    </Modal>
  );
}
