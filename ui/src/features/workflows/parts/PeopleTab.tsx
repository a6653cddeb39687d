/** Journeys: who is where, and the way of one contact with its times. */
import { Badge, Button, Drawer, Group, Select, Stack, Text, Timeline } from "@mantine/core";
import { IconRefresh, IconUsers } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Journey, WorkflowSeen } from "~/api/schema";
import { useMay } from "~/api/session";
import { ContactPicker } from "~/ui/ContactPicker";
import { confirm } from "~/ui/confirm";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { tellDone, tellFailed } from "~/ui/tell";
import { read } from "../model/definition";
import { versionQuery } from "../queries";
import type { WorkflowLook } from "../routes";
import { ContactName } from "./ContactName";
import { useSentences } from "./sentences";

const STATES = ["waiting", "paused", "finished", "failed", "left", "exited", "held_out"] as const;
const COLORS: Record<string, string> = { waiting: "blue", paused: "grape", finished: "teal", failed: "red" };

type Props = {
  workflow: WorkflowSeen;
  look: WorkflowLook;
  /** Look at something else: members that are left out stay. */
  go: (look: Partial<WorkflowLook>) => void;
};

export function PeopleTab({ workflow, look, go }: Props) {
  const { t } = useTranslation();
  const id = workflow.workflow_id;
  const version = look.version ?? workflow.version;
  const definition = useVersion(workflow, version);
  const sentences = useSentences(definition);
  const [opened, setOpened] = useState<Journey>();
  const filter = {
    contact_id: look.contact,
    state: look.state,
    step: look.contact ? undefined : look.step,
    through: look.contact ? undefined : look.through,
    version: look.contact ? undefined : look.version,
  };
  const pages = usePages<Journey>(["workflow", id, "journeys", filter], (cursor, signal) =>
    ask(
      api.GET("/syncom/v1/workflows/{workflow_id}/journeys", {
        params: { path: { workflow_id: id }, query: { ...filter, limit: 100, cursor } },
        signal,
      }),
    ),
  );
  const says = useCallback(
    (step: string) => {
      const found = definition?.steps.find((one) => one.id === step);
      return found ? sentences.step(found) : step;
    },
    [definition, sentences],
  );
  const columns = useMemo<Column<Journey>[]>(
    () => [
      {
        id: "contact",
        header: t("workflows.contact"),
        width: "1.6fr",
        cell: (row) => <ContactName id={row.contact_id} onOpen={() => setOpened(row)} />,
      },
      {
        id: "state",
        header: t("workflows.state"),
        width: "130px",
        cell: (row) => <StateBadge state={row.state} />,
      },
      { id: "step", header: t("workflows.at"), width: "2fr", cell: (row) => says(row.step_id) },
      {
        id: "next",
        header: t("workflows.goesOn"),
        width: "150px",
        cell: (row) => (row.wakes_at ? <Time at={row.wakes_at} relative /> : row.reason),
      },
      {
        id: "entered",
        header: t("workflows.cameIn"),
        width: "150px",
        cell: (row) => <Time at={row.entered_at} relative />,
      },
    ],
    [t, says],
  );
  const steps = definition?.steps.map((step) => ({ value: step.id, label: sentences.step(step) })) ?? [];
  return (
    <Stack gap="sm">
      <Group align="flex-end" gap="sm">
        <ContactPicker
          clearable
          label={t("workflows.oneContact")}
          value={look.contact}
          onChange={(contact) => go({ contact })}
          w={260}
        />
        <Select
          label={t("workflows.state")}
          placeholder={t("workflows.anyState")}
          clearable
          w={170}
          data={STATES.map((state) => ({ value: state, label: t(`workflows.states.${state}`) }))}
          value={look.state ?? null}
          onChange={(state) =>
            go({ state: (state as WorkflowLook["state"]) ?? undefined, contact: undefined })
          }
        />
        <Select
          label={look.through ? t("workflows.wentThrough") : t("workflows.at")}
          placeholder={t("workflows.anyStep")}
          clearable
          searchable
          w={280}
          data={steps}
          value={look.through ?? look.step ?? null}
          onChange={(step) =>
            go({
              contact: undefined,
              step: look.through ? undefined : (step ?? undefined),
              through: look.through ? (step ?? undefined) : undefined,
            })
          }
        />
        {(look.state === "failed" || look.state === undefined) && (
          <Failures workflow={workflow} step={look.step} />
        )}
      </Group>
      <DataTable
        label={t("workflows.tabs.people")}
        columns={columns}
        rowKey={(row) => `${row.contact_id}:${row.event_id}`}
        open={setOpened}
        height="calc(100dvh - 360px)"
        empty={
          <Empty icon={<IconUsers size={26} aria-hidden />} title={t("workflows.nobody")}>
            {t("workflows.nobodyText")}
          </Empty>
        }
        {...pages}
      />
      <Drawer
        closeButtonProps={{ "aria-label": t("common.close") }}
        opened={opened !== undefined}
        onClose={() => setOpened(undefined)}
        position="right"
        size="md"
        title={opened && <ContactName id={opened.contact_id} />}
      >
        {opened && (
          <JourneyPath workflow={workflow} journey={opened}>
            <Button
              variant="light"
              onClick={() => go({ tab: "canvas", contact: opened.contact_id, part: undefined })}
            >
              {t("workflows.showOnCanvas")}
            </Button>
          </JourneyPath>
        )}
      </Drawer>
    </Stack>
  );
}

