import { Anchor, Button, Group, SegmentedControl, Text } from "@mantine/core";
import { IconCalendar, IconMail, IconPlus, IconScale, IconSearch } from "@tabler/icons-react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Campaign } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Finder } from "~/ui/Finder";
import { number } from "~/ui/format";
import { Page } from "~/ui/Page";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { MOST } from "../comparing";
import { ChannelMarks } from "../parts/ChannelMark";
import { StateBadge } from "../parts/StateBadge";
import { campaignsPage, channelsOf, isUnderWay } from "../queries";
import { type ListSearch, STATES } from "../searches";

export function CampaignsPage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/campaigns" });
  const go = useNavigate();
  const mayWrite = useMay("write_campaigns");
  const put = (change: ListSearch) =>
    void go({ to: "/campaigns", search: { ...search, ...change }, replace: true });
  const pages = usePages<Campaign>(["campaign", "list", search.state, search.search], (cursor, signal) =>
    campaignsPage(search, cursor, signal),
  );
  const isFiltered = search.state !== undefined || search.search !== undefined;
  const columns = useColumns();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const start = mayWrite && (
    <Button
      leftSection={<IconPlus size={18} aria-hidden />}
      renderRoot={(props) => <Link {...props} to="/campaigns/new" />}
    >
      {t("campaigns.new")}
    </Button>
  );

  return (
    <Page
      title={t("nav.campaigns")}
      actions={
        <>
          <Button
            variant="default"
            leftSection={<IconCalendar size={18} aria-hidden />}
            renderRoot={(props) => <Link {...props} to="/campaigns/calendar" />}
          >
            {t("nav.calendar")}
          </Button>
          {start}
        </>
      }
    >
      <Group justify="space-between" gap="sm">
        <SegmentedControl
          value={search.state ?? ""}
          onChange={(state) => put({ state: STATES.find((one) => one === state) })}
          data={[
            { value: "", label: t("campaigns.all") },
            ...STATES.map((state) => ({ value: state, label: t(`campaigns.states.${state}`) })),
          ]}
          aria-label={t("campaigns.state")}
          style={{ overflowX: "auto" }}
        />
        <Finder
          label={t("campaigns.searchName")}
          value={search.search ?? ""}
          onChange={(words) => put({ search: words || undefined })}
        />
      </Group>
      {chosen.size > 0 && (
        <Group gap="xs" role="status">
          <Text size="sm">
            {chosen.size > MOST
              ? t("compare.most", { number: MOST })
              : t("compare.chosen", { count: chosen.size })}
          </Text>
          {chosen.size >= 2 && chosen.size <= MOST && (
            <Button
              size="xs"
              leftSection={<IconScale size={16} aria-hidden />}
              renderRoot={(props) => (
                <Link {...props} to="/campaigns/compare" search={{ ids: [...chosen].join(",") }} />
              )}
            >
              {t("compare.act")}
            </Button>
          )}
        </Group>
      )}
      <DataTable
        label={t("nav.campaigns")}
        columns={columns}
        {...pages}
        rowKey={(one) => String(one.campaign_id)}
        open={(one) => void go({ to: "/campaigns/$id", params: { id: String(one.campaign_id) } })}
        selected={chosen}
        onSelect={setChosen}
        remember="campaigns"
        empty={
          isFiltered ? (
            <Empty icon={<IconSearch />} title={t("campaigns.noneFound")}>
              {t("campaigns.noneFoundNext")}
            </Empty>
          ) : (
            <Empty icon={<IconMail />} title={t("campaigns.none")} action={start}>
              {t("campaigns.noneNext")}
            </Empty>
          )
        }
      />
    </Page>
  );
}

function useColumns(): Column<Campaign>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "3fr",
        cell: (one) => (
          <Anchor
            fw={500}
            size="sm"
            dir="auto"
            renderRoot={(props) => (
              <Link {...props} to="/campaigns/$id" params={{ id: String(one.campaign_id) }} />
            )}
          >
            {one.name}
          </Anchor>
        ),
      },
      {
        id: "state",
        header: t("campaigns.state"),
        width: "130px",
        cell: (one) => <StateBadge state={one.state} />,
      },
      {
        id: "channel",
        header: t("campaigns.channel"),
        width: "130px",
        cell: (one) => <ChannelMarks names={channelsOf(one)} />,
      },
      {
        id: "people",
        header: t("campaigns.people"),
        width: "120px",
        numeric: true,
        cell: (one) => (one.launched_at ? number(one.audience_size) : "–"),
      },
      {
        id: "when",
        header: t("campaigns.when"),
        width: "210px",
        cell: (one) => <Moment campaign={one} />,
      },
      {
        id: "changed",
        header: t("campaigns.changed"),
        width: "160px",
        hidden: true,
        cell: (one) => <Time at={one.updated_at} relative />,
      },
    ],
    [t],
  );
}

/** The moment that matters most in its state. */
function Moment({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  if (campaign.launched_at && !isUnderWay(campaign)) return <Time at={campaign.launched_at} />;
  if (campaign.launched_at) return <>{t("campaigns.goesOut")}</>;
  if (campaign.local_at)
    return <>{t("campaigns.atLocal", { time: campaign.local_at.slice(0, 16).replace("T", " ") })}</>;
  if (campaign.scheduled_at) return <Time at={campaign.scheduled_at} />;
  return (
    <Text size="sm" c="dimmed" component="span">
      {t("campaigns.notPlanned")}
    </Text>
  );
}
