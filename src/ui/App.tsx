import "@fontsource-variable/atkinson-hyperlegible-next";
import "@mantine/core/styles.css";
import "./theme/tokens.css";
import "./theme/app.css";
import { Button, MantineProvider } from "@mantine/core";
import { lazy, memo, Suspense, useEffect, useMemo, useState } from "react";
import { Link, Route, Router, Switch, useLocation } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";
import { useStore } from "zustand";
import type { Client } from "../sdk/client.ts";
import { GatewayProvider, type Gateway } from "./devices/gateway.tsx";
import { HomePage } from "./home/HomePage.tsx";
import { BothyMark } from "./pattern/BothyMark.tsx";
import { PageState } from "./pattern/PageState.tsx";
import type { BootStore } from "./shell/boot-store.ts";
import { FIRST_STEPS, Joining } from "./shell/Joining.tsx";
import { PageBoundary } from "./shell/PageBoundary.tsx";
import { PeerProvider, usePeer, usePlatform } from "./shell/peer-context.tsx";
import { createPeerStore } from "./shell/peer-store.ts";
import type { Platform } from "./shell/platform.ts";
import { Shell } from "./shell/Shell.tsx";
import { LanguageProvider, useText } from "./text/language.tsx";
import { refusalSentence } from "./text/sentences.ts";
import { cssVariablesResolver, theme } from "./theme/theme.ts";

export interface AppProps {
  readonly boot: BootStore;
  /** Null until the drivers are loaded. */
  readonly gateway: Gateway | null;
  readonly platform: Platform;
}

const AccountPage = lazy(() => import("./ledger/AccountPage.tsx").then((module) => ({ default: module.AccountPage })));
const AddDevicePage = lazy(() => import("./devices/AddDevicePage.tsx").then((module) => ({ default: module.AddDevicePage })));
const BlockPage = lazy(() => import("./ledger/BlockPage.tsx").then((module) => ({ default: module.BlockPage })));
const BotsPage = lazy(() => import("./bots/BotsPage.tsx").then((module) => ({ default: module.BotsPage })));
const ContractPage = lazy(() => import("./contracts/ContractPage.tsx").then((module) => ({ default: module.ContractPage })));
const ContractsPage = lazy(() => import("./contracts/ContractsPage.tsx").then((module) => ({ default: module.ContractsPage })));
const DataPage = lazy(() => import("./data/DataPage.tsx").then((module) => ({ default: module.DataPage })));
const DevicePage = lazy(() => import("./devices/DevicePage.tsx").then((module) => ({ default: module.DevicePage })));
const DevicesPage = lazy(() => import("./devices/DevicesPage.tsx").then((module) => ({ default: module.DevicesPage })));
const EditorPage = lazy(() => import("./contracts/EditorPage.tsx").then((module) => ({ default: module.EditorPage })));
const GovernancePage = lazy(() => import("./governance/GovernancePage.tsx").then((module) => ({ default: module.GovernancePage })));
const InvitePage = lazy(() => import("./invite/InvitePage.tsx").then((module) => ({ default: module.InvitePage })));
const JoinPage = lazy(() => import("./bots/JoinPage.tsx").then((module) => ({ default: module.JoinPage })));
const LedgerPage = lazy(() => import("./ledger/LedgerPage.tsx").then((module) => ({ default: module.LedgerPage })));
const NetworkPage = lazy(() => import("./network/NetworkPage.tsx").then((module) => ({ default: module.NetworkPage })));
const NewBotPage = lazy(() => import("./bots/NewBotPage.tsx").then((module) => ({ default: module.NewBotPage })));
const ProposePage = lazy(() => import("./governance/ProposePage.tsx").then((module) => ({ default: module.ProposePage })));
const SettingsPage = lazy(() => import("./settings/SettingsPage.tsx").then((module) => ({ default: module.SettingsPage })));
const StreamPage = lazy(() => import("./data/StreamPage.tsx").then((module) => ({ default: module.StreamPage })));
const TransactionPage = lazy(() => import("./ledger/TransactionPage.tsx").then((module) => ({ default: module.TransactionPage })));
const WalletPage = lazy(() => import("./wallet/WalletPage.tsx").then((module) => ({ default: module.WalletPage })));

function NotFound() {
  const text = useText();
  return (
    <>
      <h1 className="b-sr">{text.states.missing.title}</h1>
      <PageState state="empty" title={text.states.missing.title} why={text.states.noSuchPage}>
        <Button component={Link} href="/">
          {text.places.home}
        </Button>
      </PageState>
    </>
  );
}

