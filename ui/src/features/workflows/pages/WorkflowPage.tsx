import { Skeleton, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback } from "react";
import { useTranslation } from "react-i18next";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { CallsTab } from "../parts/CallsTab";
import { PeopleTab } from "../parts/PeopleTab";
import { ResultsTab } from "../parts/ResultsTab";
import { StatusBadge } from "../parts/StatusBadge";
import { VersionsTab } from "../parts/VersionsTab";
import { workflowQuery } from "../queries";
import type { WorkflowLook } from "../routes";

const CanvasTab = lazy(() => import("../parts/CanvasTab"));
const route = getRouteApi("/workflows/$id");

export function WorkflowPage() {
  const { t } = useTranslation();
  const { id } = route.useParams();
  const look = route.useSearch();
  const navigate = useNavigate();
  const workflow = useQuery({ ...workflowQuery(Number(id)), refetchInterval: 15_000 });
  const go = useCallback(
    (next: Partial<WorkflowLook>) =>
      void navigate({
        to: "/workflows/$id",
        params: { id },
        search: { ...look, ...next },
        replace: next.tab === undefined,
      }),
    [navigate, id, look],
  );
  const crumbs = [{ label: t("nav.workflows"), to: "/workflows" as const }];
  const found = workflow.data;
  const tab = look.tab ?? "canvas";
  if (workflow.isError && !found)
    return (
      <Page title={t("nav.workflows")} crumbs={crumbs}>
        <Failed error={workflow.error} retry={() => void workflow.refetch()} />
      </Page>
    );
  if (!found)
    return (
      <Page title={t("nav.workflows")} crumbs={crumbs}>
        <Skeleton height={420} />
      </Page>
    );
  const tabs = (
    <Tabs
      value={tab}
      onChange={(next) =>
        go({ tab: (next as WorkflowLook["tab"]) ?? "canvas", contact: undefined, version: undefined })
      }
    >
      <Tabs.List>
        {(["canvas", "people", "results", "calls", "versions"] as const).map((one) => (
          <Tabs.Tab key={one} value={one}>
            {t(`workflows.tabs.${one}`)}
            {one === "people" && found.counts.failed > 0 && (
              <Text span c="red" size="xs" fw={600} ml={6}>
                {t("workflows.failedCount", { count: found.counts.failed })}
              </Text>
            )}
          </Tabs.Tab>
        ))}
      </Tabs.List>
    </Tabs>
  );
  const key = found.workflow_id;
  if (tab === "canvas")
    return (
      <Suspense fallback={<Skeleton height={420} />}>
        <CanvasTab key={key} workflow={found} look={look} go={go} tabs={tabs} />
      </Suspense>
    );
  return (
    <Page title={found.name} crumbs={crumbs} soft={<StatusBadge status={found.status} />}>
      {tabs}
      {tab === "people" && <PeopleTab key={key} workflow={found} look={look} go={go} />}
      {tab === "results" && <ResultsTab key={key} workflow={found} look={look} go={go} />}
      {tab === "calls" && <CallsTab key={key} workflow={found} look={look} go={go} />}
      {tab === "versions" && <VersionsTab key={key} workflow={found} go={go} />}
    </Page>
  );
}
