/** What the workflow would do: with the real events of a time that is over, or for one contact from now on. */
import {
  Alert,
  Button,
  Drawer,
  NumberInput,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Table,
  Text,
  Timeline,
} from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Simulation, Trace, VersionFigures, WorkflowSeen } from "~/api/schema";
import { useMay } from "~/api/session";
import { ContactPicker } from "~/ui/ContactPicker";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { number, percent } from "~/ui/format";
import { Time } from "~/ui/Time";
import { formOf, merged } from "../form/context";
import { AsJson } from "../form/inputs/AsJson";
import type { Json } from "../form/schema";
import { type Definition, write } from "../model/definition";
import { outcomeText, StateBadge } from "./PeopleTab";
import type { Sentences } from "./sentences";

type Props = {
  workflow: WorkflowSeen;
  definition: Definition;
  sentences: Sentences;
  /** The draft cannot run as it is. */
  broken: boolean;
  /** Show its numbers on the canvas. */
  onShow: (figures: VersionFigures) => void;
  onClose: () => void;
};

export function SimulatePanel({ workflow, definition, sentences, broken, onShow, onClose }: Props) {
  const { t } = useTranslation();
  const mayContacts = useMay("read_contacts");
  const [mode, setMode] = useState<"past" | "contact">("past");
  const [days, setDays] = useState(30);
  const [contact, setContact] = useState<number>();
  const [given, setGiven] = useState<Json>({ params: {} });
  const trial = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/syncom/v1/workflows/{workflow_id}/simulate", {
          params: { path: { workflow_id: workflow.workflow_id } },
          body:
            mode === "contact"
              ? { definition: write(definition), contact_id: contact, params: (given.params ?? {}) as Json }
              : {
                  definition: write(definition),
                  since: new Date(Date.now() - days * 86_400_000).toISOString(),
                },
        }),
      ),
  });
  const found = trial.data;
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={t("workflows.simulate.title")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        <Text size="sm" c="dimmed">
          {t("workflows.simulate.hint")}
        </Text>
        {mayContacts && (
          <SegmentedControl
            data={[
              { value: "past", label: t("workflows.simulate.past") },
              { value: "contact", label: t("workflows.simulate.contact") },
            ]}
            value={mode}
            onChange={(next) => {
              setMode(next as "past");
              trial.reset();
            }}
          />
        )}
        {mode === "past" ? (
          <NumberInput
            label={t("workflows.simulate.days")}
            min={1}
            max={365}
            value={days}
            onChange={(next) => setDays(Number(next) || 30)}
          />
        ) : (
          <>
            <ContactPicker clearable label={t("workflows.contact")} value={contact} onChange={setContact} />
            <AsJson
              form={formOf(given, (members) => setGiven(merged(given, members)), [])}
              member="params"
              label={t("workflows.simulate.params")}
            />
          </>
        )}
        {broken && <Text size="sm">{t("workflows.simulate.brokenFirst")}</Text>}
        <Button
          onClick={() => trial.mutate()}
          loading={trial.isPending}
          disabled={broken || definition.steps.length === 0 || (mode === "contact" && contact === undefined)}
        >
          {t("workflows.simulate.run")}
        </Button>
        {trial.isError && <Failed error={trial.error} />}
        {found && "enrolled" in found && (
          <Past simulation={found} definition={definition} sentences={sentences} onShow={onShow} />
        )}
        {found && "ends_at" in found && <One trace={found} definition={definition} sentences={sentences} />}
      </Stack>
    </Drawer>
  );
}

