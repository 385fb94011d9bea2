import { ActionIcon } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { Link } from "wouter";
import { Road } from "../pattern/Road.tsx";
import { useText } from "../text/language.tsx";
import { usePeer } from "./peer-context.tsx";
import { refusalSentence } from "../text/sentences.ts";

/** After signing, the road fills in here while one goes on; it leaves by itself when final and stays when refused. */
export function Toasts() {
  const text = useText();
  const sendings = usePeer((state) => state.sendings);
  const dismiss = usePeer((state) => state.dismiss);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {sendings.slice(-3).map(({ key, title, transaction, reached, state, error }) => (
        <section key={key} className="b-card toast" aria-label={title}>
          <div className="toast-top">
            <span className="b-row-main">
              <b>{title}</b>
              <span>{error ? refusalSentence(text, error) : text.road.now[state === "final" ? 4 : (reached as 0)]}</span>
            </span>
            {transaction && (
              <Link className="more-link" href={`/transaction/${transaction}`}>
                {text.common.open}
              </Link>
            )}
            {state === "refused" && (
              <ActionIcon size={32} aria-label={text.common.close} onClick={() => dismiss(key)}>
                <IconX size={18} />
              </ActionIcon>
            )}
          </div>
          <Road reached={reached} state={state} />
        </section>
      ))}
    </div>
  );
}
