import type { Locator } from "@playwright/test";
import { AppPage } from "./app.ts";

export class NetworkPage extends AppPage {
  get graph(): Locator {
    return this.main.getByRole("img", { name: /^Picture of/ });
  }

  get votes(): Locator {
    return this.main.getByRole("list", { name: "Votes by seat" }).getByRole("listitem");
  }

  get seats(): Locator {
    return this.main.getByRole("list", { name: "Seats" }).getByRole("listitem");
  }

  get rounds(): Locator {
    return this.main.getByRole("list", { name: "Rounds lately" }).getByRole("listitem");
  }

  /** Owners with how many of the last blocks each proposed. */
  get proposers(): Locator {
    return this.main.getByRole("list", { name: "Who proposed the blocks" }).getByRole("listitem");
  }

  get incidents(): Locator {
    return this.main.getByRole("list", { name: "Out of the ordinary" }).getByRole("listitem");
  }

  /** A measured number by its label, such as "Final in". */
  figure(label: string): Locator {
    return this.main.locator(".b-stat").filter({ hasText: label }).locator(".b-stat-value");
  }
}
