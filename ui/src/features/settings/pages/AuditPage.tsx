import { Code, Group, Select } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { AuditEntry } from "~/api/schema";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { SettingsPage } from "../parts/SettingsPage";
import { keysQuery, usersQuery } from "../queries";
import type { AuditSearch } from "../search";

/** Kinds of acts: what stands before the dot of their names. */
const KINDS = ["account", "user", "session", "two_factor", "api_key"] as const;

export function AuditPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as AuditSearch;
  const users = useQuery(usersQuery);
  const keys = useQuery(keysQuery);
  const names = useMemo(
    () =>
      new Map<string, string>([
        ...(users.data?.items.map((one) => [`user:${one.user_id}`, one.email] as const) ?? []),
        ...(keys.data?.items.map(
          (one) => [`api_key:${one.api_key_id}`, t("settings.audit.key", { name: one.name })] as const,
        ) ?? []),
        ["system", t("settings.audit.system")],
      ]),
    [users.data, keys.data, t],
  );
  const query = { actor: search.actor, action: search.action };
  const pages = usePages(["audit", query], (cursor, signal) =>
    ask(api.GET("/syncom/v1/account/audit", { params: { query: { ...query, cursor, limit: 100 } }, signal })),
  );
  const look = (change: AuditSearch) =>
    void navigate({ to: ".", search: { ...search, ...change } as never, replace: true });
  const columns = useMemo<Column<AuditEntry>[]>(
    () => [
      {
        id: "at",
        header: t("settings.audit.when"),
        width: "190px",
        cell: (one) => <Time at={one.occurred_at} />,
      },
      {
        id: "actor",
        header: t("settings.audit.who"),
        cell: (one) => <span dir="auto">{names.get(one.actor) ?? one.actor}</span>,
      },
      {
        id: "action",
        header: t("settings.audit.what"),
        cell: (one) => t(`settings.audit.actions.${one.action}` as "nav.home", { defaultValue: one.action }),
      },
      {
        id: "object",
        header: t("settings.audit.object"),
        cell: (one) => <span dir="auto">{names.get(one.object) ?? one.object}</span>,
      },
      {
        id: "detail",
        header: t("settings.audit.detail"),
        width: "2fr",
        cell: (one) =>
          Object.keys(one.detail).length > 0 ? (
            <Code title={JSON.stringify(one.detail)}>{told(one.detail)}</Code>
          ) : (
            "–"
          ),
      },
    ],
    [t, names],
  );
  return (
    <SettingsPage title={t("settings.places.audit.title")} soft={t("settings.places.audit.soft")}>
      <Group align="flex-end" gap="sm">
        <Select
          label={t("settings.audit.who")}
          w={260}
          searchable
          clearable
          clearButtonProps={{ "aria-label": t("settings.clear") }}
          placeholder={t("settings.all")}
          value={search.actor ?? null}
          data={[...names].map(([value, label]) => ({ value, label }))}
          onChange={(value) => look({ actor: value ?? undefined })}
        />
        <Select
          label={t("settings.audit.about")}
          w={220}
          clearable
          clearButtonProps={{ "aria-label": t("settings.clear") }}
          placeholder={t("settings.all")}
          value={search.action ?? null}
          data={KINDS.map((value) => ({ value, label: t(`settings.audit.kinds.${value}`) }))}
          onChange={(value) => look({ action: value ?? undefined })}
        />
      </Group>
      <DataTable
        label={t("settings.places.audit.title")}
        columns={columns}
        rowKey={(one) => String(one.audit_id)}
        {...pages}
        empty={<Empty icon={<IconHistory />} title={t("settings.audit.none")} />}
      />
    </SettingsPage>
  );
}

/** `email: ann@example.com, role: viewer`. */
function told(detail: Record<string, unknown>): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}
