import { Button, NativeSelect, Switch, Textarea, TextInput } from "@mantine/core";
import { useState, type ReactNode } from "react";
import type { Value } from "../../sdk/api.ts";
import { unitText } from "../devices/description.ts";
import { useText } from "../text/language.tsx";
import { choiceText, ownOf, type DataSchema } from "./data-schema.ts";
import { draftOf, fieldsOf, readDraft, WHOLE, type Draft, type Field, type FieldFault, type FieldKind } from "./schema-values.ts";

function SchemaField({
  field: { name, schema, kind, required },
  label,
  typed,
  fault,
  onChange,
}: {
  field: Field;
  label: string;
  typed: string | boolean;
  fault: FieldFault | undefined;
  onChange: (typed: string | boolean) => void;
}) {
  const text = useText();
  const unit = unitText(schema.unit);
  const hint = kind === "lines" ? text.form.onePerLine : kind === "time" ? "" : text.form.bounds(schema.minimum, schema.maximum, unit);
  const shared = {
    label: schema.title ?? (name === WHOLE ? label : name),
    description: [schema.description, hint].filter(Boolean).join(" ") || undefined,
    error: fault && text.form.faults[fault],
    withAsterisk: required && name !== WHOLE,
  };
  if (typeof typed === "boolean")
    return (
      <Switch
        label={shared.label}
        description={shared.description}
        checked={typed}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  const onText = (event: { currentTarget: { value: string } }): void => onChange(event.currentTarget.value);
  if (kind === "choice") return <NativeSelect {...shared} data={(schema.enum ?? []).map(choiceText)} value={typed} onChange={onText} />;
  if (kind === "time") return <TextInput {...shared} type="datetime-local" value={typed} onChange={onText} />;
  if (kind === "json" || kind === "long-text" || kind === "lines")
    return <Textarea {...shared} autosize minRows={2} value={typed} onChange={onText} placeholder={kind === "json" ? "JSON" : undefined} />;
  return <TextInput {...shared} value={typed} onChange={onText} inputMode={inputModeOf(kind, schema)} autoComplete="off" />;
}

/** The keys of digits that a phone shows have no minus on most, so that they are for what is never below zero. */
function inputModeOf(kind: FieldKind, { minimum }: DataSchema): "numeric" | "decimal" | undefined {
  if ((kind !== "number" && kind !== "integer") || minimum === undefined || minimum < 0) return undefined;
  return kind === "integer" ? "numeric" : "decimal";
}

/** A form made from a JSON Schema. `onSubmit` gets the typed value; without a schema there is only the button. */
export function SchemaForm({
  schema,
  label,
  value,
  verb,
  disabled,
  variant = "filled",
  before,
  onSubmit,
}: {
  schema: DataSchema | null;
  label: string;
  value?: unknown;
  verb: ReactNode;
  disabled?: boolean;
  variant?: "filled" | "default";
  before?: ReactNode;
  onSubmit: (value: Value) => void;
}) {
  const [draft, setDraft] = useState<Draft>(() => (schema === null ? {} : draftOf(schema, value)));
  const [faults, setFaults] = useState<Readonly<Record<string, FieldFault>>>({});
  const submit = (): void => {
    if (schema === null) return onSubmit(null);
    const read = readDraft(schema, draft);
    setFaults(read.faults ?? {});
    if (read.faults === null) onSubmit(read.value);
  };
  return (
    <form
      className="form"
      noValidate
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {before}
      {schema !== null &&
        fieldsOf(schema).map((field) => (
          <SchemaField
            key={field.name}
            field={field}
            label={label}
            typed={ownOf(draft, field.name) ?? ""}
            fault={ownOf(faults, field.name)}
            onChange={(typed) => setDraft({ ...draft, [field.name]: typed })}
          />
        ))}
      <Button type="submit" variant={variant} disabled={disabled ?? false}>
        {verb}
      </Button>
    </form>
  );
}
