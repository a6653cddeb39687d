/** Servers that are told what happens. */
import {
  Anchor,
  Badge,
  Button,
  Checkbox,
  Group,
  PasswordInput,
  SimpleGrid,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import type { FeedStatus, WebhooksModelWebhook as Webhook, WebhookInput } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { FormDialog } from "~/ui/FormDialog";
import { number } from "~/ui/format";
import { listState } from "~/ui/pages";
import { tellDone, tellFailed } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { headersOf } from "../headers";
import { webhooksQuery } from "../queries";
import { AskedLink } from "./AskedLink";
import { Section } from "./Section";

const STATUSES: readonly FeedStatus[] = [
  "SENT",
  "DELIVERED",
  "UNDELIVERED",
  "READ",
  "CLICKED",
  "UNSUBSCRIBED",
  "SPAM",
  "SUBSCRIPTION_CHANGED",
];

export function Webhooks() {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const webhooks = useQuery(webhooksQuery);
  const [changing, setChanging] = useState<Webhook | "new">();
  const columns = useMemo<Column<Webhook>[]>(
    () => [
      { id: "name", header: t("common.name"), cell: (one) => <span dir="auto">{one.name}</span> },
      {
        id: "url",
        header: t("settings.webhooks.url"),
        width: "2fr",
        cell: (one) => <span title={one.url}>{one.url}</span>,
      },
      { id: "state", header: t("senders.state"), width: "2fr", cell: (one) => <State webhook={one} /> },
      {
        id: "delivered",
        header: t("settings.webhooks.delivered"),
        width: "100px",
        numeric: true,
        cell: (one) => number(one.delivered),
      },
      {
        id: "acts",
        header: t("settings.acts"),
        width: "240px",
        cell: (one) => may && <Acts webhook={one} onChange={() => setChanging(one)} />,
      },
    ],
    [t, may],
  );
  return (
    <Section
      title={t("settings.webhooks.outgoing")}
      hint={t("settings.webhooks.outgoingHint")}
      action={may && <Button onClick={() => setChanging("new")}>{t("settings.webhooks.add")}</Button>}
    >
      <DataTable
        label={t("settings.webhooks.outgoing")}
        columns={columns}
        rows={webhooks.data?.items ?? []}
        rowKey={(one) => String(one.webhook_id)}
        {...listState(webhooks)}
        height={320}
        empty={<Text size="sm">{t("settings.webhooks.none")}</Text>}
      />
      {changing && (
        <WebhookForm
          webhook={changing === "new" ? undefined : changing}
          onClose={() => setChanging(undefined)}
        />
      )}
    </Section>
  );
}

function State({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation();
  if (!webhook.is_active) return <Badge color="gray">{t("settings.webhooks.paused")}</Badge>;
  if (webhook.failures === 0) return <Badge color="teal">{t("senders.works")}</Badge>;
  return (
    <Group gap={6} wrap="nowrap">
      <Badge color="red">{t("settings.webhooks.fails")}</Badge>
      <Text size="xs" truncate title={webhook.last_error}>
        {webhook.last_error}
      </Text>
    </Group>
  );
}

function Acts({ webhook, onChange }: { webhook: Webhook; onChange: () => void }) {
  const { t } = useTranslation();
  const path = { params: { path: { webhook_id: webhook.webhook_id } } };
  const renews = [webhooksQuery.queryKey];
  const test = useAct(() => ask(api.POST("/syncom/v1/webhooks/{webhook_id}/test", path)), {
    renews,
    onDone: (answer) => {
      if (answer.problem === "") tellDone(t("settings.webhooks.tested"));
      else tellFailed(new Failure(answer.status ?? 0, "upstream", "", answer.problem));
    },
  });
  const flip = useAct(
    () =>
      ask(
        webhook.is_active
          ? api.POST("/syncom/v1/webhooks/{webhook_id}/deactivate", path)
          : api.POST("/syncom/v1/webhooks/{webhook_id}/activate", path),
      ),
    { renews, done: t("common.saved") },
  );
  const remove = useAct(() => ask(api.DELETE("/syncom/v1/webhooks/{webhook_id}", path)), {
    renews,
    done: t("settings.webhooks.gone"),
  });
  return (
    <Group gap="sm" wrap="nowrap">
      <Anchor component="button" size="sm" onClick={() => test.mutate()}>
        {t("settings.webhooks.test")}
      </Anchor>
      <Anchor component="button" size="sm" onClick={() => flip.mutate()}>
        {t(webhook.is_active ? "settings.webhooks.pause" : "settings.webhooks.resume")}
      </Anchor>
      <Anchor component="button" size="sm" onClick={onChange}>
        {t("common.edit")}
      </Anchor>
      <AskedLink
        title={t("settings.webhooks.delete")}
        text={t("settings.webhooks.deleteAsk", { name: webhook.name })}
        act={t("settings.webhooks.delete")}
        onYes={() => remove.mutate()}
      >
        {t("common.delete")}
      </AskedLink>
    </Group>
  );
}

function WebhookForm({ webhook, onClose }: { webhook?: Webhook; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      name: webhook?.name ?? "",
      url: webhook?.url ?? "https://",
      username: webhook?.username ?? "",
      password: "",
      headers: "",
      statuses: (webhook?.statuses ?? []) as string[],
    },
    fieldOf: (field) => field.replace(/^(headers|statuses)\..*/, "$1"),
    send: ({ password, headers, ...rest }) => {
      const body: WebhookInput = { ...rest, statuses: rest.statuses as FeedStatus[] };
      // Left out: the stored ones stay.
      if (password !== "") body.password = password;
      if (headers.trim() !== "") body.headers = headersOf(headers);
      if (!webhook) return ask(api.POST("/syncom/v1/webhooks", { body }));
      const path = { webhook_id: webhook.webhook_id };
      return ask(api.PUT("/syncom/v1/webhooks/{webhook_id}", { params: { path }, body }));
    },
    onDone: (answer) => {
      void client.invalidateQueries({ queryKey: webhooksQuery.queryKey });
      if (answer.test.problem === "") tellDone(t("common.saved"));
      else tellFailed(new Failure(answer.test.status ?? 0, "upstream", "", answer.test.problem));
      onClose();
    },
  });
  return (
    <FormDialog
      title={webhook ? t("settings.webhooks.change") : t("settings.webhooks.add")}
      act={webhook ? t("common.save") : t("settings.webhooks.add")}
      size="lg"
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput
        label={t("common.name")}
        required
        data-autofocus
        dir="auto"
        {...form.getInputProps("name")}
      />
      <TextInput
        label={t("settings.webhooks.url")}
        description={t("settings.webhooks.urlHint")}
        required
        {...form.getInputProps("url")}
      />
      <Checkbox.Group
        label={t("settings.webhooks.what")}
        description={t("settings.webhooks.whatHint")}
        {...form.getInputProps("statuses")}
      >
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing={6} mt={6}>
          {STATUSES.map((status) => (
            <Checkbox key={status} value={status} label={t(`settings.webhooks.statuses.${status}`)} />
          ))}
        </SimpleGrid>
      </Checkbox.Group>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput
          label={t("senders.username")}
          description={t("senders.optional")}
          autoComplete="off"
          {...form.getInputProps("username")}
        />
        <PasswordInput
          label={t("senders.password")}
          description={webhook ? t("senders.secretStays") : t("senders.optional")}
          autoComplete="new-password"
          {...form.getInputProps("password")}
        />
      </SimpleGrid>
      <Textarea
        label={t("settings.webhooks.headers")}
        description={
          webhook && webhook.header_names.length > 0
            ? t("settings.webhooks.headersThere", { names: webhook.header_names.join(", ") })
            : t("settings.webhooks.headersHint")
        }
        autosize
        minRows={2}
        dir="ltr"
        {...form.getInputProps("headers")}
      />
    </FormDialog>
  );
}
