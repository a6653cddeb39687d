import { NumberInput, Select, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { type Form, text } from "../context";
import { CampaignPick } from "../inputs/picks";

export function Activity({ form }: { form: Form }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm">
      <CampaignPick form={form} member="campaign_id" required />
      <Select
        label={t("workflows.form.did")}
        data={["opened", "clicked"].map((one) => ({
          value: one,
          label: t(`workflows.form.activities.${one}` as "workflows.form.activities.opened"),
        }))}
        value={text(form.value.did) || null}
        onChange={(next) => next && form.set({ did: next, link: undefined })}
        error={form.error("did")}
        disabled={form.disabled}
        allowDeselect={false}
      />
      {form.value.did === "clicked" && (
        <NumberInput
          label={t("workflows.form.link")}
          description={t("workflows.form.linkHint")}
          min={0}
          value={form.value.link === undefined ? "" : Number(form.value.link)}
          onChange={(next) => form.set({ link: next === "" ? undefined : Number(next) })}
          error={form.error("link")}
          disabled={form.disabled}
        />
      )}
    </Stack>
  );
}
