/** What a phone's camera would read off the screen. */
import type { Locator } from "@playwright/test";
import decodeQr from "qr/decode.js";

/** Decodes a QR code out of the pixels in which it is painted. @throws {Error} when there is none to be read. */
export async function scan(code: Locator): Promise<string> {
  const png = (await code.screenshot()).toString("base64");
  const { width, height, data } = await code.page().evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
    context.drawImage(bitmap, 0, 0);
    const image = context.getImageData(0, 0, bitmap.width, bitmap.height);
    return { width: image.width, height: image.height, data: [...image.data] };
  }, png);
  return decodeQr({ width, height, data: Uint8ClampedArray.from(data) });
}
