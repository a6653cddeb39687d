import { Button, Grid as Columns, Paper, Skeleton, Stack, Tabs, Text } from "@mantine/core";
import { IconGridDots, IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { tellDone, tellFailed } from "~/ui/tell";
import { Classes } from "../parts/Classes";
import { Grid } from "../parts/Grid";
import { PredictionsTab } from "../parts/PredictionsTab";
import { RfmSettingsTab } from "../parts/RfmSettingsTab";
import { TransitionsTab } from "../parts/TransitionsTab";
import { gridQuery, rfmStateQuery } from "../queries";
import { RFM_TABS, type RfmSearch } from "../searches";

const route = getRouteApi("/rfm");

export function RfmPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = useNavigate();
  const mayWrite = useMay("write_campaigns");
  const { data: state } = useQuery(rfmStateQuery);
  const go = (change: RfmSearch) =>
    void navigate({ to: "/rfm", search: { ...search, ...change }, replace: true });
  return (
    <Page
      title={t("rfm.title")}
      soft={
        <>
          {t("rfm.hint")}{" "}
          {state?.recomputed_at && (
            <>
              {t("rfm.recomputedAt")}: <Time at={state.recomputed_at} />
            </>
          )}
        </>
      }
      actions={mayWrite && <Recompute />}
    >
      <Tabs
        value={search.tab ?? "grid"}
        onChange={(next) => go({ tab: RFM_TABS.find((one) => one === next) })}
        keepMounted={false}
      >
        <Tabs.List>
          {RFM_TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {t(`rfm.tabs.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="grid" pt="md">
          <GridTab currency={state?.currency ?? ""} onSettings={() => go({ tab: "settings" })} />
        </Tabs.Panel>
        <Tabs.Panel value="moves" pt="md">
          <TransitionsTab since={search.since} until={search.until} onDays={go} />
        </Tabs.Panel>
        <Tabs.Panel value="predictions" pt="md">
          <PredictionsTab />
        </Tabs.Panel>
        <Tabs.Panel value="settings" pt="md">
          <RfmSettingsTab />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Recompute() {
  const { t } = useTranslation();
  return (
    <Button
      variant="default"
      leftSection={<IconRefresh size={16} aria-hidden />}
      onClick={async () => {
        try {
          await ask(api.POST("/syncom/v1/rfm/recompute"));
          tellDone(t("rfm.recomputing"));
        } catch (error) {
          tellFailed(error);
        }
      }}
    >
      {t("rfm.recompute")}
    </Button>
  );
}

function GridTab({ currency, onSettings }: { currency: string; onSettings: () => void }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(gridQuery);
  if (error && !data) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={360} />;
  if (data.cells.every((one) => one.contacts === 0))
    return (
      <Empty
        icon={<IconGridDots size={26} />}
        title={t("rfm.none")}
        action={
          <Button variant="default" onClick={onSettings}>
            {t("rfm.toSettings")}
          </Button>
        }
      >
        {t("rfm.noneHint")}
      </Empty>
    );
  // Orders that name no currency have amounts all the same.
  const say = (value: string) =>
    /^[A-Z]{3}$/.test(currency)
      ? number(Number(value), { style: "currency", currency, maximumFractionDigits: 0 })
      : number(Number(value), { maximumFractionDigits: 0 });
  return (
    <Columns gap="md">
      <Columns.Col span={{ base: 12, lg: 7 }}>
        <Paper withBorder p="md" component="section">
          <Stack gap="xs">
            <Text size="sm" c="dimmed">
              {t("rfm.gridHint")}
            </Text>
            <Grid grid={data} money={say} />
          </Stack>
        </Paper>
      </Columns.Col>
      <Columns.Col span={{ base: 12, lg: 5 }}>
        <Paper withBorder p="md" component="section">
          <Classes grid={data} money={say} />
        </Paper>
      </Columns.Col>
    </Columns>
  );
}
