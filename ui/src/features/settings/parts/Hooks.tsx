/** Webhooks of mail providers that tell of bounces and complaints. */
import { Badge, Button, PasswordInput, Select, SimpleGrid, TagsInput, Text, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Hook } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { FormDialog } from "~/ui/FormDialog";
import { number } from "~/ui/format";
import { Once } from "~/ui/Once";
import { listState } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { hooksQuery } from "../queries";
import { AskedLink } from "./AskedLink";
import { Section } from "./Section";

const PROVIDERS = ["ses", "sendgrid", "mailgun", "postmark"] as const;

export function Hooks() {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const hooks = useQuery(hooksQuery);
  const [adding, setAdding] = useState(false);
  const [url, setUrl] = useState<string>();
  const columns = useMemo<Column<Hook>[]>(
    () => [
      {
        id: "provider",
        header: t("settings.hooks.provider"),
        cell: (one) => t(`settings.hooks.providers.${one.provider}`),
      },
      { id: "name", header: t("common.name"), cell: (one) => <span dir="auto">{one.name || "–"}</span> },
      {
        id: "state",
        header: t("senders.state"),
        width: "2fr",
        cell: (one) =>
          one.problem ? (
            <span title={one.problem}>{one.problem}</span>
          ) : (
            <Badge color={one.is_confirmed ? "teal" : "yellow"}>
              {t(one.is_confirmed ? "senders.works" : "settings.hooks.unconfirmed")}
            </Badge>
          ),
      },
      {
        id: "received",
        header: t("settings.hooks.received"),
        width: "100px",
        numeric: true,
        cell: (one) => number(one.received),
      },
      {
        id: "last",
        header: t("settings.hooks.last"),
        cell: (one) =>
          one.last_received_at ? <Time at={one.last_received_at} relative /> : t("settings.never"),
      },
      {
        id: "acts",
        header: t("settings.acts"),
        width: "110px",
        cell: (one) => may && <Remove hook={one} />,
      },
    ],
    [t, may],
  );
  return (
    <Section
      title={t("settings.hooks.title")}
      hint={t("settings.hooks.hint")}
      action={
        may && (
          <Button variant="default" onClick={() => setAdding(true)}>
            {t("settings.hooks.add")}
          </Button>
        )
      }
    >
      <DataTable
        label={t("settings.hooks.title")}
        columns={columns}
        rows={hooks.data?.items ?? []}
        rowKey={(one) => String(one.hook_id)}
        {...listState(hooks)}
        height={260}
        empty={<Text size="sm">{t("settings.hooks.none")}</Text>}
      />
      {adding && (
        <AddHook
          onClose={() => setAdding(false)}
          onMade={(made) => {
            setAdding(false);
            setUrl(made);
          }}
        />
      )}
      {url && (
        <Once
          title={t("settings.hooks.made")}
          secret={url}
          hint={t("settings.hooks.once")}
          onClose={() => setUrl(undefined)}
        />
      )}
    </Section>
  );
}

function Remove({ hook }: { hook: Hook }) {
  const { t } = useTranslation();
  const remove = useAct(
    () =>
      ask(
        api.DELETE("/syncom/v1/bounce-webhooks/{hook_id}", { params: { path: { hook_id: hook.hook_id } } }),
      ),
    { renews: [hooksQuery.queryKey], done: t("settings.hooks.gone") },
  );
  return (
    <AskedLink
      title={t("settings.hooks.remove")}
      text={t("settings.hooks.removeAsk")}
      act={t("settings.hooks.remove")}
      onYes={() => remove.mutate()}
    >
      {t("common.remove")}
    </AskedLink>
  );
}

function AddHook({ onClose, onMade }: { onClose: () => void; onMade: (url: string) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      provider: "ses" as (typeof PROVIDERS)[number],
      name: "",
      topics: [] as string[],
      signing_key: "",
      username: "",
      password: "",
    },
    fieldOf: (field) => field.replace(/^topics\..*/, "topics"),
    send: (body) => ask(api.POST("/syncom/v1/bounce-webhooks", { body })),
    onDone: (answer) => {
      void client.invalidateQueries({ queryKey: hooksQuery.queryKey });
      onMade(answer.url);
    },
  });
  const { provider } = form.values;
  return (
    <FormDialog
      title={t("settings.hooks.add")}
      act={t("settings.hooks.add")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <Select
        label={t("settings.hooks.provider")}
        description={t(`settings.hooks.providerHints.${provider}`)}
        allowDeselect={false}
        data={PROVIDERS.map((value) => ({ value, label: t(`settings.hooks.providers.${value}`) }))}
        {...form.getInputProps("provider")}
      />
      <TextInput label={t("common.name")} dir="auto" {...form.getInputProps("name")} />
      {provider === "ses" && (
        <TagsInput
          label={t("settings.hooks.topics")}
          description={t("settings.hooks.topicsHint")}
          {...form.getInputProps("topics")}
        />
      )}
      {(provider === "sendgrid" || provider === "mailgun") && (
        <PasswordInput
          label={t("settings.hooks.signingKey")}
          autoComplete="off"
          {...form.getInputProps("signing_key")}
        />
      )}
      {provider === "postmark" && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput label={t("senders.username")} autoComplete="off" {...form.getInputProps("username")} />
          <PasswordInput
            label={t("senders.password")}
            autoComplete="new-password"
            {...form.getInputProps("password")}
          />
        </SimpleGrid>
      )}
    </FormDialog>
  );
}
