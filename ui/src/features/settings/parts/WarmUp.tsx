import { Button, Group, NumberInput, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import type { Standing } from "~/api/schema";
import { useMay } from "~/api/session";
import { Chart } from "~/ui/Chart";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { date, number, short } from "~/ui/format";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { curve } from "../senders";

/** How a new sender earns its name: little at first, more each day. */
export function WarmUp({ senderId }: { senderId: number }) {
  const found = useQuery({
    queryKey: ["sender", senderId, "warm-up"],
    queryFn: async (): Promise<Standing | null> => {
      try {
        return await ask(
          api.GET("/syncom/v1/senders/{sender_id}/warm-up", { params: { path: { sender_id: senderId } } }),
        );
      } catch (error) {
        if (error instanceof Failure && error.status === 404) return null;
        throw error;
      }
    },
  });
  if (found.isError && found.data === undefined)
    return <Failed error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return null;
  return <Plan key={found.data?.started_on ?? "none"} senderId={senderId} standing={found.data} />;
}

function Plan({ senderId, standing }: { senderId: number; standing: Standing | null }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const may = useMay("manage_settings");
  const key = ["sender", senderId, "warm-up"];
  const path = { params: { path: { sender_id: senderId } } };
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      first: (standing?.plan.first ?? 50) as number | string,
      growth: (standing?.plan.growth ?? 1.5) as number | string,
      target: (standing?.plan.target ?? 20_000) as number | string,
    },
    send: (values) =>
      ask(
        api.PUT("/syncom/v1/senders/{sender_id}/warm-up", {
          ...path,
          body: {
            first: Number(values.first),
            growth: Number(values.growth),
            target: Number(values.target),
          },
        }),
      ),
    onDone: () => {
      void client.invalidateQueries({ queryKey: key });
      tellDone(t("common.saved"));
    },
  });
  const end = useAct(() => ask(api.DELETE("/syncom/v1/senders/{sender_id}/warm-up", path)), {
    renews: [key],
    done: t("senders.warm.ended"),
  });
  const { first, growth, target } = form.values;
  const days = useMemo(() => curve(Number(first), Number(growth), Number(target)), [first, growth, target]);
  const option = useMemo(
    () => ({
      xAxis: { type: "category" as const, data: days.map((one) => String(one.day)) },
      yAxis: { type: "value" as const, axisLabel: { formatter: short } },
      series: [
        {
          type: "bar" as const,
          name: t("senders.warm.allowed"),
          data: days.map((one) => one.allowed),
        },
      ],
    }),
    [days, t],
  );
  return (
    <Paper withBorder p="md">
      <Title order={2}>{t("senders.warm.title")}</Title>
      <Text size="sm" c="dimmed" mb="xs">
        {t("senders.warm.hint")}
      </Text>
      <Stack gap="sm">
        {standing && (
          <Text size="sm">
            {standing.allowed_today === null
              ? t("senders.warm.over")
              : t("senders.warm.today", {
                  sent: number(standing.sent_today),
                  allowed: number(standing.allowed_today),
                  since: date(standing.started_on),
                  until: date(standing.ends_on),
                })}
          </Text>
        )}
        {(standing || may) && (
          <form onSubmit={submit} noValidate>
            <Stack gap="sm">
              <SimpleGrid cols={{ base: 1, sm: 3 }}>
                <NumberInput
                  label={t("senders.warm.first")}
                  min={1}
                  allowDecimal={false}
                  disabled={!may}
                  {...form.getInputProps("first")}
                />
                <NumberInput
                  label={t("senders.warm.growth")}
                  min={1.01}
                  step={0.1}
                  disabled={!may}
                  {...form.getInputProps("growth")}
                />
                <NumberInput
                  label={t("senders.warm.target")}
                  min={1}
                  allowDecimal={false}
                  thousandSeparator=" "
                  disabled={!may}
                  {...form.getInputProps("target")}
                />
              </SimpleGrid>
              {days.length > 0 && (
                <>
                  <Chart label={t("senders.warm.chart")} option={option} height={180} />
                  <Text size="sm" c="dimmed">
                    {t("senders.warm.lasts", { count: days.length })}{" "}
                    {days
                      .slice(0, 5)
                      .map((one) => t("senders.warm.day", { day: one.day, allowed: number(one.allowed) }))
                      .join(", ")}
                    {days.length > 5 ? ", …" : ""}
                  </Text>
                </>
              )}
              {failure !== undefined && <Failed error={failure} />}
              {may && (
                <Group gap="xs">
                  <Button type="submit" variant={standing ? "filled" : "default"} loading={sending}>
                    {standing ? t("senders.warm.change") : t("senders.warm.start")}
                  </Button>
                  {standing && (
                    <Button
                      variant="light"
                      color="red"
                      onClick={() =>
                        confirm({
                          title: t("senders.warm.end"),
                          text: t("senders.warm.endAsk"),
                          act: t("senders.warm.end"),
                          onYes: () => end.mutate(),
                        })
                      }
                    >
                      {t("senders.warm.end")}
                    </Button>
                  )}
                </Group>
              )}
            </Stack>
          </form>
        )}
      </Stack>
    </Paper>
  );
}
