import {
  Alert,
  Anchor,
  Button,
  Group,
  NumberInput,
  Paper,
  SegmentedControl,
  Select,
  SimpleGrid,
  Skeleton,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { IconCoins, IconDownload, IconSettings } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { AttributionState, SourceRevenue } from "~/api/schema";
import { useMay } from "~/api/session";
import { Chart } from "~/ui/Chart";
import { saveTable } from "~/ui/csv";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { FormDialog } from "~/ui/FormDialog";
import { date, number, percent } from "~/ui/format";
import { Page } from "~/ui/Page";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { byCurrency, sum } from "../money";
import { PeriodFilter } from "../parts/PeriodFilter";
import { SourceName } from "../parts/SourceName";
import { daysBetween, type Span, utcDaysOf } from "../period";
import {
  attributionDaysQuery,
  attributionQuery,
  attributionStateQuery,
  salesQuery,
  USUAL_DAYS,
} from "../queries";
import { MODELS, type Model, type RevenueSearch, SOURCES } from "../searches";
import { type Day, stacked } from "../sheet";

export function RevenuePage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/revenue" });
  const go = useNavigate();
  const may = useMay("write_campaigns");
  const [isSetting, setSetting] = useState(false);
  const state = useQuery(attributionStateQuery);
  const model = search.model ?? state.data?.settings.model;
  const span: Span = { days: search.days, since: search.since, until: search.until };
  const sources = useQuery(attributionQuery(span));
  const put = (change: RevenueSearch) =>
    void go({ to: "/revenue", search: { ...search, ...change }, replace: true });
  const rows = useMemo(
    () =>
      (sources.data ?? []).filter(
        (one) => one.model === model && (search.source === undefined || one.source === search.source),
      ),
    [sources.data, model, search.source],
  );
  const currencies = [...new Set((sources.data ?? []).map((one) => one.currency))];
  const usual = byCurrency(rows)[0]?.currency ?? currencies[0];
  const currency =
    search.currency !== undefined && currencies.includes(search.currency) ? search.currency : usual;
  const shown = rows.filter((one) => one.currency === currency);
  return (
    <Page
      title={t("nav.revenue")}
      soft={t("revenue.soft")}
      actions={
        <>
          {shown.length > 0 && (
            <Button
              variant="default"
              leftSection={<IconDownload size={18} aria-hidden />}
              onClick={() => download(shown)}
            >
              {t("revenue.export")}
            </Button>
          )}
          {may && state.data && (
            <Button
              variant="default"
              leftSection={<IconSettings size={18} aria-hidden />}
              onClick={() => setSetting(true)}
            >
              {t("revenue.rules")}
            </Button>
          )}
        </>
      }
    >
      {state.data?.is_settled === false && (
        <Alert title={t("revenue.unsettled")}>
          <Text size="sm">{t("revenue.unsettledText")}</Text>
        </Alert>
      )}
      <Group gap="xs" align="flex-end">
        <PeriodFilter span={search} usual={USUAL_DAYS} onChange={put} />
        {model && (
          <Select
            label={t("revenue.model")}
            w={{ base: "100%", sm: 230 }}
            allowDeselect={false}
            data={MODELS.map((one) => ({ value: one, label: t(`revenue.models.${one}`) }))}
            value={model}
            onChange={(chosen) => put({ model: MODELS.find((one) => one === chosen) })}
          />
        )}
        <SegmentedControl
          aria-label={t("revenue.source")}
          maw="100%"
          style={{ overflowX: "auto" }}
          value={search.source ?? ""}
          onChange={(chosen) => put({ source: SOURCES.find((one) => one === chosen) })}
          data={[
            { value: "", label: t("revenue.all") },
            ...SOURCES.map((one) => ({ value: one, label: t(`revenue.sources.${one}`) })),
          ]}
        />
        {currencies.length > 1 && (
          <Select
            label={t("revenue.currency")}
            w={120}
            allowDeselect={false}
            data={currencies.map((one) => ({ value: one, label: one || t("orders.noCurrency") }))}
            value={currency ?? null}
            onChange={(chosen) => put({ currency: chosen ?? undefined })}
          />
        )}
      </Group>
      {sources.isPending && <Skeleton height={320} />}
      {sources.isError && !sources.data && (
        <Failed error={sources.error} retry={() => void sources.refetch()} />
      )}
      {sources.data && shown.length === 0 && (
        <Empty
          icon={<IconCoins />}
          title={t("revenue.none")}
          action={
            <Button variant="default" renderRoot={(props) => <Link {...props} to="/orders" />}>
              {t("revenue.toOrders")}
            </Button>
          }
        >
          {t("revenue.noneNext")}
        </Empty>
      )}
      {shown.length > 0 && model && currency !== undefined && (
        <>
          <Totals rows={shown} span={span} currency={currency} />
          <ByDay span={span} model={model} currency={currency} source={search.source} />
          <BySource rows={shown} />
        </>
      )}
      {isSetting && state.data && <Rules state={state.data} onClose={() => setSetting(false)} />}
    </Page>
  );
}

