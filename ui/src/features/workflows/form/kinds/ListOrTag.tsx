import { SegmentedControl, Stack, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { type Form, text } from "../context";
import { ListPick } from "../inputs/picks";

export function ListOrTag({ form }: { form: Form }) {
  const { t } = useTranslation();
  const byTag = form.value.tag !== undefined;
  return (
    <Stack gap="sm">
      <SegmentedControl
        data={[
          { value: "list", label: t("workflows.form.aList") },
          { value: "tag", label: t("workflows.form.aTag") },
        ]}
        value={byTag ? "tag" : "list"}
        onChange={(next) =>
          form.set(next === "tag" ? { tag: "", list_id: undefined } : { tag: undefined, list_id: undefined })
        }
        disabled={form.disabled}
      />
      {byTag ? (
        <TextInput
          label={t("workflows.form.fields.tag")}
          description={t("workflows.form.tagHint")}
          value={text(form.value.tag)}
          onChange={(event) => form.set({ tag: event.currentTarget.value })}
          error={form.error("tag") ?? form.error("")}
          disabled={form.disabled}
        />
      ) : (
        <ListPick form={form} member="list_id" required />
      )}
    </Stack>
  );
}
