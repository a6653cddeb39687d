/** Inputs for the members that people set most. */
import {
  ActionIcon,
  Anchor,
  Autocomplete,
  Button,
  Chip,
  Fieldset,
  Group,
  Input,
  NumberInput,
  Select,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { campaignsQuery } from "~/api/campaigns";
import { eventTypesQuery } from "~/api/eventTypes";
import { fieldsQuery } from "~/api/fields";
import { listsQuery } from "~/api/lists";
import { segmentsQuery } from "~/api/segments";
import { sendersQuery } from "~/api/senders";
import { templatesQuery } from "~/api/templates";
import { workflowsQuery } from "~/api/workflows";
import { weekdayName, weekdays } from "../parts/sentences";
import { type Form, inner, text } from "./context";
import type { Json } from "./schema";

type Props = { form: Form; member: string; label?: string; required?: boolean };

export function useLabel(member: string, label?: string): string {
  const { t } = useTranslation();
  return (
    label ?? t(`workflows.form.fields.${member}` as "workflows.form.fields.status", { defaultValue: member })
  );
}

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

export function Days({ form, member = "days" }: { form: Form; member?: string }) {
  const { t } = useTranslation();
  return (
    <NumberInput
      label={t("workflows.form.offset")}
      description={t("workflows.form.offsetHint")}
      min={-366}
      max={366}
      allowDecimal={false}
      value={Number(form.value[member] ?? 0)}
      onChange={(next) => form.set({ [member]: Number(next) || undefined })}
      error={form.error(member)}
      disabled={form.disabled}
    />
  );
}

export function TimeOfDay({ form, member, label, usual = "09:00" }: Props & { usual?: string }) {
  return (
    <TextInput
      type="time"
      label={useLabel(member, label)}
      value={(text(form.value[member]) || usual).slice(0, 5)}
      onChange={(event) => form.set({ [member]: event.currentTarget.value || undefined })}
      error={form.error(member)}
      disabled={form.disabled}
    />
  );
}

/** Days, hours and minutes. */
export function Span({ form, label }: { form: Form; label: string }) {
  const { t } = useTranslation();
  const error = form.error("days") ?? form.error("hours") ?? form.error("minutes") ?? form.error("seconds");
  const units = (["days", "hours", "minutes", "seconds"] as const).filter(
    (unit) => unit !== "seconds" || Number(form.value.seconds ?? 0) > 0,
  );
  return (
    <Input.Wrapper label={label} error={error} labelElement="div">
      <Group gap="xs" grow preventGrowOverflow={false} wrap="nowrap">
        {units.map((unit) => (
          <NumberInput
            key={unit}
            aria-label={t(`workflows.form.units.${unit}`)}
            suffix={` ${t(`workflows.form.short.${unit}`)}`}
            min={0}
            allowDecimal={false}
            value={Number(form.value[unit] ?? 0)}
            onChange={(next) => form.set({ [unit]: Number(next) || undefined })}
            disabled={form.disabled}
          />
        ))}
      </Group>
    </Input.Wrapper>
  );
}

export function Weekdays({ form, member, label }: Props) {
  const value = Array.isArray(form.value[member]) ? (form.value[member] as string[]) : [];
  return (
    <Input.Wrapper label={useLabel(member, label)} error={form.error(member)} labelElement="div">
      <Chip.Group
        multiple
        value={value}
        onChange={(next) =>
          form.set({ [member]: next.length > 0 ? weekdays.filter((day) => next.includes(day)) : undefined })
        }
      >
        <Group gap={4} mt={4}>
          {weekdays.map((day) => (
            <Chip key={day} value={day} size="xs" disabled={form.disabled}>
              {weekdayName(day)}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
    </Input.Wrapper>
  );
}

/** Good times of the contact's day. */
export function Within({ form }: { form: Form }) {
  const { t } = useTranslation();
  const on = form.value.within !== undefined && form.value.within !== null;
  const window = inner(form, "within");
  return (
    <Stack gap="xs">
      <Switch
        label={t("workflows.form.within")}
        description={t("workflows.form.withinHint")}
        checked={on}
        disabled={form.disabled}
        onChange={(event) =>
          form.set({ within: event.currentTarget.checked ? { begin: "09:00", end: "20:00" } : undefined })
        }
      />
      {on && (
        <>
          <Group grow>
            <TimeOfDay form={window} member="begin" usual="00:00" />
            <TimeOfDay form={window} member="end" usual="00:00" />
          </Group>
          <Weekdays form={window} member="weekdays" label={t("workflows.form.onlyDays")} />
        </>
      )}
    </Stack>
  );
}

export function TimeZone({ form, member }: Props) {
  const { t } = useTranslation();
  return (
    <Select
      label={useLabel(member)}
      placeholder="UTC"
      data={Intl.supportedValuesOf("timeZone")}
      value={text(form.value[member]) || null}
      onChange={(next) => form.set({ [member]: next ?? undefined })}
      error={form.error(member)}
      description={t("workflows.form.zoneHint")}
      disabled={form.disabled}
      searchable
      clearable
      limit={50}
    />
  );
}

const COMPARISONS = ["is", "not", "gt", "gte", "lt", "lte", "contains", "in", "exists"] as const;

/** What parameters of an event must be: rows of name, comparison, value. */
export function Where({ form, member = "where" }: { form: Form; member?: string }) {
  const { t } = useTranslation();
  const { data } = useQuery(eventTypesQuery);
  const type = data?.find((one) => one.key === form.value.event_type);
  const names = [
    ...new Set([...(type?.parameters ?? []).map((one) => one.name), ...Object.keys(type?.declared ?? {})]),
  ];
  const where = (form.value[member] ?? {}) as Json;
  const rows = Object.entries(where).map(([name, asked]) => {
    const parts = typeof asked === "object" && asked !== null ? Object.entries(asked) : [["is", asked]];
    return { name, op: String(parts[0]?.[0] ?? "is"), value: parts[0]?.[1], more: parts.length > 1 };
  });
  const put = (place: number, change: { name?: string; op?: string; value?: unknown } | null) => {
    const next: Json = {};
    rows.forEach((row, at) => {
      if (at === place && change === null) return;
      const now = at === place ? { ...row, ...change } : row;
      const asked = where[row.name];
      if (row.more && at !== place) next[now.name] = asked;
      else next[now.name] = now.op === "is" ? now.value : { [now.op]: fitting(now.op, now.value) };
    });
    form.set({ [member]: Object.keys(next).length > 0 ? next : undefined });
  };
  return (
    <Fieldset legend={t("workflows.form.where")} p="xs">
      <Stack gap="xs">
        {rows.map((row, place) => (
          <Group key={place} gap={4} wrap="nowrap" align="flex-start">
            <Autocomplete
              aria-label={t("workflows.form.param")}
              placeholder={t("workflows.form.param")}
              data={names}
              value={row.name}
              onChange={(name) => put(place, { name })}
              error={form.error(`${member}.${row.name}`)}
              disabled={form.disabled}
              style={{ flex: 1.2 }}
            />
            <Select
              aria-label={t("workflows.form.comparison")}
              data={COMPARISONS.map((op) => ({ value: op, label: t(`workflows.form.compare.${op}`) }))}
              value={row.op}
              onChange={(op) => op && put(place, { op })}
              disabled={form.disabled}
              allowDeselect={false}
              style={{ flex: 1 }}
            />
            {row.op !== "exists" && (
              <TextInput
                aria-label={t("workflows.form.value")}
                value={Array.isArray(row.value) ? row.value.join(", ") : text(row.value)}
                onChange={(event) => put(place, { value: scalar(event.currentTarget.value) })}
                disabled={form.disabled}
                style={{ flex: 1 }}
              />
            )}
            <ActionIcon
              variant="subtle"
              color="gray"
              mt={4}
              onClick={() => put(place, null)}
              aria-label={t("common.remove")}
              disabled={form.disabled}
            >
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
        {!form.disabled && (
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() =>
              form.set({ [member]: { ...where, [names.find((name) => !(name in where)) ?? ""]: "" } })
            }
            style={{ alignSelf: "flex-start" }}
          >
            {t("workflows.form.addParam")}
          </Button>
        )}
        {rows.length === 0 && (
          <Text size="xs" c="dimmed">
            {t("workflows.form.anyParam")}
          </Text>
        )}
      </Stack>
    </Fieldset>
  );
}

/** A number or yes/no where it is plainly one. */
export function scalar(typed: string): unknown {
  if (/^-?\d+(\.\d+)?$/.test(typed) && String(Number(typed)) === typed) return Number(typed);
  return typed === "true" ? true : typed === "false" ? false : typed;
}

function fitting(op: string, value: unknown): unknown {
  if (op === "exists") return true;
  if (op === "in" && !Array.isArray(value))
    return String(value ?? "")
      .split(",")
      .map((one) => scalar(one.trim()));
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Names and values, such as headers or parameters. */
export function Pairs({ form, member, label, hint }: Props & { hint?: string }) {
  const { t } = useTranslation();
  const pairs = Object.entries((form.value[member] ?? {}) as Json);
  const name = useLabel(member, label);
  const put = (next: [string, unknown][]) =>
    form.set({ [member]: next.length > 0 ? Object.fromEntries(next) : undefined });
  return (
    <Fieldset legend={name} p="xs">
      <Stack gap="xs">
        {hint && (
          <Text size="xs" c="dimmed">
            {hint}
          </Text>
        )}
        {pairs.map(([key, value], place) => (
          <Group key={place} gap={4} wrap="nowrap" align="flex-start">
            <TextInput
              aria-label={t("workflows.form.param")}
              value={key}
              onChange={(event) => {
                const typed = event.currentTarget.value;
                put(pairs.map((one, other) => (other === place ? [typed, one[1]] : one)));
              }}
              disabled={form.disabled}
              style={{ flex: 1 }}
            />
            <TextInput
              aria-label={t("workflows.form.value")}
              value={typeof value === "object" ? JSON.stringify(value) : text(value)}
              error={form.error(`${member}.${key}`)}
              onChange={(event) => {
                const typed = event.currentTarget.value;
                put(pairs.map((one, other) => (other === place ? [one[0], typed] : one)));
              }}
              disabled={form.disabled}
              style={{ flex: 1.4 }}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              mt={4}
              onClick={() => put(pairs.filter((_, other) => other !== place))}
              aria-label={t("common.remove")}
              disabled={form.disabled}
            >
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
        {!form.disabled && (
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() =>
              put([...pairs, [pairs.some(([key]) => key === "") ? `name${pairs.length + 1}` : "", ""]])
            }
            style={{ alignSelf: "flex-start" }}
          >
            {t("common.add")}
          </Button>
        )}
      </Stack>
    </Fieldset>
  );
}

/** Anything, as JSON. What is typed and is no JSON yet stays in the field and changes nothing. */
export function AsJson({ form, member, label, hint }: Props & { hint?: string }) {
  const { t } = useTranslation();
  const value = form.value[member];
  const [typed, setTyped] = useState<string>();
  const shown = typed ?? (value === undefined || value === null ? "" : JSON.stringify(value, null, 2));
  const wrong = typed !== undefined && typed.trim() !== "" && !isJson(typed);
  return (
    <Textarea
      label={useLabel(member, label)}
      description={hint}
      autosize
      minRows={3}
      maxRows={14}
      ff="monospace"
      value={shown}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setTyped(next);
        if (next.trim() === "") form.set({ [member]: undefined });
        else if (isJson(next)) form.set({ [member]: JSON.parse(next) });
      }}
      onBlur={() => !wrong && setTyped(undefined)}
      error={wrong ? t("workflows.form.noJson") : form.error(member)}
      disabled={form.disabled}
    />
  );
}

function isJson(typed: string): boolean {
  try {
    JSON.parse(typed);
    return true;
  } catch {
    return false;
  }
}
