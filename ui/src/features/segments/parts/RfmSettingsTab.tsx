import {
  Button,
  Group,
  NumberInput,
  Paper,
  Radio,
  SegmentedControl,
  Skeleton,
  Stack,
  Table,
  TagsInput,
  Text,
  TextInput,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { RfmSettings, RfmState } from "~/api/schema";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { dateTime, number } from "~/ui/format";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { rfmStateQuery } from "../queries";

export function RfmSettingsTab() {
  const { data, error, refetch } = useQuery({ ...rfmStateQuery, refetchOnWindowFocus: false });
  if (error && !data) return <Failed error={error} retry={() => void refetch()} />;
  return data ? (
    <Stack>
      <Form state={data} />
      {data.bounds && <Bounds state={data} />}
    </Stack>
  ) : (
    <Skeleton height={320} />
  );
}

const NAMES = ["recency_days", "frequency", "monetary"] as const;
const PLACES = [0, 1, 2, 3] as const;
type Four = [number | string, number | string, number | string, number | string];
type Values = {
  statuses: string[];
  currency: string;
  revenue: "total" | "net";
  window_days: number | string;
  boundaries: "quintiles" | "own";
  thresholds: Record<(typeof NAMES)[number], Four>;
};

function Form({ state }: { state: RfmState }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayWrite = useMay("write_campaigns");
  const { settings } = state;
  const own = settings.thresholds;
  const { form, submit, sending, failure } = useServerForm<Values, RfmState>({
    initialValues: {
      statuses: settings.statuses ?? [],
      currency: settings.currency ?? "",
      revenue: settings.revenue ?? "total",
      window_days: settings.window_days ?? "",
      boundaries: own ? "own" : "quintiles",
      thresholds: {
        recency_days: own ? [...own.recency_days] : [30, 90, 180, 365],
        frequency: own ? [...own.frequency] : [2, 3, 5, 10],
        monetary: own ? (own.monetary.map(Number) as Four) : [100, 500, 1000, 5000],
      },
    },
    send: async (values) =>
      (await ask(api.PUT("/syncom/v1/rfm/settings", { body: asSent(values) }))) as RfmState,
    onDone: () => {
      void client.invalidateQueries({ queryKey: ["rfm"] });
      tellDone(t("rfm.settings.saved"));
    },
  });
  return (
    <Paper withBorder p="md" component="section">
      <form onSubmit={submit}>
        <Stack maw={640}>
          <TagsInput
            label={t("rfm.settings.statuses")}
            description={t("rfm.settings.statusesHint")}
            disabled={!mayWrite}
            acceptValueOnBlur
            {...form.getInputProps("statuses")}
          />
          <Group grow align="flex-start">
            <TextInput
              label={t("rfm.settings.currency")}
              description={t("rfm.settings.currencyHint")}
              placeholder={state.currency}
              maxLength={3}
              disabled={!mayWrite}
              {...form.getInputProps("currency")}
            />
            <NumberInput
              label={t("rfm.settings.window")}
              description={t("rfm.settings.windowHint")}
              min={1}
              allowDecimal={false}
              disabled={!mayWrite}
              {...form.getInputProps("window_days")}
            />
          </Group>
          <Radio.Group label={t("rfm.settings.revenue")} {...form.getInputProps("revenue")}>
            <Group mt={4}>
              <Radio value="total" label={t("rfm.settings.total")} disabled={!mayWrite} />
              <Radio value="net" label={t("rfm.settings.net")} disabled={!mayWrite} />
            </Group>
          </Radio.Group>
          <div>
            <Text size="sm" fw={500} mb={4}>
              {t("rfm.settings.boundaries")}
            </Text>
            <SegmentedControl
              aria-label={t("rfm.settings.boundaries")}
              disabled={!mayWrite}
              data={[
                { value: "quintiles", label: t("rfm.settings.quintiles") },
                { value: "own", label: t("rfm.settings.own") },
              ]}
              {...form.getInputProps("boundaries")}
            />
          </div>
          {form.values.boundaries === "own" &&
            NAMES.map((name) => (
              <div key={name}>
                <Text size="sm">{t(`rfm.settings.${name}`)}</Text>
                <Group gap="xs" wrap="wrap">
                  {PLACES.map((place) => (
                    <NumberInput
                      key={place}
                      w={110}
                      size="xs"
                      min={0}
                      disabled={!mayWrite}
                      aria-label={t("rfm.settings.boundary", {
                        name: t(`rfm.settings.${name}`),
                        place: place + 1,
                      })}
                      {...form.getInputProps(`thresholds.${name}.${place}`)}
                    />
                  ))}
                </Group>
                {form.errors[`thresholds.${name}`] && (
                  <Text size="xs" c="var(--mantine-color-error)" role="status">
                    {form.errors[`thresholds.${name}`]}
                  </Text>
                )}
              </div>
            ))}
          {failure !== undefined && <Failed error={failure} />}
          {mayWrite && (
            <Group>
              <Button type="submit" loading={sending}>
                {t("common.save")}
              </Button>
            </Group>
          )}
        </Stack>
      </form>
    </Paper>
  );
}

function asSent(values: Values): RfmSettings {
  const { boundaries, thresholds, window_days, ...rest } = values;
  return {
    ...rest,
    window_days: window_days === "" ? null : Number(window_days),
    thresholds: boundaries === "own" ? (thresholds as NonNullable<RfmSettings["thresholds"]>) : null,
  };
}

function Bounds({ state }: { state: RfmState }) {
  const { t } = useTranslation();
  const { bounds } = state;
  if (!bounds) return null;
  const rows = [
    { name: t("conditions.scores.recency"), values: bounds.recency.map((one) => dateTime(one)) },
    { name: t("conditions.scores.frequency"), values: bounds.frequency.map((one) => number(one)) },
    {
      name: `${t("conditions.scores.monetary")} ${state.currency}`,
      values: bounds.monetary.map((one) => number(Number(one))),
    },
  ];
  return (
    <Paper withBorder p="md" component="section">
      <Text fw={600}>{t("rfm.settings.inForce")}</Text>
      <Text size="xs" c="dimmed">
        {t("rfm.settings.asOf")}: {dateTime(bounds.bounded_at)}
      </Text>
      <Table.ScrollContainer minWidth={480}>
        <Table fz="sm">
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.name}>
                <Table.Th scope="row">{row.name}</Table.Th>
                {PLACES.map((place) => (
                  <Table.Td key={place} ta="right">
                    {row.values[place]}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}
