/** What came of the workflow: conversions, revenue, messages by step, and what it changed against the holdout. */
import {
  Alert,
  Group,
  Paper,
  SimpleGrid,
  Skeleton,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Group as Compared, Holdout, StepMessages, WorkflowSeen } from "~/api/schema";
import { Chart } from "~/ui/Chart";
import { CountsTable } from "~/ui/CountsTable";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { money, number, percent } from "~/ui/format";
import { read } from "../model/definition";
import { resultsQuery } from "../queries";
import type { WorkflowLook } from "../routes";
import { useSentences } from "./sentences";

export function ResultsTab({
  workflow,
  look,
  go,
}: {
  workflow: WorkflowSeen;
  look: WorkflowLook;
  go: (look: Partial<WorkflowLook>) => void;
}) {
  const { t } = useTranslation();
  const results = useQuery(resultsQuery(workflow.workflow_id, look.since, look.until));
  const definition = read(workflow.definition);
  const sentences = useSentences(definition);
  const found = results.data;
  const says = (id: string) => {
    const step = definition.steps.find((one) => one.id === id);
    return step ? sentences.step(step) : id || t("workflows.olderSteps");
  };
  return (
    <Stack>
      <Group align="flex-end" gap="sm">
        <TextInput
          type="date"
          label={t("workflows.since")}
          value={look.since ?? found?.since ?? ""}
          onChange={(event) => go({ since: event.currentTarget.value || undefined })}
        />
        <TextInput
          type="date"
          label={t("workflows.until")}
          value={look.until ?? found?.until ?? ""}
          onChange={(event) => go({ until: event.currentTarget.value || undefined })}
        />
        <Text size="xs" c="dimmed" pb={8}>
          {t("workflows.periodHint")}
        </Text>
      </Group>
      {results.isPending && <Skeleton height={220} />}
      {results.isError && <Failed error={results.error} retry={() => void results.refetch()} />}
      {found && (
        <>
          <SimpleGrid cols={{ base: 2, md: 4 }}>
            <Figure
              label={t("workflows.counts.entered")}
              value={number(found.journeys.entered)}
              hint={t("workflows.enteredHint")}
              onOpen={() => go({ tab: "people", state: undefined, step: undefined, through: undefined })}
            />
            <Figure
              label={t("workflows.converted")}
              value={number(found.journeys.converted)}
              rate={percent(found.journeys.conversion_rate)}
              hint={t(
                found.conversion === "goal" ? "workflows.convertedByGoal" : "workflows.convertedByOrder",
                {
                  count: found.conversion_days,
                },
              )}
            />
            {found.attributed.length === 0 && (
              <Figure label={t("workflows.revenue")} value={number(0)} hint={t("workflows.revenueHint")} />
            )}
            {found.attributed.map((one) => (
              <Figure
                key={one.currency}
                label={t("workflows.revenueIn", { currency: one.currency })}
                value={money(one.net, one.currency)}
                rate={t("workflows.orders", { count: one.orders })}
                hint={t("workflows.revenueHint")}
              />
            ))}
            <Figure
              label={t("workflows.counts.failed")}
              value={number(found.journeys.failed)}
              onOpen={() => go({ tab: "people", state: "failed", step: undefined, through: undefined })}
            />
          </SimpleGrid>
          <Uplifted holdout={found.holdout} share={Number(definition.rules.holdout ?? 0)} />
          <Title order={2}>{t("workflows.messagesByStep")}</Title>
          {found.messages.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t("workflows.noMessages")}
            </Text>
          ) : (
            <Messages messages={found.messages} says={says} />
          )}
        </>
      )}
    </Stack>
  );
}

const COLUMNS = ["queued", "sent", "opened", "clicked", "unsubscribed", "failed", "excluded"] as const;

function Messages({ messages, says }: { messages: StepMessages[]; says: (id: string) => string }) {
  const { t } = useTranslation();
  return (
    <CountsTable
      of={t("workflows.step")}
      columns={COLUMNS.map((name) => ({ name, label: t(`workflows.messages.${name}`) }))}
      shared={["opened", "clicked"]}
      rows={messages.map((one) => ({ key: one.step_id, name: says(one.step_id), counts: one }))}
    />
  );
}

function Uplifted({ holdout, share }: { holdout: Holdout | null; share: number }) {
  const { t } = useTranslation();
  if (!holdout)
    return (
      <Alert icon={<IconScale size={18} aria-hidden />} color="gray" title={t("workflows.noHoldout")}>
        {share > 0 ? t("workflows.holdoutWaits", { count: share }) : t("workflows.noHoldoutText")}
      </Alert>
    );
  const { uplift } = holdout;
  const points = (value: number) =>
    number(value * 100, { maximumFractionDigits: 1, signDisplay: "exceptZero" });
  return (
    <Paper withBorder p="md">
      <Title order={2}>{t("workflows.uplift")}</Title>
      {uplift && (
        <>
          <Text size="lg" fw={650} mt={4}>
            {t("workflows.upliftSays", { points: points(uplift.absolute) })}
            {uplift.relative !== null &&
              ` (${number(uplift.relative, { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: 0 })})`}
          </Text>
          <Text size="sm" c="dimmed">
            {t("workflows.upliftBetween", {
              low: points(uplift.absolute_interval.low),
              high: points(uplift.absolute_interval.high),
            })}{" "}
            {t(uplift.significant ? "workflows.upliftSure" : "workflows.upliftUnsure")}
          </Text>
        </>
      )}
      <SimpleGrid cols={{ base: 1, md: 2 }} mt="sm">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("workflows.group")}</Table.Th>
              <Table.Th ta="end">{t("nav.contacts")}</Table.Th>
              <Table.Th ta="end">{t("workflows.converted")}</Table.Th>
              <Table.Th ta="end">{t("workflows.perContact")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            <Row name={t("workflows.wentIn")} group={holdout.went_in} />
            <Row name={t("workflows.heldOut")} group={holdout.held_out} />
          </Table.Tbody>
        </Table>
        <Chart
          label={t("workflows.uplift")}
          height={160}
          option={{
            grid: { left: 8, right: 48, top: 8, bottom: 8, containLabel: true },
            xAxis: { type: "value", show: false },
            yAxis: { type: "category", data: [t("workflows.heldOut"), t("workflows.wentIn")] },
            series: [
              {
                type: "bar",
                barWidth: 26,
                data: [holdout.held_out.conversion_rate, holdout.went_in.conversion_rate],
                label: { show: true, position: "right", formatter: ({ value }) => percent(Number(value)) },
              },
            ],
          }}
        />
      </SimpleGrid>
    </Paper>
  );
}

function Row({ name, group }: { name: string; group: Compared }) {
  return (
    <Table.Tr>
      <Table.Td>{name}</Table.Td>
      <Table.Td ta="end">{number(group.contacts)}</Table.Td>
      <Table.Td ta="end">
        {number(group.converted)} · {percent(group.conversion_rate)}
      </Table.Td>
      <Table.Td ta="end">
        {group.money.map((one) => (
          <div key={one.currency}>{money(one.per_contact, one.currency)}</div>
        ))}
      </Table.Td>
    </Table.Tr>
  );
}