function Past({
  simulation,
  definition,
  sentences,
  onShow,
}: {
  simulation: Simulation;
  definition: Definition;
  sentences: Sentences;
  onShow: (figures: VersionFigures) => void;
}) {
  const { t } = useTranslation();
  const s = "workflows.simulate";
  const says = (id: string) => {
    const step = definition.steps.find((one) => one.id === id);
    return step ? sentences.step(step) : id;
  };
  const figures = [
    ["events", simulation.events],
    ["finished", simulation.finished],
    ["inside", simulation.inside],
    ["exited", simulation.exited],
    ["reachedGoal", simulation.reached_goal],
    ["heldBack", simulation.held_back],
    ["heldOut", simulation.held_out],
  ] as const;
  return (
    <Stack>
      <Text size="lg" fw={650} role="status">
        {t(`${s}.wouldHave`, { enrolled: number(simulation.enrolled), sent: number(simulation.sent) })}
      </Text>
      <SimpleGrid cols={{ base: 2, xs: 3 }}>
        {figures.map(([name, value]) => (
          <Figure key={name} label={t(`${s}.${name}`)} value={number(value)} />
        ))}
      </SimpleGrid>
      <Button variant="light" onClick={() => onShow(simulation.figures)}>
        {t(`${s}.show`)}
      </Button>
      {Object.keys(simulation.refused).length > 0 && (
        <div>
          <Text size="sm" fw={600}>
            {t(`${s}.refused`)}
          </Text>
          {Object.entries(simulation.refused).map(([why, count]) => (
            <Text key={why} size="sm">
              {why}: {number(count)}
            </Text>
          ))}
        </div>
      )}
      {simulation.sends.length > 0 && (
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t(`${s}.sends`)}</Table.Th>
              <Table.Th ta="end">{t("workflows.messages.sent")}</Table.Th>
              <Table.Th ta="end">{t("workflows.messages.excluded")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {simulation.sends.map((one) => (
              <Table.Tr key={`${one.step_id}:${one.channel}`}>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{says(one.step_id)}</Table.Td>
                <Table.Td ta="end">{number(one.sent)}</Table.Td>
                <Table.Td ta="end">
                  {Object.entries(one.held_back).map(([why, count]) => (
                    <div key={why}>
                      {number(count)} · {why}
                    </div>
                  ))}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {simulation.asked_as_of_now > 0 && (
        <Text size="sm">{t(`${s}.asOfNow`, { count: simulation.asked_as_of_now })}</Text>
      )}
      {simulation.notes.map((note) => (
        <Text key={note} size="xs" c="dimmed">
          {note}
        </Text>
      ))}
    </Stack>
  );
}

function One({
  trace,
  definition,
  sentences,
}: {
  trace: Trace;
  definition: Definition;
  sentences: Sentences;
}) {
  const { t } = useTranslation();
  return (
    <Stack>
      {trace.refused !== "" && (
        <Alert color="orange" p="xs" title={t("workflows.simulate.keptOut")}>
          {trace.refused}
        </Alert>
      )}
      <Timeline active={trace.steps.length} bulletSize={14} lineWidth={2}>
        {trace.steps.map((one, place) => {
          const step = definition.steps.find((found) => found.id === one.step_id);
          const subject = one.does.subject;
          return (
            <Timeline.Item key={`${place}:${one.step_id}`} title={step ? sentences.step(step) : one.step_id}>
              {typeof subject === "string" && (
                <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }}>
                  “{subject}”
                </Text>
              )}
              <Text size="sm">{outcomeText(t, one.what)}</Text>
              {one.chances.length > 0 && (
                <Text size="xs" c="dimmed">
                  {one.chances.map((way) => `${way.next}: ${percent(way.percent / 100, 0)}`).join(" · ")}
                </Text>
              )}
              {one.note !== "" && <Text size="sm">{one.note}</Text>}
              <Text size="xs" c="dimmed">
                <Time at={one.at} />
                {one.until && (
                  <>
                    {" – "}
                    <Time at={one.until} />
                  </>
                )}
              </Text>
            </Timeline.Item>
          );
        })}
      </Timeline>
      <StateBadge state={trace.state} />
      {trace.reason !== "" && <Text size="sm">{trace.reason}</Text>}
      {trace.notes.map((note) => (
        <Text key={note} size="xs" c="dimmed">
          {note}
        </Text>
      ))}
    </Stack>
  );
}
