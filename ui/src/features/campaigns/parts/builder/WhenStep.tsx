import { Radio, Select, Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { isPast, type When } from "../../draft";
import { LATES, oneOf } from "../../searches";

type Late = (typeof LATES)[number];

export function WhenStep({
  when,
  onChange,
  onTime,
  onLate,
}: {
  when: When;
  onChange: (kind: When["kind"]) => void;
  onTime: (at: string) => void;
  onLate: (late: Late) => void;
}) {
  const { t } = useTranslation();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Stack gap="sm">
      <Radio.Group
        value={when.kind}
        onChange={(kind) => onChange(oneOf(["now", "at", "local"] as const, kind) ?? "now")}
        aria-label={t("campaigns.when")}
      >
        <Stack gap="xs">
          <Radio value="now" label={t("campaigns.now")} />
          <Radio value="at" label={t("campaigns.atTime")} />
          <Radio value="local" label={t("campaigns.inTheirZone")} />
        </Stack>
      </Radio.Group>
      {when.kind !== "now" && (
        <TextInput
          type="datetime-local"
          label={t("campaigns.time")}
          description={when.kind === "at" ? t("campaigns.timeZone", { zone }) : t("campaigns.timeTheirZone")}
          value={when.at}
          onChange={(event) => onTime(event.currentTarget.value)}
          error={isPast(when) ? t("campaigns.timePast") : undefined}
          maw={280}
        />
      )}
      {when.kind === "local" && (
        <>
          <Select
            label={t("campaigns.late")}
            data={LATES.map((late) => ({ value: late, label: t(`campaigns.lates.${late}`) }))}
            value={when.late}
            onChange={(late) => onLate(oneOf(LATES, late) ?? "send")}
            allowDeselect={false}
            maw={420}
          />
          <Text size="xs" c="dimmed">
            {t("campaigns.lateHint")}
          </Text>
        </>
      )}
    </Stack>
  );
}
