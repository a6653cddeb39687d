/** The ledger: how it ended for each recipient, with the words of servers. */
import { Anchor, Badge, Button, Group, Select, Stack, Text } from "@mantine/core";
import { IconDownload, IconRefresh, IconUsers } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Campaign, LedgerRow } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { number } from "~/ui/format";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { tellDone, tellFailed } from "~/ui/tell";
import { reasonsQuery, recipientsPage } from "../../queries";
import { useReason } from "../../reasons";
import { ENDS, type End, oneOf } from "../../searches";

const COLORS: Record<End, string> = {
  sent: "teal",
  failed: "red",
  excluded: "gray",
  cancelled: "gray",
  uncertain: "yellow",
};

export function Recipients({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const id = campaign.campaign_id;
  const search = useSearch({ from: "/campaigns/$id" });
  const go = useNavigate();
  const reason = useReason();
  const mayExport = useMay("export_contacts");
  const reasons = useQuery(reasonsQuery(id));
  const put = (change: { end?: End | undefined; reason?: string | undefined }) =>
    void go({
      to: "/campaigns/$id",
      params: { id: String(id) },
      search: { ...search, ...change },
      replace: true,
    });
  const pages = usePages<LedgerRow>(["campaign", id, "people", search.end, search.reason], (cursor, signal) =>
    recipientsPage(id, search, cursor, signal),
  );
  const columns = useMemo<Column<LedgerRow>[]>(
    () => [
      {
        id: "address",
        header: t("campaigns.person"),
        width: "2fr",
        cell: (row) => (
          <Anchor
            size="sm"
            renderRoot={(props) => <Link {...props} to={`/contacts/${row.contact_id}` as "/"} />}
          >
            {row.address || row.contact_id}
          </Anchor>
        ),
      },
      {
        id: "state",
        header: t("campaignReport.outcome"),
        width: "120px",
        cell: (row) => {
          const end = oneOf(ENDS, row.state);
          return end ? (
            <Badge color={COLORS[end]} tt="none">
              {t(`campaignReport.ends.${end}`)}
            </Badge>
          ) : (
            row.state
          );
        },
      },
      {
        id: "reason",
        header: t("campaignReport.words"),
        width: "3fr",
        cell: (row) => <span title={row.reason}>{reason(row.reason)}</span>,
      },
      {
        id: "attempts",
        header: t("campaignReport.attempts"),
        width: "90px",
        numeric: true,
        cell: (row) => number(row.attempts),
      },
      {
        id: "at",
        header: t("campaignReport.at"),
        width: "180px",
        cell: (row) => <Time at={row.settled_at} />,
      },
    ],
    [t, reason],
  );
  const known = (reasons.data ?? []).filter((one) => !search.end || one.state === search.end);
  const failed = (reasons.data ?? [])
    .filter((one) => one.state === "failed")
    .reduce((sum, one) => sum + one.count, 0);
  return (
    <Stack>
      <Group align="flex-end" justify="space-between">
        <Group align="flex-end">
          <Select
            label={t("campaignReport.outcome")}
            data={ENDS.map((end) => ({ value: end, label: t(`campaignReport.ends.${end}`) }))}
            placeholder={t("campaigns.all")}
            value={search.end ?? null}
            onChange={(end) => put({ end: oneOf(ENDS, end), reason: undefined })}
            clearable
            w={180}
          />
          <Select
            label={t("campaignReport.words")}
            data={[...new Map(known.map((one) => [one.reason, one])).values()]
              .filter((one) => one.reason !== "")
              .map((one) => ({ value: one.reason, label: `${reason(one.reason)} · ${number(one.count)}` }))}
            placeholder={t("campaigns.all")}
            value={search.reason ?? null}
            onChange={(words) => put({ reason: words ?? undefined })}
            clearable
            searchable
            w={320}
          />
        </Group>
        <Group gap="xs">
          {mayExport && (
            <Button
              component="a"
              href={`/syncom/v1/campaigns/${id}/recipients.csv?${new URLSearchParams({
                ...(search.end ? { state: search.end } : {}),
                ...(search.reason ? { reason: search.reason } : {}),
              })}`}
              download
              variant="default"
              leftSection={<IconDownload size={18} aria-hidden />}
            >
              {t("campaignReport.exportPeople")}
            </Button>
          )}
          <Retry campaign={campaign} failed={failed} />
        </Group>
      </Group>
      <DataTable
        label={t("campaignReport.tabs.people")}
        columns={columns}
        {...pages}
        rowKey={(row) => row.message_id}
        empty={<Empty icon={<IconUsers />} title={t("campaigns.nobody")} />}
      />
    </Stack>
  );
}

function Retry({ campaign, failed }: { campaign: Campaign; failed: number }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const may = useMay("send");
  const retry = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/syncom/v1/campaigns/{campaign_id}/retry-failed", {
          params: { path: { campaign_id: campaign.campaign_id } },
        }),
      ),
    onSuccess: ({ retried }) => {
      tellDone(t("campaignReport.retried", { count: retried }));
      void client.invalidateQueries({ queryKey: ["campaign"] });
    },
    onError: tellFailed,
  });
  if (!may || failed === 0) return <Text />;
  return (
    <Button
      leftSection={<IconRefresh size={18} aria-hidden />}
      loading={retry.isPending}
      onClick={() =>
        confirm({
          title: t("campaignReport.retryAsk", { count: failed, number: number(failed) }),
          text: t("campaignReport.retryText"),
          act: t("campaignReport.retry"),
          danger: false,
          onYes: () => retry.mutate(),
        })
      }
    >
      {t("campaignReport.retry")}
    </Button>
  );
}
