/** Carts that were left, those that orders recovered, and when a cart counts as left. */
import { Button, Group, NumberInput, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconShoppingCart } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { CartSettings } from "~/api/schema";
import { useMay } from "~/api/session";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { number, percent } from "~/ui/format";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { sum } from "../money";
import { cartFiguresQuery, cartSettingsQuery, USUAL_DAYS } from "../queries";
import type { OrdersSearch } from "../searches";
import { PeriodFilter } from "./PeriodFilter";

export function Carts({ search, put }: { search: OrdersSearch; put: (change: OrdersSearch) => void }) {
  const { t } = useTranslation();
  const span = { days: search.days, since: search.since, until: search.until };
  const figures = useQuery(cartFiguresQuery(span));
  const settings = useQuery(cartSettingsQuery);
  return (
    <Stack>
      <PeriodFilter span={search} usual={USUAL_DAYS} withAll={false} onChange={put} />
      {figures.isError && !figures.data && (
        <Failed error={figures.error} retry={() => void figures.refetch()} />
      )}
      {figures.data?.length === 0 && (
        <Empty
          icon={<IconShoppingCart />}
          title={t("orders.noCarts")}
          action={
            <Button
              variant="default"
              renderRoot={(props) => <Link {...props} to="/events/send" search={{ type: "cartUpdated" }} />}
            >
              {t("orders.sendCarts")}
            </Button>
          }
        >
          {t("orders.noCartsNext")}
        </Empty>
      )}
      {figures.data?.map((one) => (
        <SimpleGrid key={one.currency} cols={{ base: 1, xs: 2, md: 4 }}>
          <Figure
            label={t("orders.abandoned")}
            hint={t("orders.abandonedHint")}
            value={number(one.abandoned)}
          />
          <Figure label={t("orders.left")} hint={t("orders.leftHint")} value={sum(one.value, one.currency)} />
          <Figure
            label={t("orders.recovered")}
            hint={t("orders.recoveredHint")}
            value={number(one.recovered)}
            rate={one.abandoned > 0 ? percent(one.recovered / one.abandoned) : undefined}
          />
          <Figure
            label={t("orders.recoveredRevenue")}
            hint={t("orders.recoveredRevenueHint")}
            value={sum(one.revenue, one.currency)}
          />
        </SimpleGrid>
      ))}
      {settings.isError && <Failed error={settings.error} retry={() => void settings.refetch()} />}
      {settings.data && <Settings settings={settings.data} />}
    </Stack>
  );
}

function Settings({ settings }: { settings: CartSettings }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const may = useMay("write_campaigns");
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      idle_minutes: settings.idle_minutes as number | string,
      recovery_days: settings.recovery_days as number | string,
    },
    validate: {
      idle_minutes: (value) => (value === "" ? t("orders.needsNumber") : null),
      recovery_days: (value) => (value === "" ? t("orders.needsNumber") : null),
    },
    send: (values) =>
      ask(
        api.PUT("/syncom/v1/carts/settings", {
          body: { idle_minutes: Number(values.idle_minutes), recovery_days: Number(values.recovery_days) },
        }),
      ),
    onDone: (answer) => {
      client.setQueryData(cartSettingsQuery.queryKey, answer);
      tellDone(t("common.saved"));
    },
  });
  return (
    <Paper withBorder p="md">
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Title order={2} size="h3">
            {t("orders.cartSettings")}
          </Title>
          <Group align="flex-start">
            <NumberInput
              label={t("orders.idle")}
              description={t("orders.idleHint")}
              w={{ base: "100%", sm: 300 }}
              min={1}
              clampBehavior="none"
              allowDecimal={false}
              readOnly={!may}
              {...form.getInputProps("idle_minutes")}
            />
            <NumberInput
              label={t("orders.recovery")}
              description={t("orders.recoveryHint")}
              w={{ base: "100%", sm: 300 }}
              min={1}
              clampBehavior="none"
              allowDecimal={false}
              readOnly={!may}
              {...form.getInputProps("recovery_days")}
            />
          </Group>
          {failure !== undefined && <Failed error={failure} />}
          <Group>
            {may && (
              <Button type="submit" loading={sending}>
                {t("common.save")}
              </Button>
            )}
            <Text size="sm" c="dimmed">
              {t("orders.cartHint")}
            </Text>
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}
