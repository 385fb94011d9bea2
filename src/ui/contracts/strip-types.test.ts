import { describe, expect, it } from "vitest";
import { sourceFault, stripTypes } from "./strip-types.ts";

describe("a contract's source", () => {
  it("loses its types and nothing else", () => {
    const typed = "export function add(ctx: Ctx, { a }: { a: number }): number {\n  return a ?? 1_000;\n}\n";
    expect(stripTypes(typed)).toBe("export function add(ctx, { a }) {\n  return a ?? 1_000;\n}\n");
    const plain = "export const manifest = { name: `x` };\nexport class A { #b = 1; }\n";
    expect(stripTypes(plain)).toBe(plain);
  });

  it("is told wrong with the line", () => {
    expect(sourceFault("export function a() {}")).toBeNull();
    expect(sourceFault("export function a() {\n  return (1;\n}")).toMatchObject({ line: 2 });
  });
});
