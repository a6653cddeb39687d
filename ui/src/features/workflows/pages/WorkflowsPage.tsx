import { Anchor, Box, Button, Group, Text } from "@mantine/core";
import { IconPlus, IconRoute } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Workflow } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { number } from "~/ui/format";
import { Page } from "~/ui/Page";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { read } from "../model/definition";
import { triggerKind } from "../parts/kinds";
import { StatusBadge } from "../parts/StatusBadge";
import { useSentences } from "../parts/sentences";
import { figuresQuery } from "../queries";

export function WorkflowsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const mayWrite = useMay("write_campaigns");
  const sentences = useSentences(undefined);
  const figures = useQuery({ ...figuresQuery, refetchInterval: 15_000 });
  const pages = usePages<Workflow>(["workflow", "list"], (cursor, signal) =>
    ask(api.GET("/syncom/v1/workflows", { params: { query: { limit: 200, cursor } }, signal })),
  );
  const columns = useMemo<Column<Workflow>[]>(() => {
    const count = (row: Workflow, which: "entered" | "waiting" | "finished" | "failed") =>
      number(figures.data?.get(row.workflow_id)?.[which] ?? 0);
    return [
      {
        id: "name",
        header: t("common.name"),
        width: "2.2fr",
        cell: (row) => (
          <Anchor
            dir="auto"
            size="sm"
            fw={600}
            renderRoot={(props) => (
              <Link {...props} to="/workflows/$id" params={{ id: String(row.workflow_id) }} />
            )}
          >
            {row.name}
          </Anchor>
        ),
      },
      {
        id: "status",
        header: t("workflows.status"),
        width: "130px",
        cell: (row) => <StatusBadge status={row.status} />,
      },
      {
        id: "trigger",
        header: t("workflows.begins"),
        width: "2fr",
        cell: (row) => {
          const trigger = read(row.definition).trigger;
          const kind = triggerKind(trigger.type);
          return (
            <Group gap={6} wrap="nowrap">
              <Box component="span" style={{ flexShrink: 0, lineHeight: 0 }}>
                <kind.icon size={15} aria-hidden />
              </Box>
              <Text size="sm" truncate>
                {sentences.trigger(trigger)}
              </Text>
            </Group>
          );
        },
      },
      {
        id: "entered",
        header: t("workflows.counts.entered"),
        width: "90px",
        numeric: true,
        cell: (row) => count(row, "entered"),
      },
      {
        id: "waiting",
        header: t("workflows.counts.inside"),
        width: "90px",
        numeric: true,
        cell: (row) => count(row, "waiting"),
      },
      {
        id: "finished",
        header: t("workflows.counts.finished"),
        width: "90px",
        numeric: true,
        cell: (row) => count(row, "finished"),
      },
      {
        id: "failed",
        header: t("workflows.counts.failed"),
        width: "90px",
        numeric: true,
        cell: (row) =>
          (figures.data?.get(row.workflow_id)?.failed ?? 0) > 0 ? (
            <Anchor
              c="red"
              fw={600}
              renderRoot={(props) => (
                <Link
                  {...props}
                  to="/workflows/$id"
                  params={{ id: String(row.workflow_id) }}
                  search={{ tab: "people", state: "failed" }}
                />
              )}
            >
              {count(row, "failed")}
            </Anchor>
          ) : (
            "0"
          ),
      },
      {
        id: "updated",
        header: t("workflows.changed"),
        width: "140px",
        cell: (row) => <Time at={row.updated_at} relative />,
      },
    ];
  }, [t, figures.data, sentences]);
  const create = mayWrite && (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      renderRoot={(props) => <Link {...props} to="/workflows/new" />}
    >
      {t("workflows.create")}
    </Button>
  );
  return (
    <Page title={t("nav.workflows")} soft={t("workflows.about")} actions={create}>
      <DataTable
        label={t("nav.workflows")}
        columns={columns}
        rowKey={(row) => String(row.workflow_id)}
        open={(row) => void navigate({ to: "/workflows/$id", params: { id: String(row.workflow_id) } })}
        remember="workflows"
        empty={
          <Empty
            icon={<IconRoute size={26} aria-hidden />}
            title={t("workflows.empty")}
            action={create || undefined}
          >
            {t("workflows.emptyText")}
          </Empty>
        }
        {...pages}
      />
    </Page>
  );
}