function Totals({ rows, span, currency }: { rows: SourceRevenue[]; span: Span; currency: string }) {
  const { t } = useTranslation();
  const mayOrders = useMay("read_contacts");
  const sales = useQuery({ ...salesQuery(span), enabled: mayOrders });
  const [led] = byCurrency(rows);
  const [all] = byCurrency(
    (sales.data?.items ?? []).filter((one) => one.is_sale && one.currency === currency),
  );
  if (!led) return null;
  const isKnown = all !== undefined && all.net > 0 && sales.data?.is_exact;
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }}>
      <Figure
        label={t("revenue.net")}
        hint={t("revenue.netHint")}
        value={sum(led.net, currency)}
        below={
          isKnown && (
            <Text size="xs" c="dimmed">
              {t("revenue.ofAll", { share: percent(led.net / all.net) })}
            </Text>
          )
        }
      />
      <Figure label={t("revenue.orders")} hint={t("revenue.ordersHint")} value={number(led.orders)} />
      <Figure label={t("revenue.each")} value={led.orders > 0 ? sum(led.net / led.orders, currency) : "–"} />
      <Figure
        label={t("orders.refunded")}
        value={sum(led.refunded, currency)}
        rate={led.gross > 0 ? percent(led.refunded / led.gross) : undefined}
      />
    </SimpleGrid>
  );
}

