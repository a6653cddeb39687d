/** A form made of a JSON Schema. */
import {
  Button,
  Collapse,
  Fieldset,
  NumberInput,
  Select,
  Stack,
  Switch,
  TagsInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { controlOf, fieldsOf, type Schema } from "./schema";

type Values = Record<string, unknown>;

export function SchemaForm({
  schema,
  value,
  onChange,
  depth = 2,
}: {
  schema: Schema;
  value: Values;
  onChange: (value: Values) => void;
  depth?: number;
}) {
  const { t } = useTranslation();
  const { must, may } = fieldsOf(schema);
  const [opened, more] = useDisclosure(may.length <= 6 || must.length === 0);
  const field = ([name, inner]: [string, Schema]) => (
    <Field
      key={name}
      name={name}
      schema={inner}
      required={schema.required?.includes(name) ?? false}
      value={value[name]}
      onChange={(next) => onChange({ ...value, [name]: next })}
      depth={depth}
    />
  );
  return (
    <Stack gap="sm">
      {must.map(field)}
      {may.length > 0 && !opened && (
        <Button variant="subtle" size="compact-sm" onClick={more.open} style={{ alignSelf: "flex-start" }}>
          {t("integrations.form.more", { count: may.length })}
        </Button>
      )}
      <Collapse expanded={opened}>{opened && <Stack gap="sm">{may.map(field)}</Stack>}</Collapse>
    </Stack>
  );
}

function Field({
  name,
  schema,
  required,
  value,
  onChange,
  depth,
}: {
  name: string;
  schema: Schema;
  required: boolean;
  value: unknown;
  onChange: (value: unknown) => void;
  depth: number;
}) {
  const given = {
    label: schema.title && schema.title !== name ? `${schema.title} (${name})` : name,
    description: schema.description,
    required,
  };
  switch (controlOf(schema, depth)) {
    case "text":
      return (
        <TextInput
          {...given}
          placeholder={schema.format}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case "long":
      return (
        <Textarea
          {...given}
          autosize
          minRows={2}
          maxRows={10}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case "number":
    case "whole":
      return (
        <NumberInput
          {...given}
          allowDecimal={schema.type !== "integer"}
          value={typeof value === "number" ? value : ""}
          onChange={(next) => onChange(typeof next === "number" ? next : undefined)}
        />
      );
    case "choice":
      return (
        <Select
          {...given}
          clearable={!required}
          searchable
          data={[...new Set(schema.enum as string[])]}
          value={typeof value === "string" ? value : null}
          onChange={(next) => onChange(next ?? undefined)}
        />
      );
    case "truth":
      return (
        <Switch
          {...given}
          required={false}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case "texts":
      return (
        <TagsInput
          {...given}
          value={Array.isArray(value) ? value.map(String) : []}
          onChange={(next) => onChange(next.length > 0 ? next : undefined)}
        />
      );
    case "group":
      return (
        <Fieldset legend={given.label}>
          <SchemaForm
            schema={schema}
            depth={depth - 1}
            value={typeof value === "object" && value !== null ? (value as Values) : {}}
            onChange={onChange}
          />
        </Fieldset>
      );
    default:
      return <JsonField {...given} value={value} onChange={onChange} />;
  }
}

/** Any value as JSON. What cannot be read is said and not handed on. */
export function JsonField({
  label,
  description,
  required,
  value,
  onChange,
  minRows = 2,
}: {
  label: string;
  description?: string;
  required?: boolean;
  value: unknown;
  onChange: (value: unknown) => void;
  minRows?: number;
}) {
  const { t } = useTranslation();
  const [text, setText] = useState(() => (value === undefined ? "" : JSON.stringify(value, null, 2)));
  const [wrong, setWrong] = useState(false);
  return (
    <Textarea
      label={label}
      description={description}
      required={required}
      error={wrong && t("integrations.form.notJson")}
      placeholder={t("integrations.form.json")}
      autosize
      minRows={minRows}
      maxRows={18}
      spellCheck={false}
      ff="monospace"
      value={text}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        try {
          onChange(next.trim() === "" ? undefined : JSON.parse(next));
          setWrong(false);
        } catch {
          setWrong(true);
        }
      }}
    />
  );
}