const Pages = memo(function Pages() {
  return (
    <Suspense>
      <Switch>
        <Route path="/" component={HomePage} />
        <Route path="/devices" component={DevicesPage} />
        <Route path="/devices/add" component={AddDevicePage} />
        <Route path="/device/:id">{({ id }) => <DevicePage key={id} id={id} />}</Route>
        <Route path="/data" component={DataPage} />
        <Route path="/stream/:id">{({ id }) => <StreamPage key={id} id={id} />}</Route>
        <Route path="/contracts" component={ContractsPage} />
        <Route path="/contracts/new/:template?">{({ template }) => <EditorPage key={template} template={template} />}</Route>
        <Route path="/contract/:id">{({ id }) => <ContractPage key={id} id={id} />}</Route>
        <Route path="/ledger/:tab?">{({ tab }) => <LedgerPage tab={tab} />}</Route>
        <Route path="/block/:id">{({ id }) => <BlockPage key={id} id={id} />}</Route>
        <Route path="/transaction/:id">{({ id }) => <TransactionPage key={id} id={id} />}</Route>
        <Route path="/account/:id">{({ id }) => <AccountPage key={id} id={id} />}</Route>
        <Route path="/network" component={NetworkPage} />
        <Route path="/wallet/:to?">{({ to }) => <WalletPage key={to} to={to} />}</Route>
        <Route path="/governance" component={GovernancePage} />
        <Route path="/governance/admit/:who?">{({ who }) => <ProposePage key={who} form="admit" about={who} />}</Route>
        <Route path="/governance/roles/:who?">{({ who }) => <ProposePage key={who} form="roles" about={who} />}</Route>
        <Route path="/governance/parameter/:name?">{({ name }) => <ProposePage key={name} form="parameter" about={name} />}</Route>
        <Route path="/settings" component={SettingsPage} />
        <Route path="/invite" component={InvitePage} />
        <Route path="/bots" component={BotsPage} />
        <Route path="/bots/new" component={NewBotPage} />
        <Route path="/join/:invite">{({ invite }) => <JoinPage key={invite} invite={invite} />}</Route>
        <Route component={NotFound} />
      </Switch>
    </Suspense>
  );
});

/** The first minute, as the peer tells it. */
function FirstMinute({ onSkip }: { onSkip: () => void }) {
  const status = usePeer((state) => state.status);
  const platform = usePlatform();
  return (
    <Joining
      name={status?.name ?? ""}
      steps={status?.joining ?? FIRST_STEPS}
      slot={status?.slot ?? null}
      account={status?.account || null}
      onSkip={onSkip}
      platform={platform}
    />
  );
}

function Peer() {
  const [location] = useLocation();
  const [entered, setEntered] = useState(false);
  // The status comes twice a second: only what changes the whole page is read here.
  const ready = usePeer(({ status }) => status?.ready ?? false);
  const faulty = usePeer(({ status }) => (status?.fault ?? null) !== null);
  // The first minute comes once: a peer that has to catch up later does so behind the page that is shown.
  if (ready && !entered) setEntered(true);
  if (location === "/" && !entered && !ready && !faulty) return <FirstMinute onSkip={() => setEntered(true)} />;
  return (
    <Shell>
      <PageBoundary location={location}>
        <Pages />
      </PageBoundary>
    </Shell>
  );
}

function WithPeer({ client, platform, gateway }: { client: Client; platform: Platform; gateway: Gateway | null }) {
  const store = useMemo(() => createPeerStore(client), [client]);
  return (
    <PeerProvider store={store} platform={platform}>
      <GatewayProvider value={gateway}>
        <Peer />
      </GatewayProvider>
    </PeerProvider>
  );
}

function Boot({ boot, gateway, platform }: AppProps) {
  const text = useText();
  const { phase, slot, client, error } = useStore(boot);
  useEffect(() => {
    document.title = text.shell.app;
  }, [text]);
  // With a broken database the peer still has its keys and settings: there it is reset, or restored from an export.
  // And beside a ledger that is not the one of the invite there are others.
  const mendable = client !== null && error !== null && (error.code.startsWith("storage-") || error.code === "checkpoint-contradicted");
  if (phase === "failed" && error !== null && !mendable)
    return (
      <main className="join">
        <BothyMark size={64} lamp="dark" />
        <PageState
          state="broken"
          title={text.states.broken.title}
          why={refusalSentence(text, error)}
          detail={
            <dl className="b-facts">
              <dt>{text.common.code}</dt>
              <dd>{error.code}</dd>
            </dl>
          }
        >
          <Button onClick={platform.reload}>{text.common.tryAgain}</Button>
        </PageState>
      </main>
    );
  if (client === null) return <Joining name="" steps={FIRST_STEPS} slot={slot} account={null} onSkip={null} platform={platform} />;
  return <WithPeer client={client} platform={platform} gateway={gateway} />;
}

/** The whole app. It paints at once and fills in as the peer starts. */
export function App(props: AppProps) {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariablesResolver} defaultColorScheme="auto">
      <LanguageProvider>
        <Router hook={useHashLocation}>
          <Boot {...props} />
        </Router>
      </LanguageProvider>
    </MantineProvider>
  );
}
