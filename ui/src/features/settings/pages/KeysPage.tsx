import { Badge, Button, MultiSelect, Select, Switch, TextInput } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { ApiKey, Compat, KeyScope, Role } from "~/api/schema";
import { useSession } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { FormDialog } from "~/ui/FormDialog";
import { Example, Once } from "~/ui/Once";
import { listState } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { SettingsPage } from "../parts/SettingsPage";
import { keysQuery } from "../queries";
import { givable } from "../roles";

const SCOPES: readonly KeyScope[] = ["full", "events", "events_contacts", "messages"];
const COMPAT: readonly Compat[] = ["collapse_single", "json_sentences", "empty_orders"];

export function KeysPage() {
  const { t } = useTranslation();
  const keys = useQuery(keysQuery);
  const [making, setMaking] = useState(false);
  const [revoked, setRevoked] = useState(false);
  const [secret, setSecret] = useState<string>();
  const columns = useMemo<Column<ApiKey>[]>(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "2fr",
        cell: (key) => <span dir="auto">{key.name}</span>,
      },
      { id: "prefix", header: t("settings.keys.begins"), cell: (key) => <code>{key.prefix}…</code> },
      { id: "role", header: t("settings.users.role"), cell: (key) => t(`settings.roles.${key.role}.name`) },
      {
        id: "scope",
        header: t("settings.keys.scope"),
        cell: (key) => t(`settings.keys.scopes.${key.scope}`),
      },
      {
        id: "used",
        header: t("settings.keys.used"),
        cell: (key) => (key.last_used_at ? <Time at={key.last_used_at} relative /> : t("settings.never")),
      },
      { id: "made", header: t("settings.since"), cell: (key) => <Time at={key.created_at} relative /> },
      { id: "acts", header: t("settings.acts"), width: "110px", cell: (key) => <End apiKey={key} /> },
    ],
    [t],
  );
  const all = keys.data?.items ?? [];
  const make = (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setMaking(true)}>
      {t("settings.keys.make")}
    </Button>
  );
  return (
    <SettingsPage
      title={t("settings.places.keys.title")}
      soft={t("settings.places.keys.soft")}
      actions={make}
    >
      {all.some((key) => key.revoked_at) && (
        <Switch
          label={t("settings.keys.showRevoked")}
          checked={revoked}
          onChange={(event) => setRevoked(event.currentTarget.checked)}
        />
      )}
      <DataTable
        label={t("settings.places.keys.title")}
        columns={columns}
        rows={all.filter((key) => revoked || !key.revoked_at)}
        rowKey={(key) => String(key.api_key_id)}
        {...listState(keys)}
        empty={
          <Empty icon={<IconKey />} title={t("settings.keys.none")} action={make}>
            {t("settings.keys.noneHint")}
          </Empty>
        }
      />
      {making && (
        <MakeKey
          onClose={() => setMaking(false)}
          onMade={(key) => {
            setMaking(false);
            setSecret(key);
          }}
        />
      )}
      {secret && (
        <Once
          title={t("settings.keys.made")}
          secret={secret}
          hint={t("settings.keys.once")}
          onClose={() => setSecret(undefined)}
        >
          <Example label={t("settings.keys.example")} text={curl(secret)} />
        </Once>
      )}
    </SettingsPage>
  );
}

/** A first request with a key. */
function curl(key: string): string {
  return `curl -H "Authorization: Bearer ${key}" "${window.location.origin}/syncom/v1/contacts?limit=1"`;
}

function End({ apiKey }: { apiKey: ApiKey }) {
  const { t } = useTranslation();
  const end = useAct(
    () =>
      ask(
        api.DELETE("/syncom/v1/api-keys/{api_key_id}", {
          params: { path: { api_key_id: apiKey.api_key_id } },
        }),
      ),
    { renews: [keysQuery.queryKey], done: t("settings.keys.revoked") },
  );
  if (apiKey.revoked_at) return <Badge color="gray">{t("settings.keys.isRevoked")}</Badge>;
  return (
    <Button
      size="compact-xs"
      variant="light"
      color="red"
      aria-label={t("settings.keys.revokeOne", { name: apiKey.name })}
      onClick={() =>
        confirm({
          title: t("settings.keys.revokeOne", { name: apiKey.name }),
          text: t("settings.keys.revokeAsk"),
          act: t("settings.keys.revoke"),
          onYes: () => end.mutate(),
        })
      }
    >
      {t("settings.keys.revoke")}
    </Button>
  );
}

function MakeKey({ onClose, onMade }: { onClose: () => void; onMade: (key: string) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const session = useSession();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      name: "",
      role: "marketer" as Role,
      scope: "full" as KeyScope,
      compat: [] as Compat[],
    },
    send: (body) => ask(api.POST("/syncom/v1/api-keys", { body })),
    onDone: (answer) => {
      void client.invalidateQueries(keysQuery);
      onMade(answer.key);
    },
  });
  return (
    <FormDialog
      title={t("settings.keys.make")}
      act={t("settings.keys.make")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput
        label={t("common.name")}
        description={t("settings.keys.nameHint")}
        required
        data-autofocus
        {...form.getInputProps("name")}
      />
      <Select
        label={t("settings.users.role")}
        description={t(`settings.roles.${form.values.role}.may`)}
        allowDeselect={false}
        data={givable(session.data?.role).map((role) => ({
          value: role,
          label: t(`settings.roles.${role}.name`),
        }))}
        {...form.getInputProps("role")}
      />
      <Select
        label={t("settings.keys.scope")}
        description={t("settings.keys.scopeHint")}
        allowDeselect={false}
        data={SCOPES.map((scope) => ({ value: scope, label: t(`settings.keys.scopes.${scope}`) }))}
        {...form.getInputProps("scope")}
      />
      <MultiSelect
        label={t("settings.keys.compat")}
        description={t("settings.keys.compatHint")}
        data={COMPAT.map((one) => ({ value: one, label: t(`settings.keys.compats.${one}`) }))}
        {...form.getInputProps("compat")}
      />
    </FormDialog>
  );
}
