import {
  ActionIcon,
  Button,
  Group,
  Paper,
  SegmentedControl,
  Skeleton,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconCalendar, IconChevronLeft, IconChevronRight, IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import i18next from "i18next";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Campaign } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { tellDone, tellFailed } from "~/ui/tell";
import { asItIs, dayOf, daysOf, momentOf, noonOf, onDay, plus, plusMonths } from "../calendar";
import { Entry } from "../parts/calendar/Entry";
import { Grid } from "../parts/calendar/Grid";
import { MoveDialog } from "../parts/calendar/MoveDialog";
import { calendarQuery } from "../queries";
import type { CalendarSearch } from "../searches";

export function CalendarPage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/campaigns/calendar" });
  const go = useNavigate();
  const phone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const mayWrite = useMay("write_campaigns");
  const maySend = useMay("send");
  const view = search.view ?? "month";
  const today = dayOf(new Date());
  const day = search.day ?? today;
  const days = daysOf(view, day);
  const found = useQuery(calendarQuery(days));
  const { move, ask: askToMove } = useMoving();
  const [moving, setMoving] = useState<Campaign>();
  const put = (change: CalendarSearch) =>
    void go({ to: "/campaigns/calendar", search: { ...search, ...change }, replace: true });
  const step = (by: 1 | -1) => put({ day: view === "month" ? plusMonths(day, by) : plus(day, 7 * by) });
  const on = (one: string) =>
    (found.data ?? []).filter((campaign) => momentOf(campaign)?.startsWith(one) ?? false);
  const isIn = (one: string) => view === "week" || one.startsWith(day.slice(0, 7));
  const shown = days.filter((one) => isIn(one) && on(one).length > 0);
  const entry = (campaign: Campaign) => (
    <Entry
      key={campaign.campaign_id}
      campaign={campaign}
      onMove={maySend && campaign.state === "scheduled" ? () => setMoving(campaign) : undefined}
    />
  );
  return (
    <Page
      title={t("nav.calendar")}
      soft={t("calendar.zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}
      actions={
        mayWrite && (
          <Button
            leftSection={<IconPlus size={18} aria-hidden />}
            renderRoot={(props) => <Link {...props} to="/campaigns/new" />}
          >
            {t("campaigns.new")}
          </Button>
        )
      }
    >
      <Group justify="space-between" gap="sm">
        <Group gap="xs">
          <ActionIcon
            variant="default"
            size="lg"
            onClick={() => step(-1)}
            aria-label={t(view === "month" ? "calendar.monthBefore" : "calendar.weekBefore")}
          >
            <IconChevronLeft size={18} aria-hidden />
          </ActionIcon>
          <Button variant="default" onClick={() => put({ day: undefined })}>
            {t("calendar.today")}
          </Button>
          <ActionIcon
            variant="default"
            size="lg"
            onClick={() => step(1)}
            aria-label={t(view === "month" ? "calendar.monthAfter" : "calendar.weekAfter")}
          >
            <IconChevronRight size={18} aria-hidden />
          </ActionIcon>
          <Title order={2} aria-live="polite">
            {titleOf(view, days, day)}
          </Title>
        </Group>
        <SegmentedControl
          value={view}
          onChange={(next) => put({ view: next === "week" ? "week" : undefined })}
          data={(["month", "week"] as const).map((one) => ({
            value: one,
            label: t(`calendar.views.${one}`),
          }))}
          aria-label={t("calendar.view")}
        />
      </Group>
      {found.isError && !found.data && <Failed error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Skeleton height={420} radius="lg" />}
      {found.data && phone && shown.length === 0 && (
        <Empty icon={<IconCalendar />} title={t("calendar.none")}>
          {t("calendar.noneNext")}
        </Empty>
      )}
      {found.data &&
        phone &&
        shown.map((one) => (
          <Paper key={one} withBorder p="sm" component="section" aria-label={longDay(one)}>
            <Text size="sm" fw={600} mb="xs" aria-current={one === today ? "date" : undefined}>
              {longDay(one)}
            </Text>
            <Stack gap={6}>{on(one).map(entry)}</Stack>
          </Paper>
        ))}
      {found.data && !phone && (
        <Grid
          days={days}
          today={today}
          isIn={isIn}
          isWeek={view === "week"}
          entries={(one) => on(one).map(entry)}
          onDrop={(id, to) => {
            const campaign = found.data.find((one) => one.campaign_id === id);
            if (campaign && !momentOf(campaign)?.startsWith(to)) askToMove(campaign, to);
          }}
        />
      )}
      {moving && (
        <MoveDialog
          campaign={moving}
          onClose={() => setMoving(undefined)}
          send={(to) => move.mutateAsync({ campaign: moving, day: to })}
        />
      )}
    </Page>
  );
}

/** Moves a planned campaign, and back. */
function useMoving() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const schedule = (campaign: Campaign, body: ReturnType<typeof onDay> | ReturnType<typeof asItIs>) =>
    ask(
      api.POST("/syncom/v1/campaigns/{campaign_id}/schedule", {
        params: { path: { campaign_id: campaign.campaign_id } },
        body,
      }),
    );
  const renew = () => client.invalidateQueries({ queryKey: ["campaign"] });
  const move = useMutation({
    mutationFn: ({ campaign, day }: { campaign: Campaign; day: string }) =>
      schedule(campaign, onDay(campaign, day)),
    onSuccess: (_, { campaign, day }) => {
      void renew();
      tellDone(
        t("calendar.moved", { name: campaign.name, day: longDay(day) }),
        () => void schedule(campaign, asItIs(campaign)).then(renew).catch(tellFailed),
      );
    },
  });
  return {
    move,
    ask: (campaign: Campaign, day: string) =>
      confirm({
        title: t("calendar.moveAsk", { name: campaign.name }),
        text: t("calendar.moveText", {
          from: longDay(momentOf(campaign)?.slice(0, 10) ?? day),
          to: longDay(day),
          time: momentOf(campaign)?.slice(11) ?? "",
        }),
        act: t("calendar.move"),
        danger: false,
        onYes: () => move.mutate({ campaign, day }, { onError: tellFailed }),
      }),
  };
}

function titleOf(view: "month" | "week", days: string[], day: string): string {
  if (view === "month")
    return new Intl.DateTimeFormat(i18next.language, { month: "long", year: "numeric" }).format(noonOf(day));
  const format = new Intl.DateTimeFormat(i18next.language, { dateStyle: "medium" });
  return format.formatRange(noonOf(days[0] ?? day), noonOf(days.at(-1) ?? day));
}

function longDay(day: string): string {
  return new Intl.DateTimeFormat(i18next.language, { weekday: "long", day: "numeric", month: "long" }).format(
    noonOf(day),
  );
}
