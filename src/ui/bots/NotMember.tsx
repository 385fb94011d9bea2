import { Button } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { Card } from "../pattern/Page.tsx";
import { QrCode } from "../pattern/QrCode.tsx";
import { useText } from "../text/language.tsx";

/** For who has an invite and is no member yet: what a member needs to admit this account. */
export function NotMember({ account, address, copy }: { account: string; address: string; copy: (content: string) => Promise<boolean> }) {
  const text = useText();
  const [copied, setCopied] = useState<boolean | null>(null);
  return (
    <Card title={text.bots.notMember}>
      <div className="col">
        <p>{text.bots.notMemberTells}</p>
        <QrCode content={`${address}#/governance/admit/${account}`} label={text.bots.accountQr} />
        <p className="address">{account}</p>
        <div className="decision-acts">
          <Button component={Link} href="/bots" variant="default">
            {text.bots.otherBots}
          </Button>
          <Button
            leftSection={copied ? <IconCheck size={18} aria-hidden /> : <IconCopy size={18} aria-hidden />}
            onClick={() => void copy(account).then(setCopied)}
          >
            {copied ? text.common.copied : text.bots.copyAccount}
          </Button>
        </div>
        {copied === false && <p className="fault">{text.common.notCopied}</p>}
      </div>
    </Card>
  );
}
