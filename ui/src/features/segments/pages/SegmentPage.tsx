import { Alert, Button, Group, Menu, Paper, Progress, Skeleton, Stack, Tabs, Text } from "@mantine/core";
import { IconArrowsJoin, IconCopy, IconRefresh } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useBlocker, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, askPlain, Failure } from "~/api/client";
import type { SegmentAnswer } from "~/api/schema";
import { useMay } from "~/api/session";
import { Sentence } from "~/ui/conditions/AnswerPanel";
import { toAddress } from "~/ui/conditions/tree";
import { useAnswer } from "~/ui/conditions/useAnswer";
import { DeleteItem } from "~/ui/DeleteItem";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { MoreMenu } from "~/ui/MoreMenu";
import { Page } from "~/ui/Page";
import { tellDone, tellFailed } from "~/ui/tell";
import { GrowthTab } from "../parts/GrowthTab";
import { MovesTab, PeopleTab } from "../parts/PeopleTab";
import { SegmentForm } from "../parts/SegmentForm";
import { Uses } from "../parts/Uses";
import { WhyTab } from "../parts/WhyTab";
import { segmentQuery } from "../queries";
import { SEGMENT_TABS, type SegmentSearch } from "../searches";

const route = getRouteApi("/segments/$id");

export function SegmentPage() {
  const { t } = useTranslation();
  const id = Number(route.useParams().id);
  const { data, error, refetch } = useQuery(segmentQuery(id));
  const crumbs = [{ label: t("nav.segments"), to: "/segments" as const }];
  if (error && !data)
    return (
      <Page title={t("nav.segments")} crumbs={crumbs}>
        <Failed error={error} retry={() => void refetch()} />
      </Page>
    );
  if (!data)
    return (
      <Page title={t("nav.segments")} crumbs={crumbs}>
        <Skeleton height={240} />
      </Page>
    );
  return <Known key={id} segment={data.segment} etag={data.etag} />;
}

