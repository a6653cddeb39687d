/** The form of a trigger or a step, made from the JSON Schema: good inputs for what is set most, plain ones for the rest. */
import {
  Group,
  NumberInput,
  SegmentedControl,
  Select,
  Skeleton,
  Stack,
  Switch,
  Text,
  TextInput,
} from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { fieldsQuery } from "~/api/fields";
import { schemaQuery } from "../queries";
import { Add, Remove } from "./buttons";
import { Condition } from "./Condition";
import { type Form, text } from "./context";
import {
  AsJson,
  CampaignPick,
  DateField,
  Days,
  EventType,
  ListPick,
  Pairs,
  SegmentPick,
  SenderPick,
  Span,
  scalar,
  TemplatePick,
  TimeOfDay,
  TimeZone,
  useLabel,
  Weekdays,
  Where,
  Within,
  WorkflowPick,
} from "./inputs";
import { Branches, Cases, Channels } from "./lists";
import { choicesOf, inputOf, type Json, type Property, partOf } from "./schema";

/** Where a step leads is set elsewhere. */
const WAYS = new Set(["type", "id", "next", "otherwise", "timeout", "missing", "failed"]);
const SPAN = new Set(["days", "hours", "minutes", "seconds"]);

/** Inputs by member; a whole kind may have a form of its own. */
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
const KINDS: Record<string, ComponentType<{ form: Form }>> = {
  wait_until: WaitUntil,
  send: Channels,
  switch: Cases,
  split: Branches,
  update_contact: UpdateContact,
  add_to_list: ListOrTag,
  remove_from_list: ListOrTag,
  goal: Happening,
  date: DateTrigger,
  schedule: Schedule,
  activity: Activity,
};

export function PartForm({ form, type }: { form: Form; type: string }) {
  const { t } = useTranslation();
  const { data } = useQuery(schemaQuery);
  const Own = KINDS[type];
  if (Own) return <Own form={form} />;
  const part = partOf(data, type);
  if (!data) return <Skeleton height={120} />;
  const members = Object.entries(part?.properties ?? {}).filter(([name]) => !WAYS.has(name));
  const spans = type === "wait" || type === "wait_for";
  const shown = members.filter(([name]) => !(spans && SPAN.has(name)));
  const before = shown.filter(([name]) => name !== "within");
  return (
    <Stack gap="sm">
      {before.map(([name, property]) => (
        <Member key={name} form={form} name={name} property={property} />
      ))}
      {spans && (
        <Span form={form} label={t(type === "wait" ? "workflows.form.span" : "workflows.form.atMost")} />
      )}
      {shown.some(([name]) => name === "within") && <Within form={form} />}
      {members.length === 0 && part && (
        <Text size="sm" c="dimmed">
          {t("workflows.form.nothingToSet")}
        </Text>
      )}
    </Stack>
  );
}

