/** What becomes of a launched campaign: how far it is, and what came of it. */
import { Alert, Button, Group, Modal, Paper, Progress, Stack, Tabs, Text, Textarea } from "@mantine/core";
import { IconAlertTriangle, IconPlayerPause, IconPlayerPlay, IconX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Campaign, Report } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { dateTime, number } from "~/ui/format";
import { Page } from "~/ui/Page";
import { tellFailed } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { type Pace, paceOf, partsOf, type Sample } from "../../progress";
import { campaignQuery, isUnderWay, keepMoved, reportQuery } from "../../queries";
import { oneOf, TABS } from "../../searches";
import { StateBadge } from "../StateBadge";
import { Links } from "./Links";
import { Overview } from "./Overview";
import { Receivers, Shares } from "./Places";
import { Recipients } from "./Recipients";

export function Results({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const id = campaign.campaign_id;
  const search = useSearch({ from: "/campaigns/$id" });
  const go = useNavigate();
  const live = isUnderWay(campaign);
  const report = useQuery(reportQuery(id, live));
  const client = useQueryClient();
  // The report notices the end of sending first.
  const state = report.data?.campaign.state;
  useEffect(() => {
    if (state && state !== campaign.state) void client.invalidateQueries(campaignQuery(id));
  }, [state, campaign.state, client, id]);

  return (
    <Page
      title={campaign.name}
      crumbs={[{ label: t("nav.campaigns"), to: "/campaigns" }]}
      soft={
        <Group gap="xs">
          <StateBadge state={campaign.state} />
          {campaign.launched_at && t("campaignReport.launched", { time: dateTime(campaign.launched_at) })}
        </Group>
      }
      actions={<Acts campaign={campaign} />}
    >
      {campaign.problem !== "" && (
        <Alert color="orange" icon={<IconAlertTriangle aria-hidden />} title={t("campaignReport.problem")}>
          {campaign.problem}
        </Alert>
      )}
      {report.isError && !report.data && <Failed error={report.error} retry={() => void report.refetch()} />}
      {report.data && (
        <>
          <HowFar report={report.data} />
          <Tabs
            value={search.tab ?? "overview"}
            onChange={(tab) =>
              void go({
                to: "/campaigns/$id",
                params: { id: String(id) },
                search: { tab: oneOf(TABS, tab) },
                replace: true,
              })
            }
            keepMounted={false}
          >
            <Tabs.List mb="md">
              {TABS.map((tab) => (
                <Tabs.Tab key={tab} value={tab}>
                  {t(`campaignReport.tabs.${tab}`)}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Tabs.Panel value="overview">
              <Overview report={report.data} />
            </Tabs.Panel>
            <Tabs.Panel value="links">
              <Links campaign={campaign} />
            </Tabs.Panel>
            <Tabs.Panel value="audience">
              <Shares campaign={id} />
            </Tabs.Panel>
            <Tabs.Panel value="domains">
              <Receivers campaign={id} />
            </Tabs.Panel>
            <Tabs.Panel value="people">
              <Recipients campaign={campaign} />
            </Tabs.Panel>
          </Tabs>
        </>
      )}
    </Page>
  );
}

/** Parts that add up to the audience; while it goes out, how fast. */
function HowFar({ report }: { report: Report }) {
  const { t } = useTranslation();
  const samples = useRef<Sample[]>([]);
  const [pace, setPace] = useState<Pace>();
  const done = report.sent + report.failed;
  const live = isUnderWay(report.campaign);
  useEffect(() => {
    if (!live) return;
    samples.current = [...samples.current, { at: Date.now(), done }].slice(-30);
    setPace(paceOf(samples.current, report.waiting + report.retrying));
  }, [done, live, report]);
  const parts = partsOf(report);
  const whole = Math.max(1, report.audience);
  return (
    <Paper withBorder p="md">
      <Stack gap="xs">
        <Progress.Root size="lg" aria-label={t("campaignReport.howFar")}>
          {parts.map((part) => (
            <Progress.Section
              key={part.name}
              value={(100 * part.count) / whole}
              color={part.color}
              aria-label={`${t(`campaignReport.ends.${part.name}`)}: ${number(part.count)}`}
            />
          ))}
        </Progress.Root>
        <Group gap="md">
          {parts.map((part) => (
            <Text key={part.name} size="sm">
              <Text span fw={600}>
                {number(part.count)}
              </Text>{" "}
              {t(`campaignReport.ends.${part.name}`)}
            </Text>
          ))}
          <Text size="sm" c="dimmed">
            = {number(report.audience)} {t("campaignReport.audience")}
          </Text>
        </Group>
        {live && (
          <Text size="sm" role="status">
            {report.campaign.state === "expanding"
              ? t("campaignReport.choosing")
              : pace
                ? t("campaignReport.pace", {
                    rate: number(pace.perMinute, { maximumFractionDigits: 0 }),
                    minutes: number(Math.max(1, Math.ceil(pace.minutesLeft))),
                  })
                : t("campaignReport.paceSoon")}
          </Text>
        )}
        {report.next_at && (
          <Text size="sm">{t("campaignReport.nextAt", { time: dateTime(report.next_at) })}</Text>
        )}
        {report.sender_problem !== "" && <Alert color="orange">{report.sender_problem}</Alert>}
        {report.campaign.resume_note !== "" && (
          <Text size="sm" c="dimmed">
            {t("campaignReport.note", { note: report.campaign.resume_note })}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}

function Acts({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const may = useMay("send");
  const [noting, setNoting] = useState(false);
  const params = { params: { path: { campaign_id: campaign.campaign_id } } };
  const renew = (moved: Campaign) => {
    keepMoved(client, moved);
  };
  const pause = useMutation({
    mutationFn: () => ask(api.POST("/syncom/v1/campaigns/{campaign_id}/pause", params)),
    onSuccess: renew,
    onError: tellFailed,
  });
  const cancel = useMutation({
    mutationFn: () => ask(api.POST("/syncom/v1/campaigns/{campaign_id}/cancel", params)),
    onSuccess: renew,
    onError: tellFailed,
  });
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { note: "" },
    send: ({ note }) =>
      ask(
        api.POST("/syncom/v1/campaigns/{campaign_id}/resume", {
          params: { ...params.params, query: { note } },
        }),
      ),
    onDone: (moved) => {
      setNoting(false);
      renew(moved);
    },
  });
  if (!may || (!isUnderWay(campaign) && campaign.state !== "paused")) return null;
  return (
    <>
      {isUnderWay(campaign) && (
        <Button
          variant="default"
          leftSection={<IconPlayerPause size={18} aria-hidden />}
          loading={pause.isPending}
          onClick={() => pause.mutate()}
        >
          {t("campaignReport.pause")}
        </Button>
      )}
      {campaign.state === "paused" && (
        <Button leftSection={<IconPlayerPlay size={18} aria-hidden />} onClick={() => setNoting(true)}>
          {t("campaignReport.resume")}
        </Button>
      )}
      <Button
        variant="subtle"
        color="red"
        leftSection={<IconX size={18} aria-hidden />}
        onClick={() =>
          confirm({
            title: t("campaignReport.cancelAsk"),
            text: t("campaignReport.cancelText"),
            act: t("campaignReport.cancel"),
            onYes: () => cancel.mutate(),
          })
        }
      >
        {t("campaignReport.cancel")}
      </Button>
      <Modal
        opened={noting}
        onClose={() => setNoting(false)}
        title={t("campaignReport.resume")}
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        <form onSubmit={submit}>
          <Stack>
            {failure !== undefined && <Failed error={failure} />}
            {campaign.self_paused && <Text size="sm">{t("campaignReport.resumeWhy")}</Text>}
            <Textarea
              label={t("campaignReport.noteLabel")}
              required={campaign.self_paused}
              maxLength={500}
              {...form.getInputProps("note")}
            />
            <Button type="submit" loading={sending}>
              {t("campaignReport.resume")}
            </Button>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
