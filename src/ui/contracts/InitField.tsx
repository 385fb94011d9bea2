import { TextInput } from "@mantine/core";
import { useState } from "react";
import type { Value } from "../../sdk/api.ts";
import { useText } from "../text/language.tsx";

/** What a contract begins with: typed once, tried on the test bench and deployed alike. */
export interface InitArguments {
  readonly typed: string;
  /** Undefined: what is typed is no JSON. */
  readonly value: Value | undefined;
  readonly change: (typed: string) => void;
}

function readJson(typed: string): Value | undefined {
  if (typed.trim() === "") return null;
  try {
    return JSON.parse(typed) as Value;
  } catch {
    return undefined;
  }
}

export function useInitArguments(): InitArguments {
  const [typed, change] = useState("");
  return { typed, value: readJson(typed), change };
}

export function InitField({ init: { typed, value, change } }: { init: InitArguments }) {
  const text = useText();
  return (
    <TextInput
      label={text.contracts.initArguments}
      description={text.contracts.initTells}
      placeholder="JSON"
      value={typed}
      error={value === undefined && text.form.faults["not-json"]}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