function useVersion(workflow: WorkflowSeen, version: number) {
  const older = useQuery({
    ...versionQuery(workflow.workflow_id, version),
    enabled: version !== workflow.version,
  });
  const given = version === workflow.version ? workflow.definition : older.data?.definition;
  return useMemo(() => (given ? read(given) : undefined), [given]);
}

export function StateBadge({ state }: { state: string }) {
  const { t } = useTranslation();
  return (
    <Badge color={COLORS[state] ?? "gray"} tt="none">
      {t(`workflows.states.${state}` as "workflows.states.waiting")}
    </Badge>
  );
}

/** How a journey went, thing by thing. */
export function JourneyPath({
  workflow,
  journey,
  children,
}: {
  workflow: WorkflowSeen;
  journey: Journey;
  children?: React.ReactNode;
}) {
  const { t } = useTranslation();
  const definition = useVersion(workflow, journey.version);
  const sentences = useSentences(definition);
  const params = Object.entries(journey.params);
  return (
    <Stack>
      <Group justify="space-between">
        <StateBadge state={journey.state} />
        <Text size="sm" c="dimmed">
          {t("workflows.version", { number: journey.version })}
        </Text>
      </Group>
      {journey.reason !== "" && (
        <Text
          size="sm"
          c={journey.state === "failed" ? "red" : undefined}
          style={{ overflowWrap: "anywhere" }}
        >
          {journey.reason}
        </Text>
      )}
      <Timeline active={journey.path.length + 1} bulletSize={14} lineWidth={2}>
        <Timeline.Item title={t("workflows.cameIn")}>
          <Text size="xs" c="dimmed">
            <Time at={journey.entered_at} />
          </Text>
        </Timeline.Item>
        {journey.path.map((one, place) => {
          const step = definition?.steps.find((found) => found.id === one.step_id);
          return (
            <Timeline.Item key={place} title={step ? sentences.step(step) : (one.step_id ?? "")}>
              <Text size="sm">{outcomeText(t, one.what)}</Text>
              <Text size="xs" c="dimmed">
                <Time at={one.at} />
              </Text>
            </Timeline.Item>
          );
        })}
        {journey.wakes_at && (
          <Timeline.Item title={t("workflows.goesOn")} lineVariant="dashed">
            <Text size="xs" c="dimmed">
              <Time at={journey.wakes_at} />
            </Text>
          </Timeline.Item>
        )}
      </Timeline>
      {params.length > 0 && (
        <div>
          <Text size="sm" fw={600}>
            {t("workflows.params")}
          </Text>
          {params.map(([name, value]) => (
            <Text key={name} size="xs" style={{ overflowWrap: "anywhere" }}>
              {name}: {typeof value === "string" ? value : JSON.stringify(value)}
            </Text>
          ))}
        </div>
      )}
      {children}
      {journey.state === "failed" && <Failures workflow={workflow} contact={journey.contact_id} />}
    </Stack>
  );
}

type T = TFunction<"words">;

/** The server's word for what came of a step, in the viewer's language. */
export function outcomeText(t: T, what: string): string {
  const branch = /^branch (\d+)$/.exec(what);
  if (branch) return t("workflows.outcomes.branch", { number: branch[1] });
  const moved = /^moved to version (\d+)$/.exec(what);
  if (moved) return t("workflows.outcomes.moved", { number: moved[1] });
  return t(`workflows.outcomes.${what.replaceAll(" ", "_")}` as "workflows.outcomes.passed", {
    defaultValue: what,
  });
}

/** Try again or pass over those who failed: all, at a step, or of one contact. */
export function Failures({
  workflow,
  step,
  contact,
}: {
  workflow: WorkflowSeen;
  step?: string;
  contact?: number;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const may = useMay("send");
  if (!may || (workflow.counts.failed === 0 && contact === undefined)) return null;
  const body = { step: step ?? "", contact_id: contact ?? null };
  const take = async (verb: "retry" | "skip") => {
    const options = { params: { path: { workflow_id: workflow.workflow_id } }, body };
    try {
      const { journeys } = await ask(
        verb === "retry"
          ? api.POST("/syncom/v1/workflows/{workflow_id}/journeys/retry", options)
          : api.POST("/syncom/v1/workflows/{workflow_id}/journeys/skip", options),
      );
      tellDone(t(verb === "retry" ? "workflows.retried" : "workflows.skipped", { count: journeys }));
      void client.invalidateQueries({ queryKey: ["workflow"] });
    } catch (error) {
      tellFailed(error);
    }
  };
  const which = contact ? "One" : step ? "Step" : "All";
  return (
    <Group gap="xs">
      <Button
        variant="light"
        leftSection={<IconRefresh size={16} aria-hidden />}
        onClick={() => void take("retry")}
      >
        {t(`workflows.retry${which}`)}
      </Button>
      <Button
        variant="default"
        onClick={() =>
          confirm({
            title: t("workflows.skipTitle"),
            text: t("workflows.skipText"),
            act: t(`workflows.skip${which}`),
            danger: false,
            onYes: () => void take("skip"),
          })
        }
      >
        {t(`workflows.skip${which}`)}
      </Button>
    </Group>
  );
}
