import { Anchor, Badge, Button, Group, SegmentedControl } from "@mantine/core";
import { IconAffiliate, IconSearch, IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { TypeFigures } from "~/api/schema";
import { useMay } from "~/api/session";
import { workflowsQuery } from "~/api/workflows";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Finder } from "~/ui/Finder";
import { number } from "~/ui/format";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { Trend } from "../parts/Trend";
import { figuresQuery, USUAL_DAYS } from "../queries";
import type { TypesSearch } from "../searches";
import { startedBy } from "../triggers";

const SPANS = [7, 30, 90] as const;

export function EventsPage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/events" });
  const go = useNavigate();
  const days = search.days || USUAL_DAYS;
  const figures = useQuery(figuresQuery(days));
  const put = (change: TypesSearch) =>
    void go({ to: "/events", search: { ...search, ...change }, replace: true });
  const words = search.search?.toLowerCase() ?? "";
  const rows = useMemo(
    () => (figures.data ?? []).filter((one) => one.key.toLowerCase().includes(words)),
    [figures.data, words],
  );
  const columns = useColumns(days);
  const send = (
    <Button
      leftSection={<IconSend size={18} aria-hidden />}
      variant={figures.data?.length === 0 ? "filled" : "default"}
      renderRoot={(props) => <Link {...props} to="/events/send" />}
    >
      {t("events.howToSend")}
    </Button>
  );
  return (
    <Page title={t("nav.events")} soft={t("events.soft")} actions={send}>
      <Group justify="space-between" gap="sm">
        <SegmentedControl
          aria-label={t("facts.period")}
          value={String(days)}
          onChange={(value) => put({ days: Number(value) })}
          data={SPANS.map((one) => ({ value: String(one), label: t("facts.days", { count: one }) }))}
        />
        <Finder
          label={t("events.findType")}
          value={search.search ?? ""}
          onChange={(words) => put({ search: words || undefined })}
        />
      </Group>
      <DataTable
        label={t("events.types")}
        columns={columns}
        rows={rows}
        rowKey={(one) => String(one.event_type_id)}
        loading={figures.isPending}
        error={figures.isError && !figures.data ? figures.error : undefined}
        retry={() => void figures.refetch()}
        open={(one) => void go({ to: "/events/$id", params: { id: String(one.event_type_id) } })}
        empty={
          words ? (
            <Empty icon={<IconSearch />} title={t("events.noneFound")}>
              {t("events.noneFoundNext")}
            </Empty>
          ) : (
            <Empty icon={<IconAffiliate />} title={t("events.none")} action={send}>
              {t("events.noneNext")}
            </Empty>
          )
        }
      />
    </Page>
  );
}

function useColumns(days: number): Column<TypeFigures>[] {
  const { t } = useTranslation();
  const mayRead = useMay("read_campaigns");
  const { data: workflows } = useQuery({ ...workflowsQuery, enabled: mayRead });
  return useMemo(() => {
    const started = startedBy(workflows ?? []);
    const columns: Column<TypeFigures>[] = [
      {
        id: "key",
        header: t("events.type"),
        width: "2fr",
        cell: (one) => (
          <Anchor
            fw={500}
            size="sm"
            dir="auto"
            renderRoot={(props) => (
              <Link {...props} to="/events/$id" params={{ id: String(one.event_type_id) }} />
            )}
          >
            {one.key}
          </Anchor>
        ),
      },
      {
        id: "trend",
        header: t("events.trend"),
        width: "1.4fr",
        cell: (one) => <Trend counts={one.by_day} />,
      },
      {
        id: "events",
        header: t("events.inDays", { count: days }),
        width: "130px",
        numeric: true,
        cell: (one) => counted(one),
      },
      {
        id: "last",
        header: t("events.last"),
        width: "160px",
        cell: (one) => (one.last_at ? <Time at={one.last_at} relative /> : t("events.never")),
      },
    ];
    if (mayRead)
      columns.push({
        id: "starts",
        header: t("events.starts"),
        width: "150px",
        cell: (one) => {
          const found = started.get(one.key)?.length ?? 0;
          return found > 0 ? <Badge tt="none">{t("events.workflows", { count: found })}</Badge> : "–";
        },
      });
    return columns;
  }, [t, days, mayRead, workflows]);
}

/** Counting stops at 10,000. */
export function counted(figures: TypeFigures): string {
  return number(figures.events) + (figures.is_exact ? "" : "+");
}
