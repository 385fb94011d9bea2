import { describe, expect, it } from "vitest";
import { draftOf, fieldsOf, readDraft } from "./schema-values.ts";

const ORDER = {
  type: "object",
  properties: {
    grams: { type: "integer", minimum: 1, maximum: 5000 },
    speed: { type: "number" },
    store: { type: "string", minLength: 2, maxLength: 10 },
    note: { type: "string", maxLength: 2000 },
    paid: { type: "boolean" },
    colour: { enum: ["red", "green", 3] },
    extra: { type: "array" },
  },
  required: ["grams", "store"],
} as const;

describe("a form made from a JSON Schema", () => {
  it("has a field of the fitting kind for each property", () => {
    expect(fieldsOf(ORDER).map(({ name, kind, required }) => [name, kind, required])).toEqual([
      ["grams", "integer", true],
      ["speed", "number", false],
      ["store", "text", true],
      ["note", "long-text", false],
      ["paid", "boolean", false],
      ["colour", "choice", false],
      ["extra", "json", false],
    ]);
  });

  it("reads typed values, and leaves out what was left empty", () => {
    const draft = { ...draftOf(ORDER), grams: " 20 ", store: "corner", colour: "3", extra: "[1, null]" };
    expect(readDraft(ORDER, draft)).toEqual({
      value: { grams: 20, store: "corner", paid: false, colour: 3, extra: [1, null] },
      faults: null,
    });
  });

  it("takes a comma for a point, and takes nothing for no number, blanks included", () => {
    const speeds = ["1,5", "-0,25", " 1.5 ", "1,000.5", "1,2,3", ",", "-"].map((speed) => {
      const read = readDraft(ORDER, { ...draftOf(ORDER), grams: "20", store: "corner", speed });
      return read.faults ?? (read.value as { speed?: number }).speed;
    });
    const fault = { speed: "not-a-number" };
    expect(speeds).toEqual([1.5, -0.25, 1.5, fault, fault, fault, fault]);
    const blank = { ...draftOf(ORDER), grams: "  ", store: "corner", speed: " " };
    expect(readDraft(ORDER, blank)).toEqual({ faults: { grams: "required" } });
  });

  it("says what is wrong with each field", () => {
    const draft = { ...draftOf(ORDER), grams: "9000", speed: "fast", store: "x", extra: "{" };
    expect(readDraft(ORDER, draft)).toEqual({
      faults: { grams: "too-large", speed: "not-a-number", store: "too-short", extra: "not-json" },
    });
    expect(readDraft(ORDER, draftOf(ORDER))).toEqual({ faults: { grams: "required", store: "required" } });
    expect(readDraft(ORDER, { ...draftOf(ORDER), grams: "1.5", store: "ab" })).toEqual({ faults: { grams: "not-a-number" } });
  });

  it("has lines for a list of texts, and a date with a time for a moment", () => {
    const schema = {
      type: "object",
      properties: {
        answers: { type: "array", items: { type: "string", maxLength: 5 }, minItems: 2, maxItems: 3 },
        untilMs: { type: "integer", format: "date-time", minimum: 0 },
      },
      required: ["answers", "untilMs"],
    };
    expect(fieldsOf(schema).map(({ kind }) => kind)).toEqual(["lines", "time"]);
    const untilMs = new Date(2026, 10, 22, 15, 30).getTime();
    const draft = { answers: " yes \n\nno\n", untilMs: "2026-11-22T15:30" };
    expect(draftOf(schema, { answers: ["yes", "no"], untilMs })).toEqual({ answers: "yes\nno", untilMs: draft.untilMs });
    expect(readDraft(schema, draft)).toEqual({ value: { answers: ["yes", "no"], untilMs }, faults: null });
    expect(readDraft(schema, { answers: "yes", untilMs: "soon" })).toEqual({ faults: { answers: "too-few", untilMs: "not-a-time" } });
    expect(readDraft(schema, { ...draft, answers: "a\nb\nc\nd" })).toEqual({ faults: { answers: "too-many" } });
    expect(readDraft(schema, { ...draft, answers: "a\nperhaps" })).toEqual({ faults: { answers: "too-long" } });
  });

  it("has one field where the schema is no object, and takes its present value", () => {
    const schema = { type: "number", minimum: 5, maximum: 30 };
    expect(draftOf(schema, 19.5)).toEqual({ "": "19.5" });
    expect(readDraft(schema, { "": "20.5" })).toEqual({ value: 20.5, faults: null });
    expect(readDraft(schema, { "": "4" })).toEqual({ faults: { "": "too-small" } });
  });
});
