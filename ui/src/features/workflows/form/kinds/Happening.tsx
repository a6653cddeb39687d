import { SegmentedControl, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Condition } from "../Condition";
import type { Form } from "../context";
import { EventType } from "../inputs/picks";
import { Where } from "../inputs/Where";

/** An event, or a condition. */
export function Happening({ form }: { form: Form }) {
  const { t } = useTranslation();
  const byCondition = form.value.condition !== undefined;
  return (
    <Stack gap="sm">
      <SegmentedControl
        data={[
          { value: "event", label: t("workflows.form.doesEvent") },
          { value: "condition", label: t("workflows.form.meetsCondition") },
        ]}
        value={byCondition ? "condition" : "event"}
        onChange={(next) =>
          form.set(
            next === "condition"
              ? { event_type: undefined, where: undefined, condition: { all: [] } }
              : { event_type: "", condition: undefined },
          )
        }
        disabled={form.disabled}
      />
      {byCondition ? (
        <Condition form={form} />
      ) : (
        <>
          <EventType form={form} member="event_type" />
          <Where form={form} />
        </>
      )}
    </Stack>
  );
}
