import { expect, type Locator } from "@playwright/test";
import { AppPage } from "./app.ts";

export class DevicesPage extends AppPage {
  tile(name: string): Locator {
    return this.main.getByRole("link", { name: new RegExp(name) });
  }

  async show(whose: "Mine" | "Everybody's"): Promise<void> {
    await this.main.getByText(whose, { exact: true }).click();
  }

  /** Adds a virtual device and waits for its page. */
  async addVirtual(way: "A virtual lamp" | "A virtual thermometer" | "A virtual washing machine", name: string): Promise<void> {
    await this.goToPath("#/devices/add");
    await this.main.getByRole("radio", { name: new RegExp(`^${way}`) }).check();
    await this.main.getByLabel("Name", { exact: true }).fill(name);
    await this.main.getByRole("button", { name: "Sign and add" }).click();
    await this.page.waitForURL(/#\/device\/[0-9a-f]{64}$/);
  }

  /** Adds this browser as a device that tells these alone, and waits for its page. */
  async addSensors(name: string, sensors: readonly string[]): Promise<void> {
    await this.goToPath("#/devices/add");
    await this.main.getByRole("radio", { name: /^This device's own sensors/ }).check();
    await this.main.getByLabel("Name", { exact: true }).fill(name);
    for (const box of await this.main.getByRole("group", { name: "What it tells" }).getByRole("checkbox").all()) await box.uncheck();
    for (const sensor of sensors) await this.main.getByRole("checkbox", { name: sensor }).check();
    await this.main.getByRole("button", { name: "Sign and add" }).click();
    await this.page.waitForURL(/#\/device\/[0-9a-f]{64}$/);
  }

  async addDescription(description: string): Promise<void> {
    await this.goToPath("#/devices/add");
    await this.main.getByRole("radio", { name: /^Something with a description/ }).check();
    await this.main.getByRole("textbox", { name: "Thing Description" }).fill(description);
    await this.main.getByRole("button", { name: "Sign and add" }).click();
  }
}

export class DevicePage extends AppPage {
  property(title: string): Locator {
    return this.main.getByRole("region", { name: title, exact: true });
  }

  /** On a phone the parts are tabs. */
  async part(name: "State" | "Actions" | "Events" | "About"): Promise<void> {
    const tab = this.main.getByRole("tab", { name });
    if (await tab.count()) await tab.click();
  }

  async setSwitch(title: string, on: boolean): Promise<void> {
    const knob = this.property(title).getByRole("switch");
    if ((await knob.isChecked()) !== on) await knob.click({ force: true });
    // It turns when the device has turned, not before.
    await expect(knob).toBeChecked({ checked: on });
  }

  /** The chart of a property over time, with axes. */
  chart(title: string): Locator {
    return this.property(title).getByRole("img");
  }

  async set(title: string, typed: string): Promise<void> {
    await this.property(title).getByRole("textbox").fill(typed);
    await this.property(title).getByRole("button", { name: "Set" }).click();
  }

  async choose(item: string | RegExp): Promise<void> {
    await this.main.getByRole("button", { name: "More about this device" }).click();
    await this.page.getByRole("menuitem", { name: item }).click();
  }

  async retire(): Promise<void> {
    await this.choose(/^Retire it/);
    await this.sign("Retire it");
  }
}
