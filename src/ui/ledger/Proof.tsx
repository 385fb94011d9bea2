import { Button } from "@mantine/core";
import { IconDownload, IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import type { ProofInfo, ProofKind } from "../../sdk/api.ts";
import { download } from "../pattern/download.ts";
import { Digest } from "../pattern/Digest.tsx";
import { Card } from "../pattern/Page.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useClient } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function proofFile(proof: ProofInfo): string {
  const { kind, id, key, bytes, proof: path, root, height } = proof;
  return JSON.stringify({ kind, id, height, root, key: hex(key), value: bytes && hex(bytes), proof: hex(path) }, null, 2);
}

/** Any entry of the state can show its proof, and this device checks it before it says that it holds. */
export function Proof({ kind, id, title, tells }: { kind: ProofKind; id: string; title?: string; tells?: string }) {
  const text = useText();
  const format = useFormat();
  const client = useClient();
  const { busy, error, run } = useDeed();
  const [shown, setShown] = useState<{ proof: ProofInfo; holds: boolean }>();
  const check = (): void =>
    run(async () => {
      const proof = await client.query("proof", { kind, id });
      const holds = await client.query("checkProof", { key: proof.key, bytes: proof.bytes, proof: proof.proof, root: proof.root });
      setShown({ proof, holds: holds && proof.checked });
    });
  return (
    <Card
      title={title ?? text.proof.title}
      end={shown && <StatusPill status={shown.holds ? "final" : "refused"}>{shown.holds ? text.proof.holds : text.proof.fails}</StatusPill>}
    >
      {shown === undefined ? (
        <p className="quiet">{tells ?? text.proof.tells}</p>
      ) : (
        <>
          <p className="proof-said">
            {shown.holds ? <IconShieldCheck size={22} aria-hidden /> : <IconShieldX size={22} aria-hidden />}
            {shown.holds ? (shown.proof.bytes === null ? text.proof.absent : text.proof.checked) : text.proof.failsTells}
          </p>
          <dl className="b-facts">
            <dt>{text.proof.block}</dt>
            <dd>
              <Link href={`/block/${shown.proof.height}`}>{format.number(shown.proof.height)}</Link>
            </dd>
            <dt>{text.proof.root}</dt>
            <dd>
              <Digest value={shown.proof.root} />
            </dd>
            <dt>{text.proof.size}</dt>
            <dd>{format.bytes(shown.proof.proof.length)}</dd>
          </dl>
          <details>
            <summary>{text.proof.raw}</summary>
            <pre className="diff">{proofFile(shown.proof)}</pre>
          </details>
        </>
      )}
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
      <div className="foot-acts">
        <Button variant="default" loading={busy} onClick={check} leftSection={<IconShieldCheck size={18} aria-hidden />}>
          {shown ? text.proof.again : text.proof.show}
        </Button>
        {shown && (
          <Button
            variant="subtle"
            leftSection={<IconDownload size={18} aria-hidden />}
            onClick={() => download(`proof-${kind}-${shown.proof.height}.json`, proofFile(shown.proof), "application/json")}
          >
            {text.proof.save}
          </Button>
        )}
      </div>
    </Card>
  );
}
