import { expect, it } from "vitest";
import { Refusal } from "../../sdk/api.ts";
import { keepPageFault, pageFaults } from "./page-faults.ts";
import { PageBoundary } from "./PageBoundary.tsx";

it("a page that threw stays so until it is tried again or another place is opened", () => {
  const fault = PageBoundary.getDerivedStateFromError(new Refusal("internal"));
  const state = { location: "/data", ...fault };
  expect(PageBoundary.getDerivedStateFromProps({ location: "/data", children: null }, state)).toBeNull();
  expect(PageBoundary.getDerivedStateFromProps({ location: "/", children: null }, state)).toEqual({ location: "/", fault: null });
});

it("keeps the latest faults for the diagnostics file, and no more than fit", () => {
  for (let index = 0; index < 30; index += 1) keepPageFault("/data", index === 29 ? "a text" : new Error("x".repeat(9000)), index);
  expect(pageFaults().map(({ atMs }) => atMs)).toEqual(Array.from({ length: 20 }, (_, index) => index + 10));
  expect(pageFaults()[0]!.message).toHaveLength(4000);
  expect(pageFaults().at(-1)).toMatchObject({ location: "/data", message: "a text" });
});
