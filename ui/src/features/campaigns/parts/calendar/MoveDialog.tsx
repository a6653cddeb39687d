import { Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Campaign } from "~/api/schema";
import { FormDialog } from "~/ui/FormDialog";
import { useServerForm } from "~/ui/useServerForm";
import { dayOf, momentOf } from "../../calendar";

/** Asks for another day of a planned campaign; its time of day stays. */
export function MoveDialog({
  campaign,
  send,
  onClose,
}: {
  campaign: Campaign;
  send: (day: string) => Promise<unknown>;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { day: momentOf(campaign)?.slice(0, 10) ?? "" },
    validate: { day: (day) => (day === "" ? t("calendar.dayMissing") : null) },
    fieldOf: (field) => (field === "at" || field === "local_at" ? "day" : field),
    send: ({ day }) => send(day),
    onDone: onClose,
  });
  return (
    <FormDialog
      title={t("calendar.moveAsk", { name: campaign.name })}
      act={t("calendar.move")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <Text size="sm">{t("calendar.keepsTime", { time: momentOf(campaign)?.slice(11) ?? "" })}</Text>
      <TextInput
        type="date"
        label={t("calendar.day")}
        min={dayOf(new Date())}
        required
        data-autofocus
        {...form.getInputProps("day")}
      />
    </FormDialog>
  );
}
