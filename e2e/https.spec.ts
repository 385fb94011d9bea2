/** HTTPS for phones in the room: a browser that takes the authority which the relay made has all that a secure address gives. */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import encodeQr from "qr";
import { scan } from "./harness/qr.ts";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openSeats } from "./harness/tabs.ts";
import { AppPage } from "./pages/app.ts";

test.use({ serviceWorkers: "allow" });

test("over HTTPS two tabs of a browser that takes the relay's authority link and seat themselves, with a service worker; a guide says how to trust it", async ({
  browser,
  playwright,
  launchOptions,
}) => {
  const relay = await RelayProcess.open({}, { https: true });
  // Whoever does not trust the authority does not get in.
  const stranger = await browser.newPage();
  await expect(stranger.goto(relay.url)).rejects.toThrow("ERR_CERT_AUTHORITY_INVALID");
  await stranger.close();

  // By this flag a browser takes whatever that authority signed; that names and dates hold is shown in relay/relay.test.ts.
  const { publicKey } = new X509Certificate(readFileSync(join(relay.data, "authority.crt")));
  const authority = createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
  const args = [...(launchOptions.args ?? []), `--ignore-certificate-errors-spki-list=${authority}`];
  const trusting = await playwright.chromium.launch({ ...launchOptions, args });
  try {
    const [one, two] = (await openSeats(trusting, relay, 2)) as [AppPage, AppPage];
    const { peer } = await two.status();
    await one.until("a direct link", ({ relay: linked, peers }) => linked && peers.some(({ id, direct }) => id === peer && direct));
    for (const { page } of [one, two]) {
      expect(await page.evaluate(() => [isSecureContext, typeof crypto.subtle, typeof navigator.locks])).toEqual([
        true,
        "object",
        "object",
      ]);
      const script = await page.evaluate(async () => (await navigator.serviceWorker.ready).active?.scriptURL);
      expect(script).toBe(`${relay.url}sw.js`);
    }
    await one.send([["account.setProfile", { name: "Phone in the room" }]]);

    // Whoever runs the relay shows both codes from the app, too.
    await one.goTo("Invite");
    const codes = [
      one.main.getByRole("img", { name: "QR code of the guide" }),
      one.main.getByRole("img", { name: "QR code of the invitation" }),
    ];
    expect(await Promise.all(codes.map(scan))).toEqual([`http://127.0.0.1:${relay.port + 1}/certificate`, relay.url]);
    await one.page.screenshot({ path: "test-results/pages/invite-https-desk-light.png", fullPage: true });
    // All three side by side.
    const tops = await one.main.locator(".b-card").evaluateAll((cards) => cards.map((card) => card.getBoundingClientRect().top));
    expect(tops).toEqual([tops[0], tops[0], tops[0]]);
    await one.page.setViewportSize({ width: 390, height: 844 });
    await one.page.screenshot({ path: "test-results/pages/invite-https-phone-light.png", fullPage: true });
    expect(await one.sidewaysScroll()).toBe(0);

    const guide = await trusting.newPage({ viewport: { width: 390, height: 844 } });
    const address = `http://127.0.0.1:${relay.port + 1}/certificate`;
    await guide.goto(address);
    await expect(guide.getByRole("heading", { level: 1, name: "Trust this room's relay" })).toBeVisible();
    await expect(guide.getByRole("heading", { level: 2 })).toHaveText(["iPhone and iPad", "Android", "Then"]);
    await expect(guide.getByRole("link", { name: "Download the profile" })).toHaveAttribute("href", "/bothy.mobileconfig");
    await expect(guide.getByRole("link", { name: "Download the certificate" })).toHaveAttribute("href", "/bothy.crt");
    // iOS takes a profile only if it is a property list, with the very certificate in it.
    const profile = await guide.evaluate(async () => {
      const xml = new DOMParser().parseFromString(await (await fetch("/bothy.mobileconfig")).text(), "application/xml");
      const certificate = [...new Uint8Array(await (await fetch("/bothy.crt")).arrayBuffer())];
      return { root: xml.documentElement.nodeName, told: xml.querySelector("data")?.textContent?.trim(), certificate };
    });
    expect(profile).toMatchObject({ root: "plist", told: Buffer.from(profile.certificate).toString("base64") });
    expect(await new AppPage(guide).sidewaysScroll()).toBe(0);
    await guide.screenshot({ path: "test-results/pages/certificate-phone-light.png", fullPage: true });
    await guide.getByRole("link", { name: "Open Bothy" }).click();
    await new AppPage(guide).ready();
    // What phones scan in the terminal leads to these two pages.
    for (const scanned of [address, relay.url.slice(0, -1)]) expect(relay.said).toContain(encodeQr(scanned, "ascii"));
  } finally {
    await trusting.close();
    await closeAll(browser, relay);
  }
});