function Known({ segment, etag }: { segment: SegmentAnswer; etag: string | null }) {
  const { t } = useTranslation();
  const id = segment.segment_id;
  const search = route.useSearch();
  const navigate = useNavigate();
  const mayWrite = useMay("write_campaigns");
  const go = (change: SegmentSearch) =>
    void navigate({
      to: "/segments/$id",
      params: { id: String(id) },
      search: { ...search, ...change },
      replace: true,
    });
  const tab = search.tab ?? "growth";
  return (
    <Page
      title={segment.name}
      crumbs={[{ label: t("nav.segments"), to: "/segments" }]}
      actions={<Actions segment={segment} />}
    >
      <Head segment={segment} />
      <Tabs
        value={tab}
        onChange={(next) => go({ tab: SEGMENT_TABS.find((one) => one === next) })}
        keepMounted={false}
      >
        <Tabs.List>
          {SEGMENT_TABS.filter((one) => one !== "condition" || mayWrite).map((one) => (
            <Tabs.Tab key={one} value={one}>
              {t(`segments.tabs.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="growth" pt="md">
          <GrowthTab segmentId={id} days={search.days ?? 30} onDays={(days) => go({ days })} />
        </Tabs.Panel>
        <Tabs.Panel value="people" pt="md">
          <PeopleTab segmentId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="moves" pt="md">
          <MovesTab segmentId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="why" pt="md">
          <WhyTab segmentId={id} contactId={search.contact} onContact={(contact) => go({ contact })} />
        </Tabs.Panel>
        {mayWrite && (
          <Tabs.Panel value="condition" pt="md">
            <Edit segment={segment} etag={etag} />
          </Tabs.Panel>
        )}
      </Tabs>
    </Page>
  );
}

function Head({ segment }: { segment: SegmentAnswer }) {
  const { t } = useTranslation();
  const answer = useAnswer(segment.condition, { people: false });
  const { membership } = segment;
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Group gap="lg" align="baseline">
          <Text fz={26} fw={650} lh={1.2} component="span">
            {membership ? number(membership.members) : "…"}{" "}
            <Text span size="sm" c="dimmed">
              {t("conditions.contacts", { count: membership?.members ?? 0 })}
            </Text>
          </Text>
        </Group>
        {!membership?.is_complete && !membership?.problem && (
          <div role="status">
            <Text size="sm">{t("segments.working", { progress: membership?.progress ?? 0 })}</Text>
            <Progress value={membership?.progress ?? 0} aria-label={t("segments.progress")} mt={4} />
          </div>
        )}
        {membership?.problem && (
          <Alert color="red" title={t("segments.states.problem")}>
            {membership.problem}
          </Alert>
        )}
        {answer.sentence !== "" && <Sentence text={answer.sentence} />}
        <Uses segmentId={segment.segment_id} />
      </Stack>
    </Paper>
  );
}

function Actions({ segment }: { segment: SegmentAnswer }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const mayWrite = useMay("write_campaigns");
  const id = segment.segment_id;
  const rebuild = async () => {
    try {
      await ask(
        api.POST("/syncom/v1/segments/{segment_id}/rebuild", { params: { path: { segment_id: id } } }),
      );
      await client.invalidateQueries({ queryKey: ["segment"] });
      tellDone(t("segments.rebuilding"));
    } catch (error) {
      tellFailed(error);
    }
  };
  const remove = async () => {
    try {
      await ask(api.DELETE("/syncom/v1/segments/{segment_id}", { params: { path: { segment_id: id } } }));
      await navigate({ to: "/segments" });
      client.removeQueries({ queryKey: ["segment", id] });
      await client.invalidateQueries({ queryKey: ["segment"] });
      tellDone(t("segments.deleted"));
    } catch (error) {
      tellFailed(error);
    }
  };
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconArrowsJoin size={16} aria-hidden />}
        renderRoot={(props) => <Link {...props} to="/segments/overlap" search={{ first: id }} />}
      >
        {t("segments.compare")}
      </Button>
      {mayWrite && (
        <MoreMenu label={t("segments.menu")} beside>
          <Menu.Item
            leftSection={<IconCopy size={16} aria-hidden />}
            onClick={() =>
              void navigate({ to: "/segments/new", search: { condition: toAddress(segment.condition) } })
            }
          >
            {t("segments.copy")}
          </Menu.Item>
          <Menu.Item leftSection={<IconRefresh size={16} aria-hidden />} onClick={() => void rebuild()}>
            {t("segments.rebuild")}
          </Menu.Item>
          <DeleteItem
            title={t("segments.deleteTitle")}
            text={t("segments.deleteText", { name: segment.name })}
            act={t("segments.delete")}
            onYes={() => void remove()}
          />
        </MoreMenu>
      )}
    </>
  );
}

function Edit({ segment, etag }: { segment: SegmentAnswer; etag: string | null }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  // What was there when editing began: what others save meanwhile must not change the form, and is told at saving.
  const [begun, setBegun] = useState({ segment, etag });
  const [dirty, setDirty] = useState(false);
  const [newer, setNewer] = useState<Failure>();
  useBlocker({
    shouldBlockFn: () => dirty && !window.confirm(t("segments.leave")),
    enableBeforeUnload: () => dirty,
  });
  const id = segment.segment_id;
  return (
    <Stack>
      {newer && (
        <Alert color="yellow" role="alert" title={t("segments.newerTitle")}>
          <Text size="sm">{newer.message}</Text>
          <Group mt="sm" gap="xs">
            <Button
              size="xs"
              variant="default"
              onClick={() => window.open(`/segments/${id}?tab=condition`, "_blank")}
            >
              {t("segments.seeNewer")}
            </Button>
            <Button
              size="xs"
              variant="light"
              onClick={async () => {
                const fresh = await client.fetchQuery({ ...segmentQuery(id), staleTime: 0 });
                setBegun({ ...begun, etag: fresh.etag });
                setNewer(undefined);
              }}
            >
              {t("segments.keepMine")}
            </Button>
          </Group>
        </Alert>
      )}
      <SegmentForm
        name={begun.segment.name}
        condition={begun.segment.condition}
        act={t("segments.save")}
        onDirty={setDirty}
        save={async (name, condition) => {
          try {
            const response = await askPlain(`/syncom/v1/segments/${id}`, {
              method: "PUT",
              headers: {
                "Content-Type": "application/json",
                ...(begun.etag ? { "If-Match": begun.etag } : {}),
              },
              body: JSON.stringify({ name, condition }),
            });
            setBegun({ ...begun, etag: response.headers.get("ETag") });
          } catch (error) {
            if (error instanceof Failure && error.code === "edited_since") return setNewer(error);
            throw error;
          }
          setDirty(false);
          setNewer(undefined);
          tellDone(t("segments.saved"));
          await client.invalidateQueries({ queryKey: ["segment"] });
        }}
      />
    </Stack>
  );
}
