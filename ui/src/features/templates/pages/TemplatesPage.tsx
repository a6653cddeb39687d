import { Anchor, Button, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconPlus, IconSearch, IconTemplate } from "@tabler/icons-react";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type ChannelName, nameOf } from "~/api/channels";
import { api, ask } from "~/api/client";
import type { TemplateSummary } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { CHANNEL_ICONS, WRITTEN } from "../channels";
import { TemplateActions } from "../parts/TemplateActions";

const route = getRouteApi("/templates");

export function TemplatesPage() {
  const { t } = useTranslation();
  const go = useNavigate();
  const may = useMay("write_content");
  const { search, channel } = route.useSearch();
  const [words, setWords] = useState(search ?? "");
  const look = useDebouncedCallback(
    (text: string) =>
      void go({ to: "/templates", search: { search: text || undefined, channel }, replace: true }),
    250,
  );
  const pages = usePages(["template", "list", search ?? "", channel ?? ""], (cursor, signal) =>
    ask(
      api.GET("/syncom/v1/templates", {
        params: { query: { latest: true, search: search ?? "", channel, cursor, limit: 50 } },
        signal,
      }),
    ),
  );
  const filtered = search !== undefined || channel !== undefined;
  const columns: Column<TemplateSummary>[] = [
    { id: "name", header: t("common.name"), width: "2fr", cell: (row) => <Name row={row} /> },
    {
      id: "subject",
      header: t("templates.subject"),
      width: "2fr",
      cell: (row) => <span dir="auto">{row.subject || "—"}</span>,
    },
    {
      id: "tags",
      header: t("templates.tags"),
      cell: (row) => <span dir="auto">{row.tags.join(", ") || "—"}</span>,
    },
    {
      id: "changed",
      header: t("templates.changed"),
      width: "150px",
      cell: (row) => <Time at={row.updated_at} relative />,
    },
    {
      id: "acts",
      header: t("templates.acts"),
      quiet: true,
      width: "40px",
      cell: (row) => <TemplateActions row={row} />,
    },
  ];
  const add = may && (
    <Button
      leftSection={<IconPlus size={18} aria-hidden />}
      renderRoot={(props) => <Link {...props} to="/templates/new" search={{ channel }} />}
    >
      {t("templates.add")}
    </Button>
  );
  return (
    <Page title={t("nav.templates")} soft={t("templates.about")} actions={add}>
      <Group>
        <TextInput
          value={words}
          onChange={(event) => {
            setWords(event.currentTarget.value);
            look(event.currentTarget.value.trim());
          }}
          placeholder={t("templates.searchHint")}
          aria-label={t("common.search")}
          leftSection={<IconSearch size={16} aria-hidden />}
          w={280}
          maxLength={200}
        />
        <SegmentedControl
          value={channel ?? ""}
          onChange={(value) =>
            void go({ to: "/templates", search: { search, channel: (value || undefined) as ChannelName } })
          }
          aria-label={t("templates.channel")}
          data={[
            { value: "", label: t("templates.all") },
            ...WRITTEN.map((name) => ({ value: name, label: t(`templates.channels.${name}`) })),
          ]}
        />
      </Group>
      <DataTable
        label={t("nav.templates")}
        columns={columns}
        {...pages}
        rowKey={(row) => String(row.template_id)}
        open={(row) => void go({ to: "/templates/$id", params: { id: String(row.template_id) } })}
        empty={
          <Empty
            icon={<IconTemplate size={28} />}
            title={filtered ? t("templates.noneFound") : t("templates.none")}
            action={filtered ? undefined : add}
          >
            {filtered ? t("templates.noneFoundHint") : t("templates.noneHint")}
          </Empty>
        }
      />
    </Page>
  );
}

function Name({ row }: { row: TemplateSummary }) {
  const { t } = useTranslation();
  const channel = nameOf(row.channel);
  const Icon = CHANNEL_ICONS[channel];
  return (
    <Group gap={8} wrap="nowrap">
      <Icon size={18} aria-label={t(`templates.channels.${channel}`)} role="img" style={{ flexShrink: 0 }} />
      <Anchor
        size="sm"
        fw={500}
        truncate
        dir="auto"
        renderRoot={(props) => (
          <Link {...props} to="/templates/$id" params={{ id: String(row.template_id) }} />
        )}
      >
        {row.name}
      </Anchor>
      {row.language !== "" && (
        <Text size="xs" c="dimmed" component="span">
          {row.language}
        </Text>
      )}
    </Group>
  );
}
