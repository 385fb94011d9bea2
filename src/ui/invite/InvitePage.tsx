import { Button } from "@mantine/core";
import { IconCheck, IconCopy, IconLockOpen, IconShare } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { Card, PageHead } from "../pattern/Page.tsx";
import { Banner } from "../pattern/PageState.tsx";
import { QrCode } from "../pattern/QrCode.tsx";
import { useClient, usePeer, usePlatform } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";

/** Whether other machines cannot reach the address: this machine's own name means each one itself. */
function isLocal(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

/** Null where the page's address is invite enough; undefined until that is known. */
function useInvite(): string | null | undefined {
  const client = useClient();
  const chain = usePeer((state) => state.status?.chain ?? "");
  const [invite, setInvite] = useState<string | null>();
  useEffect(() => {
    if (chain === "") return undefined;
    let isShown = true;
    client.command("makeInvite").then(
      (made) => isShown && setInvite(made.invite),
      () => isShown && setInvite(null),
    );
    return () => void (isShown = false);
  }, [client, chain]);
  return invite;
}

export function InvitePage() {
  const text = useText();
  const { inviteAddress, has, copy } = usePlatform();
  const name = usePeer((state) => state.status?.name ?? "");
  const [copied, setCopied] = useState<boolean | null>(null);
  const room = usePeer((state) => state.status?.room ?? null);
  const kind = usePeer((state) => state.status?.kind ?? "public");
  const invite = useInvite();
  const own = inviteAddress();
  // Whoever runs the relay sees the app at an address that is of no use to phones.
  const app = room !== null && isLocal(own) ? room.app : own;
  if (invite === undefined) return null;
  const address = invite === null ? app : `${app}#/join/${invite}`;
  const lede = room === null ? text.invite.lede : text.invite.ledeRoom;
  return (
    <>
      <PageHead
        title={text.invite.title(name)}
        back={{ href: "/", name: text.places.home }}
        lede={kind === "public" ? lede : text.bots.inviteFor[kind]}
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
            {(invite === null || copied === false) && <p className="address">{address}</p>}
            {kind !== "public" && <p className="quiet">{text.bots.secretLink}</p>}
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
            {(kind === "public" ? text.invite.gets : text.bots.gets[kind]).map((line) => (
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
