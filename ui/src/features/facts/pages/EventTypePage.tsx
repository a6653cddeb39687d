import { Anchor, Button, Group, Paper, SimpleGrid, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { TypeFigures } from "~/api/schema";
import { useMay } from "~/api/session";
import { workflowsQuery } from "~/api/workflows";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { HowToSend } from "../parts/HowToSend";
import { Parameters } from "../parts/Parameters";
import { Replays } from "../parts/Replays";
import { Stream } from "../parts/Stream";
import { Trend } from "../parts/Trend";
import { figuresQuery, USUAL_DAYS } from "../queries";
import { EVENT_TABS } from "../searches";
import { startedBy } from "../triggers";
import { counted } from "./EventsPage";

export function EventTypePage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/events/$id" }).id);
  const search = useSearch({ from: "/events/$id" });
  const go = useNavigate();
  const figures = useQuery(figuresQuery(USUAL_DAYS));
  const mayReplay = useMay("read_campaigns");
  const found = figures.data?.find((one) => one.event_type_id === id);
  const crumbs = [{ label: t("nav.events"), to: "/events" as const }];
  if (!found)
    return (
      <Page title={figures.isPending ? t("events.type") : t("events.noSuchType")} crumbs={crumbs}>
        {figures.isError && !figures.data && (
          <Failed error={figures.error} retry={() => void figures.refetch()} />
        )}
        {figures.data && (
          <Group>
            <Button variant="default" renderRoot={(props) => <Link {...props} to="/events" />}>
              {t("events.allTypes")}
            </Button>
          </Group>
        )}
      </Page>
    );
  const tabs = EVENT_TABS.filter((tab) => tab !== "replay" || mayReplay);
  return (
    <Page title={found.key} crumbs={crumbs}>
      <Head figures={found} />
      <Tabs
        value={search.tab ?? "stream"}
        onChange={(tab) =>
          void go({
            to: "/events/$id",
            params: { id: String(id) },
            search: { ...search, tab: tabs.find((one) => one === tab) },
            replace: true,
          })
        }
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {tabs.map((tab) => (
            <Tabs.Tab key={tab} value={tab}>
              {t(`events.tabs.${tab}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="stream">
          <Stream id={id} search={search} />
        </Tabs.Panel>
        <Tabs.Panel value="parameters">
          <Parameters id={id} typeKey={found.key} />
        </Tabs.Panel>
        <Tabs.Panel value="send">
          <HowToSend typeKey={found.key} />
        </Tabs.Panel>
        {mayReplay && (
          <Tabs.Panel value="replay">
            <Replays typeKey={found.key} />
          </Tabs.Panel>
        )}
      </Tabs>
    </Page>
  );
}

function Head({ figures }: { figures: TypeFigures }) {
  const { t } = useTranslation();
  const mayRead = useMay("read_campaigns");
  const { data: workflows } = useQuery({ ...workflowsQuery, enabled: mayRead });
  const started = startedBy(workflows ?? []).get(figures.key) ?? [];
  return (
    <SimpleGrid cols={{ base: 1, sm: mayRead ? 3 : 2 }}>
      <Figure
        label={t("events.inDays", { count: USUAL_DAYS })}
        value={counted(figures)}
        hint={t(figures.is_exact ? "events.trendHint" : "events.notExact")}
        below={<Trend counts={figures.by_day} height={32} />}
      />
      <Figure
        label={t("events.last")}
        value={figures.last_at ? <Time at={figures.last_at} relative /> : t("events.never")}
      />
      {mayRead && (
        <Paper withBorder p="md">
          <Text size="xs" c="dimmed" fw={500}>
            {t("events.starts")}
          </Text>
          {started.length === 0 && (
            <Text size="sm" mt={4}>
              {t("events.startsNone")}
            </Text>
          )}
          {started.map((one) => (
            <Text key={one.workflow_id} size="sm" mt={4} truncate>
              <Anchor
                size="sm"
                dir="auto"
                renderRoot={(props) => <Link {...props} to={`/workflows/${one.workflow_id}` as "/"} />}
              >
                {one.name}
              </Anchor>{" "}
              <Text span size="xs" c="dimmed">
                {t(`workflows.statuses.${one.status}`)}
              </Text>
            </Text>
          ))}
        </Paper>
      )}
    </SimpleGrid>
  );
}
