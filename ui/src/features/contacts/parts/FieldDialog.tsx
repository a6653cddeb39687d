import { Select, TagsInput, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { CustomField, FieldType } from "~/api/schema";
import { FormDialog } from "~/ui/FormDialog";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { keyFor } from "./keys";

export const TYPES = [
  "text",
  "number",
  "date",
  "datetime",
  "boolean",
  "choice",
  "multichoice",
  "json",
] as const satisfies readonly FieldType[];

/** A field of contacts: a new one, or the name and choices of one there is. */
export function FieldDialog({ field, onClose }: { field?: CustomField; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      name: field?.name ?? "",
      key: field?.key ?? "",
      type: (field?.type ?? "text") as FieldType,
      choices: [...(field?.choices ?? [])],
    },
    fieldOf: (name) => name.split(".")[0] ?? name,
    send: ({ name, key, type, choices }) => {
      const kept = type === "choice" || type === "multichoice" ? choices : [];
      return field
        ? ask(
            api.PATCH("/syncom/v1/fields/{field_id}", {
              params: { path: { field_id: field.field_id } },
              body: { name, ...(kept.length > 0 ? { choices: kept } : {}) },
            }),
          )
        : ask(
            api.POST("/syncom/v1/fields", { body: { name, key: key || keyFor(name), type, choices: kept } }),
          );
    },
    onDone: () => {
      void client.invalidateQueries({ queryKey: ["field"] });
      tellDone(t("common.saved"));
      onClose();
    },
  });
  const { type, name } = form.values;
  return (
    <FormDialog
      title={field ? t("fields.edit") : t("fields.new")}
      act={field ? t("common.save") : t("common.create")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput
        label={t("common.name")}
        required
        dir="auto"
        data-autofocus
        {...form.getInputProps("name")}
      />
      <TextInput
        label={t("fields.key")}
        description={t("fields.keyHint")}
        placeholder={keyFor(name)}
        disabled={field !== undefined}
        {...form.getInputProps("key")}
      />
      <Select
        label={t("fields.type")}
        allowDeselect={false}
        disabled={field !== undefined}
        data={TYPES.map((one) => ({ value: one, label: t(`fields.types.${one}`) }))}
        {...form.getInputProps("type")}
      />
      {(type === "choice" || type === "multichoice") && (
        <TagsInput
          label={t("fields.choices")}
          description={t("fields.choicesHint")}
          required
          {...form.getInputProps("choices")}
        />
      )}
    </FormDialog>
  );
}
