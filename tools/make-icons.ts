/** Draws the PNG icons from public/icon.svg with a headless Chromium: `CHROMIUM_PATH=… node tools/run.mjs tools/make-icons.ts`. */
import { readFileSync } from "node:fs";
import { chromium } from "@playwright/test";

/** `scale`: share of the side that the house takes. Launchers cut a maskable icon to a circle of four fifths; iOS puts no ground of its own below. */
const ICONS = [
  { name: "icon-192.png", sizePx: 192, scale: 1, ground: "transparent" },
  { name: "icon-512.png", sizePx: 512, scale: 1, ground: "transparent" },
  { name: "icon-maskable-512.png", sizePx: 512, scale: 0.56, ground: "#f6f5f0" },
  { name: "apple-touch-icon.png", sizePx: 180, scale: 0.72, ground: "#f6f5f0" },
] as const;

const executablePath = process.env["CHROMIUM_PATH"];
const browser = await chromium.launch({
  ...(executablePath === undefined ? {} : { executablePath }),
  args: ["--no-sandbox", "--disable-gpu"],
});
const svg = readFileSync("public/icon.svg", "utf8");
for (const { name, sizePx, scale, ground } of ICONS) {
  const page = await browser.newPage({ viewport: { width: sizePx, height: sizePx }, colorScheme: "light" });
  const style = `body { margin: 0; height: 100vh; display: grid; place-items: center; background: ${ground} } svg { width: ${sizePx * scale}px; height: ${sizePx * scale}px }`;
  await page.setContent(`<!doctype html><style>${style}</style>${svg}`);
  await page.screenshot({ path: `public/${name}`, omitBackground: ground === "transparent" });
  await page.close();
}
await browser.close();