function Member({ form, name, property }: { form: Form; name: string; property: Property }) {
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

type UntilMode = "weekdays" | "date" | "field";

function WaitUntil({ form }: { form: Form }) {
  const { t } = useTranslation();
  const mode: UntilMode = form.value.date ? "date" : form.value.field !== undefined ? "field" : "weekdays";
  const become = (next: UntilMode) => {
    const cleared = {
      date: undefined,
      field: undefined,
      days: undefined,
      yearly: undefined,
      weekdays: undefined,
      at: undefined,
      missing: undefined,
    };
    if (next === "date") form.set({ ...cleared, date: tomorrow() });
    else if (next === "field") form.set({ ...cleared, field: "", at: "09:00" });
    else form.set({ ...cleared, weekdays: ["mon"], at: "09:00" });
  };
  return (
    <Stack gap="sm">
      <SegmentedControl
        data={(["weekdays", "date", "field"] as const).map((value) => ({
          value,
          label: t(`workflows.form.until.${value}`),
        }))}
        value={mode}
        onChange={(next) => become(next as UntilMode)}
        disabled={form.disabled}
      />
      {mode === "date" && (
        <TextInput
          type="datetime-local"
          label={t("workflows.form.moment")}
          description={t("workflows.form.yourZone", {
            zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
          })}
          value={localMoment(form.value.date)}
          error={form.error("date")}
          disabled={form.disabled}
          onChange={(event) => {
            const at = new Date(event.currentTarget.value);
            if (!Number.isNaN(at.getTime())) form.set({ date: at.toISOString() });
          }}
        />
      )}
      {mode === "field" && (
        <>
          <DateField form={form} member="field" label={t("workflows.form.dateField")} />
          <Days form={form} />
          <TimeOfDay form={form} member="at" />
          <Switch
            label={t("workflows.form.fields.yearly")}
            checked={form.value.yearly === true}
            disabled={form.disabled}
            onChange={(event) => form.set({ yearly: event.currentTarget.checked || undefined })}
          />
        </>
      )}
      {mode === "weekdays" && (
        <>
          <Weekdays form={form} member="weekdays" />
          <TimeOfDay form={form} member="at" />
        </>
      )}
      <Text size="xs" c="dimmed">
        {mode === "date" ? t("workflows.form.overHint") : t("workflows.form.contactZone")}
      </Text>
    </Stack>
  );
}

function tomorrow(): string {
  const at = new Date(Date.now() + 86_400_000);
  at.setHours(9, 0, 0, 0);
  return at.toISOString();
}

function localMoment(value: unknown): string {
  const at = new Date(String(value));
  if (Number.isNaN(at.getTime())) return "";
  const two = (part: number) => String(part).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

const STANDARD = [
  "first_name",
  "last_name",
  "country",
  "region",
  "city",
  "address",
  "postcode",
  "language",
  "time_zone",
] as const;

/** Standard fields are in `set`, own ones in `fields`. */
function UpdateContact({ form }: { form: Form }) {
  const { t } = useTranslation();
  const own = useQuery(fieldsQuery).data ?? [];
  const rows = [
    ...Object.entries((form.value.set ?? {}) as Json).map(([key, value]) => ({ part: "set", key, value })),
    ...Object.entries((form.value.fields ?? {}) as Json).map(([key, value]) => ({
      part: "fields",
      key,
      value,
    })),
  ];
  const put = (next: { part: string; key: string; value: unknown }[]) => {
    const of = (part: string) =>
      Object.fromEntries(next.filter((one) => one.part === part).map((one) => [one.key, one.value]));
    const fields = of("fields");
    form.set({ set: of("set"), fields: Object.keys(fields).length > 0 ? fields : undefined });
  };
  const options = [
    ...STANDARD.map((name) => ({
      value: `set:${name}`,
      label: t(`workflows.form.contactFields.${name}` as "workflows.form.contactFields.city"),
    })),
    ...own.map((one) => ({ value: `fields:${one.key}`, label: one.name })),
  ];
  const taken = new Set(rows.map((row) => `${row.part}:${row.key}`));
  return (
    <Stack gap="xs">
      {rows.map((row, place) => {
        const kind = row.part === "fields" ? own.find((one) => one.key === row.key)?.type : undefined;
        return (
          <Group key={`${row.part}:${row.key}`} gap={6} wrap="nowrap" align="flex-start">
            <Select
              aria-label={t("workflows.form.contactField")}
              data={options.filter((one) => one.value === `${row.part}:${row.key}` || !taken.has(one.value))}
              value={`${row.part}:${row.key}`}
              onChange={(next) => {
                if (!next) return;
                const [part = "set", key = ""] = next.split(/:(.*)/s);
                put(rows.map((one, other) => (other === place ? { ...one, part, key } : one)));
              }}
              searchable
              allowDeselect={false}
              disabled={form.disabled}
              style={{ flex: 1 }}
            />
            <TextInput
              aria-label={t("workflows.form.value")}
              placeholder={t("workflows.form.emptyClears")}
              value={Array.isArray(row.value) ? row.value.join(", ") : text(row.value)}
              error={form.error(`${row.part}.${row.key}`)}
              onChange={(event) => {
                const typed = event.currentTarget.value;
                const value =
                  kind === "number" || kind === "boolean"
                    ? scalar(typed)
                    : kind === "multichoice"
                      ? typed.split(",").map((one) => one.trim())
                      : typed;
                put(rows.map((one, other) => (other === place ? { ...one, value } : one)));
              }}
              disabled={form.disabled}
              style={{ flex: 1 }}
            />
            <Remove form={form} onRemove={() => put(rows.filter((_, other) => other !== place))} />
          </Group>
        );
      })}
      {(form.error("set") ?? form.error("fields") ?? form.error("")) && (
        <Text size="xs" c="red">
          {form.error("set") ?? form.error("fields") ?? form.error("")}
        </Text>
      )}
      {!form.disabled && (
        <Add
          label={t("workflows.form.addField")}
          onAdd={() => {
            const free = options.find((one) => !taken.has(one.value));
            const [part = "set", key = ""] = (free?.value ?? "set:city").split(/:(.*)/s);
            put([...rows, { part, key, value: "" }]);
          }}
        />
      )}
    </Stack>
  );
}

function ListOrTag({ form }: { form: Form }) {
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

function DateTrigger({ form }: { form: Form }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm">
      <DateField form={form} member="field" label={t("workflows.form.dateField")} />
      <Days form={form} />
      <TimeOfDay form={form} member="at" />
      <Switch
        label={t("workflows.form.fields.yearly")}
        checked={form.value.yearly !== false}
        disabled={form.disabled}
        onChange={(event) => form.set({ yearly: event.currentTarget.checked ? undefined : false })}
      />
      <Text size="xs" c="dimmed">
        {t("workflows.form.contactZone")}
      </Text>
    </Stack>
  );
}

function Schedule({ form }: { form: Form }) {
  const { t } = useTranslation();
  const every = text(form.value.every) || "day";
  const property = useQuery(schemaQuery).data;
  const weekday = partOf(property, "schedule")?.properties?.weekday;
  return (
    <Stack gap="sm">
      <SegmentPick form={form} member="segment_id" required />
      <Select
        label={t("workflows.form.fields.every")}
        data={["day", "week", "month", "once"].map((one) => ({
          value: one,
          label: t(`workflows.every.${one}` as "workflows.every.day"),
        }))}
        value={every}
        onChange={(next) =>
          next &&
          form.set({
            every: next,
            weekday: undefined,
            day: undefined,
            on: next === "once" ? tomorrow().slice(0, 10) : undefined,
          })
        }
        allowDeselect={false}
        disabled={form.disabled}
        error={form.error("every")}
      />
      {every === "week" && weekday && (
        <Member
          form={form}
          name="weekday"
          property={{ ...weekday, enum: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] }}
        />
      )}
      {every === "month" && (
        <NumberInput
          label={t("workflows.form.dayOfMonth")}
          min={1}
          max={31}
          value={Number(form.value.day ?? 1)}
          onChange={(next) => form.set({ day: Number(next) || 1 })}
          error={form.error("day")}
          disabled={form.disabled}
        />
      )}
      {every === "once" && (
        <TextInput
          type="date"
          label={t("workflows.form.onDay")}
          value={text(form.value.on)}
          onChange={(event) => form.set({ on: event.currentTarget.value })}
          error={form.error("on")}
          disabled={form.disabled}
        />
      )}
      <TimeOfDay form={form} member="at" />
      <TimeZone form={form} member="time_zone" />
    </Stack>
  );
}

function Activity({ form }: { form: Form }) {
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
