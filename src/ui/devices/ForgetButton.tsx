import { Button, Modal } from "@mantine/core";
import { useState } from "react";
import { useDeed } from "../pattern/use-deed.ts";
import { useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

/** This tab drops a device that it runs, and what it kept for it: asked first, since nothing brings that back. */
export function ForgetButton({ title, buffered, onForget }: { title: string; buffered: number; onForget: () => Promise<void> }) {
  const text = useText();
  const [asking, setAsking] = useState(false);
  const { busy, error, run } = useDeed();
  return (
    <>
      <Button variant="subtle" color="rowan" onClick={() => setAsking(true)}>
        {text.devices.forget}…
      </Button>
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={text.devices.forgetTitle(title)}
        closeButtonProps={{ "aria-label": text.common.close }}
      >
        <div className="col">
          <p className="ask-why">
            {text.devices.forgetWhy} {buffered > 0 && text.devices.forgetLoses(buffered)}
          </p>
          {error && <p className="fault">{refusalSentence(text, error)}</p>}
          <div className="decision-acts" data-ask>
            <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
              {text.common.notNow}
            </Button>
            <Button color="rowan" loading={busy} onClick={() => run(onForget)}>
              {text.devices.forget}
            </Button>
          </div>
        </div>
      </Modal>
    </>
  );
}
