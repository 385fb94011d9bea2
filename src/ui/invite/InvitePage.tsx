import { Button } from "@mantine/core";
import { IconCheck, IconCopy, IconLockOpen, IconShare } from "@tabler/icons-react";
import { useState } from "react";
import { Card, PageHead } from "../pattern/Page.tsx";
import { Banner } from "../pattern/PageState.tsx";
import { QrCode } from "../pattern/QrCode.tsx";
import { usePeer, usePlatform } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";

/** Whether other machines cannot reach the address: this machine's own name means each one itself. */
function isLocal(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

export function InvitePage() {
  const text = useText();
  const { inviteAddress, has, copy } = usePlatform();
  const name = usePeer((state) => state.status?.name ?? "");
  const [copied, setCopied] = useState<boolean | null>(null);
  const room = usePeer((state) => state.status?.room ?? null);
  const own = inviteAddress();
  // Whoever runs the relay sees the app at an address that is of no use to phones.
  const address = room !== null && isLocal(own) ? room.app : own;
  return (
    <>
      <PageHead
        title={text.invite.title(name)}
        back={{ href: "/", name: text.places.home }}
        lede={room === null ? text.invite.lede : text.invite.ledeRoom}
      />
      <div className="cols" data-even={room === null ? undefined : true}>
        {room !== null && (
          <Card title={text.invite.first}>
            <div className="col">
              <QrCode content={room.guide} label={text.invite.guideQr} />
              <p className="address">{room.guide}</p>
              <p className="quiet">{text.invite.firstTells}</p>
            </div>
          </Card>
        )}
        <Card title={room === null ? undefined : text.invite.then}>
          <div className="col">
            <QrCode content={address} label={text.invite.qr} />
            <p className="address">{address}</p>
            {isLocal(address) && (
              <Banner tone="tentative" icon={<IconLockOpen size={20} aria-hidden />}>
                {text.invite.local}
              </Banner>
            )}
            <div className="decision-acts">
              <Button
                variant="default"
                leftSection={copied ? <IconCheck size={18} aria-hidden /> : <IconCopy size={18} aria-hidden />}
                onClick={() => void copy(address).then(setCopied)}
              >
                {copied ? text.common.copied : text.invite.copy}
              </Button>
              {has.share && (
                <Button
                  leftSection={<IconShare size={18} aria-hidden />}
                  onClick={() => void navigator.share({ title: name, url: address }).catch(() => undefined)}
                >
                  {text.invite.share}
                </Button>
              )}
            </div>
            {copied === false && (
              <p className="fault" role="status" ref={(line) => line?.scrollIntoView({ block: "nearest" })}>
                {text.invite.notCopied}
              </p>
            )}
          </div>
        </Card>
        <Card title={text.invite.what}>
          <ul className="plain">
            {text.invite.gets.map((line) => (
              <li key={line}>
                <IconCheck size={18} aria-hidden /> {line}
              </li>
            ))}
          </ul>
        </Card>
      </div>
    </>
  );
}
