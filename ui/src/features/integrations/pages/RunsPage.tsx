import {
  Alert,
  Anchor,
  Badge,
  Button,
  Drawer,
  Group,
  Select,
  Skeleton,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { IconListDetails, IconRepeat } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { RecordedRun, RunStatus } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { Frame } from "../parts/Frame";
import { Json } from "../parts/Json";
import { connectionsQuery, runQuery, useAct } from "../queries";

const route = getRouteApi("/integrations/runs");
const STATES = ["success", "error", "running", "unknown"] as const satisfies RunStatus[];
const COLORS = { success: "teal", error: "red", running: "blue", unknown: "gray" } as const;

export function RunsPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = useNavigate();
  const connections = useQuery(connectionsQuery);
  const status = STATES.find((one) => one === search.status);
  const go = (change: Partial<typeof search>) =>
    void navigate({ to: "/integrations/runs", search: { ...search, ...change }, replace: true });
  const runs = usePages<RecordedRun>(["run", "list", search.connection, status], (cursor, signal) =>
    ask(
      api.GET("/syncom/v1/integrations/runs", {
        params: { query: { connection_id: search.connection, status, cursor, limit: 100 } },
        signal,
      }),
    ),
  );
  const columns = useMemo<Column<RecordedRun>[]>(
    () => [
      {
        id: "name",
        header: t("integrations.app.action"),
        width: "2fr",
        cell: (run) => (
          <Anchor
            size="sm"
            renderRoot={(props) => (
              <Link {...props} to="/integrations/runs" search={(now) => ({ ...now, run: run.run_id })} />
            )}
          >
            {run.name}
          </Anchor>
        ),
      },
      {
        id: "status",
        header: t("integrations.connection.state"),
        width: "120px",
        cell: (run) => (
          <Badge color={COLORS[run.status]}>{t(`integrations.runs.states.${run.status}`)}</Badge>
        ),
      },
      {
        id: "problem",
        header: t("integrations.connection.problem"),
        width: "2fr",
        cell: (run) => <span title={run.problem}>{run.problem}</span>,
      },
      { id: "actor", header: t("integrations.runs.actor"), cell: (run) => run.actor },
      {
        id: "duration",
        header: t("integrations.runs.duration"),
        numeric: true,
        width: "110px",
        cell: (run) =>
          run.duration === null
            ? ""
            : number(run.duration, { style: "unit", unit: "millisecond", unitDisplay: "short" }),
      },
      { id: "at", header: t("integrations.runs.at"), cell: (run) => <Time at={run.started_at} relative /> },
    ],
    [t],
  );
  return (
    <Frame title={t("integrations.places.runs")} soft={t("integrations.runs.soft")}>
      <Group align="flex-end">
        <Select
          label={t("integrations.playground.connection")}
          placeholder={t("integrations.runs.any")}
          clearable
          searchable
          data={(connections.data?.items ?? []).map((one) => ({ value: one.connection_id, label: one.name }))}
          value={search.connection ?? null}
          onChange={(connection) => go({ connection: connection ?? undefined })}
        />
        <Select
          label={t("integrations.connection.state")}
          placeholder={t("integrations.runs.any")}
          clearable
          data={STATES.map((one) => ({ value: one, label: t(`integrations.runs.states.${one}`) }))}
          value={status ?? null}
          onChange={(next) => go({ status: next ?? undefined })}
        />
        <Button variant="default" onClick={() => void runs.query.refetch()} loading={runs.query.isRefetching}>
          {t("common.refresh")}
        </Button>
      </Group>
      <DataTable
        label={t("integrations.places.runs")}
        columns={columns}
        {...runs}
        rowKey={(run) => run.run_id}
        open={(run) => go({ run: run.run_id })}
        empty={
          <Empty icon={<IconListDetails />} title={t("integrations.runs.none")}>
            {t("integrations.runs.noneHint")}
          </Empty>
        }
      />
      <Drawer
        opened={search.run !== undefined}
        onClose={() => go({ run: undefined })}
        position="right"
        size="lg"
        title={t("integrations.runs.one")}
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        {search.run !== undefined && <Run id={search.run} onOpen={(run) => go({ run })} />}
      </Drawer>
    </Frame>
  );
}

function Run({ id, onOpen }: { id: string; onOpen: (run: string) => void }) {
  const { t } = useTranslation();
  const found = useQuery(runQuery(id));
  const mayRun = useMay("send");
  const replay = useAct(
    () => ask(api.POST("/syncom/v1/integrations/runs/{run_id}/replay", { params: { path: { run_id: id } } })),
    { renews: "run", done: (answer) => onOpen(answer.run_id) },
  );
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  if (found.isPending) return <Skeleton h={320} aria-label={t("common.loading")} />;
  const run = found.data;
  return (
    <Stack>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Text fw={600} style={{ overflowWrap: "anywhere" }}>
            {run.name}
          </Text>
          <Text size="sm" c="dimmed">
            <Time at={run.started_at} /> · {run.actor}
            {run.replay_of && ` · ${t("integrations.runs.isReplay")}`}
          </Text>
        </div>
        <Badge color={COLORS[run.status]} style={{ flexShrink: 0 }}>
          {t(`integrations.runs.states.${run.status}`)}
        </Badge>
      </Group>
      {run.problem !== "" && (
        <Alert color="red" p="xs" title={t("integrations.connection.problem")}>
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {run.problem}
          </Text>
        </Alert>
      )}
      <Group>
        {mayRun && run.action_id !== null && (
          <Button
            variant="light"
            leftSection={<IconRepeat size={18} aria-hidden />}
            loading={replay.isPending}
            onClick={() => replay.mutate(undefined)}
          >
            {t("integrations.runs.replay")}
          </Button>
        )}
        {run.action_id !== null && run.connection_id !== null && (
          <Button
            variant="default"
            renderRoot={(props) => (
              <Link
                {...props}
                to="/integrations/playground"
                search={{ connection: run.connection_id ?? undefined, action: run.action_id ?? undefined }}
              />
            )}
          >
            {t("integrations.runs.open")}
          </Button>
        )}
      </Group>
      <Part title={t("integrations.playground.input")} value={run.input} />
      <Part title={t("integrations.playground.answer")} value={run.output} />
      {run.exchanges.length > 0 && (
        <Part
          title={t("integrations.runs.exchanges", { count: run.exchanges.length })}
          value={run.exchanges}
        />
      )}
      <Text size="xs" c="dimmed">
        {t("integrations.runs.redacted")}
      </Text>
    </Stack>
  );
}

function Part({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  return (
    <section>
      <Title order={3} mb={4}>
        {title}
      </Title>
      <Json value={value} label={title} />
    </section>
  );
}
