import { Button, Modal } from "@mantine/core";
import { useState, type ReactNode } from "react";
import type { OperationCall, RefusalShape, SendResult } from "../../sdk/api.ts";
import { refusalOf, shortfall } from "../shell/peer-store.ts";
import { useAsk, useNameOf, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { callsTitle, refusalSentence } from "../text/sentences.ts";
import { Amount, Who } from "./Digest.tsx";
import { Banner } from "./PageState.tsx";
import { IconAlertTriangle } from "@tabler/icons-react";

/** What is asked before something is signed that gives, pays or ends something. */
export interface Question {
  readonly title: string;
  /** The consequences, in a sentence or two. */
  readonly why: ReactNode;
  /** The button's word. */
  readonly verb: string;
  readonly calls: readonly OperationCall[];
  readonly ends?: boolean;
  /** Before it is signed, once the person has said yes. */
  readonly onSign?: () => Promise<unknown>;
  readonly onFinal?: (result: SendResult) => void;
  readonly onRefused?: () => void;
}

function Asked({ question, onClose }: { question: Question; onClose: () => void }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const status = usePeer((state) => state.status);
  const send = usePeer((state) => state.send);
  const estimate = useAsk("estimate", { calls: question.calls }, "once");
  const [error, setError] = useState<RefusalShape | null>(null);
  const cost = estimate.value;
  const unpayable = estimate.error ?? (cost && shortfall(cost));
  // What failed before it was signed can be tried again.
  const refusal = unpayable ?? error;
  const sign = (): void => {
    if (cost === null || status === null) return;
    setError(null);
    const deed = async (): Promise<void> => {
      await question.onSign?.();
      // The dialog goes and the toast takes over: it shows the road, and stays if the transaction is refused.
      onClose();
      const result = await send(callsTitle(text, format, question.calls, status.token), question.calls, { feeMax: cost.fee });
      question.onFinal?.(result);
    };
    deed().catch((reason: unknown) => {
      setError(refusalOf(reason));
      question.onRefused?.();
    });
  };
  if (status === null) return null;
  return (
    <div className="col">
      <p className="ask-why">{question.why}</p>
      <dl className="b-facts">
        <dt>{text.common.signedBy}</dt>
        <dd>
          <Who id={status.account} name={nameOf(status.account)} you />
        </dd>
        {status.token !== "" && (
          <>
            <dt>{text.common.costs}</dt>
            <dd>{cost ? <Amount value={cost.fee} unit={status.token} /> : unpayable ? "–" : text.common.measuring}</dd>
          </>
        )}
      </dl>
      {refusal && (
        <Banner tone="refused" icon={<IconAlertTriangle size={20} aria-hidden />}>
          {refusalSentence(text, refusal)}
        </Banner>
      )}
      <div className="decision-acts" data-ask>
        <Button variant="default" onClick={onClose}>
          {text.common.notNow}
        </Button>
        <Button
          color={question.ends ? "rowan" : "pine"}
          onClick={sign}
          disabled={unpayable !== null}
          // Nothing is signed before its cost is known; not `disabled`, which would lose the focus.
          aria-disabled={cost === null}
          data-disabled={cost === null}
          data-autofocus
        >
          {question.verb}
        </Button>
      </div>
    </div>
  );
}

/** A dialog; on a phone it comes from below, to the thumb. */
export function Confirm({ question, onClose }: { question: Question | null; onClose: () => void }) {
  const text = useText();
  return (
    <Modal opened={question !== null} onClose={onClose} title={question?.title} closeButtonProps={{ "aria-label": text.common.close }}>
      {question && <Asked question={question} onClose={onClose} />}
    </Modal>
  );
}
