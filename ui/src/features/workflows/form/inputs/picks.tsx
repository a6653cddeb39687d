/** Things that have names elsewhere, to choose one of. */
import { Anchor, Autocomplete, Select, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { campaignsQuery } from "~/api/campaigns";
import { eventTypesQuery } from "~/api/eventTypes";
import { fieldsQuery } from "~/api/fields";
import { listsQuery } from "~/api/lists";
import { segmentsQuery } from "~/api/segments";
import { sendersQuery } from "~/api/senders";
import { templatesQuery } from "~/api/templates";
import { workflowsQuery } from "~/api/workflows";
import { text } from "../context";
import { type Props, useLabel } from "./props";

function Pick({
  form,
  member,
  label,
  required,
  data,
  placeholder,
}: Props & { data: { value: string; label: string }[]; placeholder?: string }) {
  const value = form.value[member];
  const known = value === undefined || value === null ? null : String(value);
  const options =
    known !== null && !data.some((one) => one.value === known)
      ? [{ value: known, label: `#${known}` }, ...data]
      : data;
  return (
    <Select
      label={useLabel(member, label)}
      placeholder={placeholder}
      data={options}
      value={known}
      onChange={(next) => form.set({ [member]: next === null ? undefined : Number(next) })}
      error={form.error(member)}
      disabled={form.disabled}
      required={required}
      clearable={!required}
      searchable
      limit={100}
      comboboxProps={{ withinPortal: true }}
    />
  );
}

export function TemplatePick(props: Props) {
  const { t } = useTranslation();
  const { data } = useQuery(templatesQuery);
  const id = props.form.value[props.member];
  return (
    <Stack gap={4}>
      <Pick
        {...props}
        data={(data ?? []).map((one) => ({ value: String(one.template_id), label: one.name }))}
        placeholder={t("workflows.form.chooseTemplate")}
      />
      {typeof id === "number" && (
        <Anchor size="xs" href={`/templates/${id}`} target="_blank">
          {t("workflows.form.openTemplate")}
        </Anchor>
      )}
    </Stack>
  );
}

export function SenderPick(props: Props) {
  const { t } = useTranslation();
  const { data } = useQuery(sendersQuery);
  return (
    <Pick
      {...props}
      data={(data ?? []).map((one) => ({
        value: String(one.sender_id),
        label: one.from_email ? `${one.name} (${one.from_email})` : one.name,
      }))}
      placeholder={t("workflows.form.usualSender")}
    />
  );
}

export function SegmentPick(props: Props) {
  const { data } = useQuery(segmentsQuery);
  return (
    <Pick {...props} data={(data ?? []).map((one) => ({ value: String(one.segment_id), label: one.name }))} />
  );
}

export function ListPick(props: Props) {
  const { data } = useQuery(listsQuery);
  return (
    <Pick {...props} data={(data ?? []).map((one) => ({ value: String(one.list_id), label: one.name }))} />
  );
}

export function CampaignPick(props: Props) {
  const { data } = useQuery(campaignsQuery);
  return (
    <Pick
      {...props}
      data={(data ?? []).map((one) => ({ value: String(one.campaign_id), label: one.name }))}
    />
  );
}

export function WorkflowPick(props: Props) {
  const { data } = useQuery(workflowsQuery);
  return (
    <Pick
      {...props}
      data={(data ?? []).map((one) => ({ value: String(one.workflow_id), label: one.name }))}
    />
  );
}

export function EventType({ form, member, label, required }: Props) {
  const { t } = useTranslation();
  const { data } = useQuery(eventTypesQuery);
  return (
    <Autocomplete
      label={useLabel(member, label)}
      description={t("workflows.form.eventHint")}
      data={[...new Set((data ?? []).map((one) => one.key))]}
      value={text(form.value[member])}
      onChange={(next) => form.set({ [member]: next })}
      error={form.error(member)}
      disabled={form.disabled}
      required={required}
      limit={50}
    />
  );
}

export function DateField({ form, member, label }: Props) {
  const { t } = useTranslation();
  const { data } = useQuery(fieldsQuery);
  const options = (data ?? [])
    .filter((one) => one.type === "date" || one.type === "datetime")
    .map((one) => ({ value: one.key, label: one.name }));
  return (
    <Select
      label={useLabel(member, label)}
      data={[...options, { value: "created_at", label: t("workflows.form.createdAt") }]}
      value={text(form.value[member]) || null}
      onChange={(next) => form.set({ [member]: next ?? "" })}
      error={form.error(member)}
      disabled={form.disabled}
      searchable
    />
  );
}
