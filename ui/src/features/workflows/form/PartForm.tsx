/** The form of a trigger or a step, made from the JSON Schema: good inputs for what is set most, plain ones for the rest. */
import { Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { schemaQuery } from "../queries";
import type { Form } from "./context";
import { Span, Within } from "./inputs/times";
import { Activity } from "./kinds/Activity";
import { DateTrigger } from "./kinds/DateTrigger";
import { Happening } from "./kinds/Happening";
import { ListOrTag } from "./kinds/ListOrTag";
import { Schedule } from "./kinds/Schedule";
import { UpdateContact } from "./kinds/UpdateContact";
import { WaitUntil } from "./kinds/WaitUntil";
import { Branches, Cases, Channels } from "./lists";
import { Member } from "./Member";
import { partOf } from "./schema";

/** Where a step leads is set elsewhere. */
const WAYS = new Set(["type", "id", "next", "otherwise", "timeout", "missing", "failed"]);
const SPAN = new Set(["days", "hours", "minutes", "seconds"]);

/** Kinds with a form of their own. */
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
