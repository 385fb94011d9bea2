import type { Download, Locator } from "@playwright/test";
import { AppPage } from "./app.ts";

export class DataPage extends AppPage {
  stream(name: string): Locator {
    return this.main.getByRole("link", { name: new RegExp(name) });
  }

  get chart(): Locator {
    return this.main.locator(".chart").first();
  }

  async export(format: "CSV" | "SenML"): Promise<Download> {
    const download = this.page.waitForEvent("download");
    await this.main.getByRole("button", { name: "Export" }).click();
    await this.page.getByRole("menuitem", { name: format }).click();
    return download;
  }
}
