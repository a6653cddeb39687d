import { Alert, Button, Group, SegmentedControl, Select, Stack, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { campaignsQuery } from "~/api/campaigns";
import { useMay } from "~/api/session";
import { Page } from "~/ui/Page";
import { Receivers, Shares } from "../parts/report/Places";
import { Cohorts } from "../parts/reports/Cohorts";
import { Heat } from "../parts/reports/Heat";
import { OverTime } from "../parts/reports/OverTime";
import { periodOf, USUAL } from "../periods";
import { CAMPAIGN_CHANNELS, DAYS, oneOf, type ReportsSearch } from "../searches";

/** What came of all campaigns, or of one. Every choice stands in the address. */
export function ReportsPage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/reports" });
  const go = useNavigate();
  const mayRead = useMay("read_contacts");
  const put = (change: ReportsSearch) =>
    void go({ to: "/reports", search: { ...search, ...change }, replace: true });
  const period = periodOf(search);
  return (
    <Page title={t("nav.reports")} soft={t("reports.soft")}>
      <Choices search={search} put={put} />
      <OverTime search={search} period={period} onSpan={(span) => put({ span })} />
      <Heat search={search} period={period} onCounter={(counter) => put({ counter })} />
      {search.channel && <Alert variant="light">{t("reports.allChannels")}</Alert>}
      <Shares campaign={search.campaign} period={period} />
      <Stack gap="xs">
        <Title order={2}>{t("campaignReport.tabs.domains")}</Title>
        <Receivers campaign={search.campaign} period={period} />
      </Stack>
      {mayRead && (
        <Cohorts
          begun={search.begun ?? "created"}
          active={search.active ?? "engaged"}
          onChange={(change) => put(change)}
        />
      )}
    </Page>
  );
}

function Choices({ search, put }: { search: ReportsSearch; put: (change: ReportsSearch) => void }) {
  const { t } = useTranslation();
  const campaigns = useQuery(campaignsQuery);
  const period = periodOf(search);
  const own = search.since !== undefined || search.until !== undefined;
  const days = own || (search.campaign && !search.days) ? "" : String(search.days ?? USUAL);
  return (
    <Group gap="sm" align="flex-end">
      <SegmentedControl
        value={days}
        onChange={(next) =>
          put({ days: DAYS.find((one) => String(one) === next), since: undefined, until: undefined })
        }
        data={DAYS.map((one) => ({ value: String(one), label: t("reports.lastDays", { count: one }) }))}
        aria-label={t("reports.period")}
      />
      <TextInput
        type="date"
        label={t("reports.since")}
        value={period.since ?? ""}
        onChange={(event) => put({ since: event.currentTarget.value || undefined, until: period.until })}
      />
      <TextInput
        type="date"
        label={t("reports.until")}
        value={period.until ?? ""}
        onChange={(event) => put({ until: event.currentTarget.value || undefined, since: period.since })}
      />
      <Select
        label={t("campaigns.channel")}
        placeholder={t("campaigns.all")}
        data={CAMPAIGN_CHANNELS.map((name) => ({ value: name, label: t(`campaigns.channels.${name}`) }))}
        value={search.channel ?? null}
        onChange={(name) => put({ channel: oneOf(CAMPAIGN_CHANNELS, name), campaign: undefined })}
        clearable
        w={140}
      />
      <Select
        label={t("reports.campaign")}
        placeholder={t("campaigns.all")}
        data={(campaigns.data ?? [])
          .filter((one) => one.launched_at !== null)
          .map((one) => ({ value: String(one.campaign_id), label: one.name }))}
        limit={100}
        value={search.campaign ? String(search.campaign) : null}
        onChange={(id) => put({ campaign: id ? Number(id) : undefined, channel: undefined })}
        searchable
        clearable
        w={260}
      />
      {Object.values(search).some((one) => one !== undefined) && (
        <Button
          variant="subtle"
          onClick={() =>
            put({
              days: undefined,
              since: undefined,
              until: undefined,
              channel: undefined,
              campaign: undefined,
              span: undefined,
              counter: undefined,
            })
          }
        >
          {t("reports.reset")}
        </Button>
      )}
    </Group>
  );
}
