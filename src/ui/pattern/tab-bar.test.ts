import { createElement, type ComponentProps } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { tabAfter, TabBar } from "./TabBar.tsx";

describe("tabs", () => {
  it("are gone through by arrows, round and round, and to either end", () => {
    const lead = (key: string, at: number): number | null => tabAfter(key, at, 3);
    expect([lead("ArrowRight", 0), lead("ArrowRight", 2), lead("ArrowLeft", 0), lead("Home", 2), lead("End", 0)]).toEqual([1, 0, 2, 0, 2]);
    expect(lead("a", 1)).toBe(null);
  });

  it("are one stop for the Tab key, and name their panel", () => {
    const props: ComponentProps<typeof TabBar<"a" | "b">> = {
      names: ["a", "b"],
      chosen: "b",
      label: "Parts",
      panel: "parts",
      said: { a: "A", b: "B" },
      onChoose: () => undefined,
    };
    const markup = renderToStaticMarkup(createElement(TabBar<"a" | "b">, props));
    const tabs = [...markup.matchAll(/<button id="([^"]*)".*?aria-selected="([^"]*)" aria-controls="([^"]*)" tabindex="([^"]*)"/g)];
    expect(tabs.map(([, ...found]) => found)).toEqual([
      ["parts-a", "false", "parts", "-1"],
      ["parts-b", "true", "parts", "0"],
    ]);
  });
});
