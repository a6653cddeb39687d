import { Group, SegmentedControl, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { ALL, type Span } from "../period";

const PRESETS = [7, 30, 90, 365] as const;
const OWN = "own";

/** So many days up to today, all time, or days from one to another. */
export function PeriodFilter({
  span,
  usual,
  withAll = true,
  onChange,
}: {
  span: Span;
  /** What holds when nothing is chosen. */
  usual: number;
  withAll?: boolean;
  onChange: (span: Span) => void;
}) {
  const { t } = useTranslation();
  const isOwn = span.since !== undefined || span.until !== undefined;
  return (
    <Group gap="xs" align="flex-end" maw="100%">
      <SegmentedControl
        aria-label={t("facts.period")}
        maw="100%"
        style={{ overflowX: "auto" }}
        value={isOwn ? OWN : String(span.days ?? usual)}
        onChange={(value) => {
          if (value !== OWN) onChange({ days: Number(value), since: undefined, until: undefined });
        }}
        data={[
          ...PRESETS.map((days) => ({ value: String(days), label: t("facts.days", { count: days }) })),
          ...(withAll ? [{ value: String(ALL), label: t("facts.allTime") }] : []),
          ...(isOwn ? [{ value: OWN, label: t("facts.ownPeriod") }] : []),
        ]}
      />
      <TextInput
        type="date"
        label={t("facts.since")}
        value={span.since ?? ""}
        max={span.until}
        onChange={(event) =>
          onChange({ days: undefined, since: event.currentTarget.value || undefined, until: span.until })
        }
      />
      <TextInput
        type="date"
        label={t("facts.until")}
        value={span.until ?? ""}
        min={span.since}
        onChange={(event) =>
          onChange({ days: undefined, since: span.since, until: event.currentTarget.value || undefined })
        }
      />
    </Group>
  );
}