function ByDay({
  span,
  model,
  currency,
  source,
}: {
  span: Span;
  model: Model;
  currency: string;
  source: RevenueSearch["source"];
}) {
  const { t } = useTranslation();
  const days = useQuery(attributionDaysQuery(span, model));
  const found = useMemo(
    () =>
      (days.data ?? []).filter(
        (one) => one.currency === currency && (source === undefined || one.source === source),
      ),
    [days.data, currency, source],
  );
  const plan = useMemo(() => {
    const chosen = utcDaysOf(span, USUAL_DAYS);
    const today = new Date().toISOString().slice(0, 10);
    const since = chosen.since ?? found[0]?.day ?? today;
    const until = chosen.until ?? found.map((one) => one.day).reduce((a, b) => (a > b ? a : b), today);
    return stacked(found as Day[], daysBetween(since, until));
  }, [found, span]);
  const option = useMemo(
    () => ({
      legend: { bottom: 0 },
      grid: { left: 8, right: 16, top: 16, bottom: 36, containLabel: true },
      xAxis: { type: "category" as const, data: plan.days.map((day) => date(`${day}T12:00`)) },
      yAxis: { type: "value" as const },
      series: SOURCES.filter((one) => source === undefined || one === source).map((one) => ({
        name: t(`revenue.sources.${one}`),
        type: "bar" as const,
        stack: "net",
        data: plan.sums[one],
      })),
    }),
    [plan, source, t],
  );
  if (days.isError && !days.data) return <Failed error={days.error} retry={() => void days.refetch()} />;
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h3" mb="xs">
        {t("revenue.byDay")}
      </Title>
      {days.data ? (
        <Chart label={t("revenue.byDay")} option={option} height={300} />
      ) : (
        <Skeleton height={300} />
      )}
      <Text size="xs" c="dimmed" mt="xs">
        {t("revenue.byDayHint")}
      </Text>
      <details>
        <Text component="summary" size="sm" mt="xs">
          {t("revenue.asText")}
        </Text>
        <Table.ScrollContainer
          minWidth={420}
          scrollAreaProps={{
            viewportProps: { tabIndex: 0, role: "region", "aria-label": t("revenue.byDay") },
          }}
        >
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("revenue.day")}</Table.Th>
                <Table.Th>{t("revenue.source")}</Table.Th>
                <Table.Th ta="right">{t("revenue.orders")}</Table.Th>
                <Table.Th ta="right">{t("revenue.net")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {found.map((one) => (
                <Table.Tr key={`${one.day}-${one.source}`}>
                  <Table.Td>{date(`${one.day}T12:00`)}</Table.Td>
                  <Table.Td>{t(`revenue.sources.${one.source}`)}</Table.Td>
                  <Table.Td ta="right">{number(one.orders)}</Table.Td>
                  <Table.Td ta="right">{sum(one.net, one.currency)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </details>
    </Paper>
  );
}

function BySource({ rows }: { rows: SourceRevenue[] }) {
  const { t } = useTranslation();
  const all = rows.reduce((net, one) => net + Number(one.net), 0);
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h3" mb="xs">
        {t("revenue.bySource")}
      </Title>
      <Table.ScrollContainer
        minWidth={620}
        scrollAreaProps={{
          viewportProps: { tabIndex: 0, role: "region", "aria-label": t("revenue.bySource") },
        }}
      >
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("revenue.source")}</Table.Th>
              <Table.Th ta="right">{t("revenue.orders")}</Table.Th>
              <Table.Th ta="right">{t("orders.gross")}</Table.Th>
              <Table.Th ta="right">{t("orders.refunded")}</Table.Th>
              <Table.Th ta="right">{t("revenue.net")}</Table.Th>
              <Table.Th ta="right">{t("revenue.share")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((one) => (
              <Table.Tr key={`${one.source}-${one.source_id}`}>
                <Table.Td maw={360}>
                  <SourceName source={one.source} id={one.source_id} name={one.name} />
                </Table.Td>
                <Table.Td ta="right">{number(one.orders)}</Table.Td>
                <Table.Td ta="right">{sum(one.gross, one.currency)}</Table.Td>
                <Table.Td ta="right">{sum(one.refunded, one.currency)}</Table.Td>
                <Table.Td ta="right">{sum(one.net, one.currency)}</Table.Td>
                <Table.Td ta="right">{all > 0 ? percent(Number(one.net) / all) : "–"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Group gap="xs" mt="xs">
        <Text size="xs" c="dimmed">
          {t("revenue.currencyHint")}
        </Text>
        <Anchor size="xs" renderRoot={(props) => <Link {...props} to="/orders" />}>
          {t("revenue.toOrders")}
        </Anchor>
      </Group>
    </Paper>
  );
}

function Rules({ state, onClose }: { state: AttributionState; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      model: (state.settings.model ?? "last_click") as string,
      click_days: (state.settings.click_days ?? 5) as number | string,
      open_days: (state.settings.open_days ?? 5) as number | string,
    },
    send: (values) =>
      ask(
        api.PUT("/syncom/v1/attribution/settings", {
          body: {
            model: MODELS.find((one) => one === values.model),
            click_days: Number(values.click_days),
            open_days: Number(values.open_days),
          },
        }),
      ),
    onDone: () => {
      void client.invalidateQueries({ queryKey: ["attribution"] });
      tellDone(t("common.saved"));
      onClose();
    },
  });
  return (
    <FormDialog
      title={t("revenue.rules")}
      act={t("common.save")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <Select
        label={t("revenue.model")}
        description={t("revenue.modelHint")}
        allowDeselect={false}
        data={MODELS.map((one) => ({ value: one, label: t(`revenue.models.${one}`) }))}
        {...form.getInputProps("model")}
      />
      <NumberInput
        label={t("revenue.clickDays")}
        min={1}
        clampBehavior="none"
        max={90}
        allowDecimal={false}
        {...form.getInputProps("click_days")}
      />
      <NumberInput
        label={t("revenue.openDays")}
        description={t("revenue.daysHint")}
        min={1}
        clampBehavior="none"
        max={90}
        allowDecimal={false}
        {...form.getInputProps("open_days")}
      />
    </FormDialog>
  );
}

/** The table as a file for a spreadsheet. */
function download(rows: SourceRevenue[]): void {
  const head = ["model", "source", "id", "name", "currency", "orders", "gross", "refunded", "net"];
  const lines = rows.map((one) => [
    one.model,
    one.source,
    one.source_id,
    one.name,
    one.currency,
    one.orders,
    one.gross,
    one.refunded,
    one.net,
  ]);
  saveTable("revenue", [head, ...lines]);
}
