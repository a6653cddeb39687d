import { NumberInput, Select, Switch, TextInput } from "@mantine/core";
import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { Condition } from "./Condition";
import { type Form, text } from "./context";
import { AsJson } from "./inputs/AsJson";
import { Pairs } from "./inputs/Pairs";
import {
  CampaignPick,
  EventType,
  ListPick,
  SegmentPick,
  SenderPick,
  TemplatePick,
  WorkflowPick,
} from "./inputs/picks";
import { useLabel } from "./inputs/props";
import { TimeOfDay, TimeZone, Weekdays, Within } from "./inputs/times";
import { Where } from "./inputs/Where";
import { choicesOf, inputOf, type Property } from "./schema";

/** Members with an input of their own. */
const MEMBERS: Record<string, ComponentType<{ form: Form; member: string }>> = {
  template_id: (props) => <TemplatePick {...props} required />,
  sender_id: SenderPick,
  segment_id: (props) => <SegmentPick {...props} required />,
  list_id: ListPick,
  campaign_id: (props) => <CampaignPick {...props} required />,
  workflow_id: (props) => <WorkflowPick {...props} required />,
  event_type: EventType,
  where: ({ form }) => <Where form={form} />,
  condition: ({ form }) => <Condition form={form} />,
  within: ({ form }) => <Within form={form} />,
  at: TimeOfDay,
  begin: TimeOfDay,
  end: TimeOfDay,
  weekdays: Weekdays,
  time_zone: TimeZone,
  headers: Pairs,
  params: Pairs,
  body: AsJson,
  input: AsJson,
};

/** What is set of a part, by the input that its schema asks for. */
export function Member({ form, name, property }: { form: Form; name: string; property: Property }) {
  const { t } = useTranslation();
  const label = useLabel(name);
  const Made = MEMBERS[name];
  if (Made) return <Made form={form} member={name} />;
  const value = form.value[name];
  const common = { label, error: form.error(name), disabled: form.disabled };
  switch (inputOf(property)) {
    case "switch":
      return (
        <Switch
          {...common}
          checked={value === undefined ? property.default === true : value === true}
          onChange={(event) => form.set({ [name]: event.currentTarget.checked })}
        />
      );
    case "number":
      return (
        <NumberInput
          {...common}
          min={property.minimum}
          max={property.maximum}
          value={value === undefined ? Number(property.default ?? "") || "" : Number(value)}
          onChange={(next) => form.set({ [name]: next === "" ? undefined : Number(next) })}
        />
      );
    case "choice":
      return (
        <Select
          {...common}
          data={choicesOf(property).map((one) => ({
            value: one,
            label: t(`workflows.form.choices.${one}` as "workflows.form.choices.enters", {
              defaultValue: one,
            }),
          }))}
          value={text(value ?? property.default) || null}
          onChange={(next) => form.set({ [name]: next ?? undefined })}
          allowDeselect={false}
        />
      );
    case "text":
      return (
        <TextInput
          {...common}
          dir="auto"
          value={text(value)}
          onChange={(event) => form.set({ [name]: event.currentTarget.value })}
        />
      );
    case "json":
      return <AsJson form={form} member={name} />;
  }
}
