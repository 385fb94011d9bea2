/** A newcomer of a BoT with a past reads a proven state and the last blocks; the older ones follow while it is used already. */
import { expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, closeAll, crash, openTab } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";

const PHONE = { width: 390, height: 844 };
/** More than whoever comes would be given as blocks, and one by one: a block costs a fifth of a second. */
const BLOCKS = 150;
/** Large changes of a small state, so that a snapshot is due after few blocks. */
const DESCRIPTION = JSON.stringify({ title: "Changing", description: "x".repeat(28_000) });

let relay: RelayProcess;

test.beforeEach(async () => {
  relay = await RelayProcess.open({ feePerKilobyte: 0 });
});

test.afterEach(async ({ browser }) => closeAll(browser, relay));

/** One block after the other, each with a device that changes. */
async function makePast(tab: AppPage): Promise<void> {
  const { results } = await tab.send([["device.register", { description: DESCRIPTION, leaseMs: 86_400_000 }]]);
  await tab.page.evaluate(
    async ({ device, description, blocks }) => {
      for (let block = 0; block < blocks; block++)
        await window.bothy!.send([["device.update", { device, description, leaseMs: 86_400_000 }]]);
    },
    { device: results[0] as string, description: DESCRIPTION, blocks: BLOCKS },
  );
}

/** The first transaction that concerned an account, by the index. */
async function oldestOf(tab: AppPage, account: string): Promise<string | undefined> {
  let oldest: string | undefined;
  let after: string | undefined;
  do {
    const page = await tab.query("transactions", { account, limit: 100, ...(after === undefined ? {} : { after }) });
    oldest = page.items.at(-1)?.id ?? oldest;
    after = page.next ?? undefined;
  } while (after !== undefined);
  return oldest;
}

test("a phone that joins late is ready by a snapshot, votes, and has the whole past a little later", async ({ browser }) => {
  test.setTimeout(180_000);
  const founder = await openTab(browser, relay);
  await founder.ready();
  await makePast(founder);
  const phone = await openTab(browser, relay, { viewport: PHONE });
  await phone.ready();
  const { joined } = await phone.query("storage", {});
  expect(joined?.height).toBeGreaterThan(BLOCKS / 2);
  expect(joined?.weakest).toBe("full");
  await allAgree([founder, phone]);
  await phone.until("it has a seat", ({ seats }) => seats.mine);
  await expect.poll(async () => (await phone.query("storage", {})).blocksKept.from, { message: "the oldest block is here" }).toBe(1);
  // Found by its index, too: the founder's very first transaction.
  const { account } = await founder.status();
  const first = (await founder.query("block", { height: 1 })).transactionIds[0]!;
  await expect.poll(() => oldestOf(phone, account), { message: "all of the past is indexed" }).toBe(first);
  expect((await phone.query("blocks", { from: 2, limit: 2 })).map(({ height }) => height)).toEqual([2, 1]);
  expect((await phone.query("block", { height: 1 })).digest).toBe((await founder.query("block", { height: 1 })).digest);
  await phone.page.goto(`${relay.url}#/settings`);
  await expect(phone.page.getByText(`This peer joined with the state of block ${joined!.height}`)).toBeVisible();
  // A tab that was opened again goes on from there, and a third joins from the phone alone.
  await phone.page.reload();
  await phone.ready();
  await crash(founder);
  const third = await openTab(browser, relay);
  await third.ready();
  expect((await third.query("storage", {})).joined?.height).toBeGreaterThan(BLOCKS / 2);
});
