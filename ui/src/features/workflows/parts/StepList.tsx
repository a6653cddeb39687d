/** The workflow as a list of steps, for narrow screens and for who reads rather than looks. */
import { Badge, Box, Group, Paper, Stack, Text, ThemeIcon, UnstyledButton } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { VersionFigures } from "~/api/schema";
import { number } from "~/ui/format";
import { type Definition, END, ordered, START, type Way, ways } from "../model/definition";
import type { Lit } from "../model/lit";
import { Counts, type Which } from "./Counts";
import { stepKind, triggerKind } from "./kinds";
import type { Sentences } from "./sentences";

type Props = {
  definition: Definition;
  sentences: Sentences;
  figures?: VersionFigures;
  chosen: ReadonlySet<string>;
  onChoose: (part: string | null) => void;
  onPeople?: (step: string, which: Which) => void;
  adder?: (from: string, way: Way) => ReactNode;
  wrong?: ReadonlyMap<string, string>;
  lit?: Lit;
};

export function StepList(props: Props) {
  const { t } = useTranslation();
  const { definition, sentences, figures } = props;
  const steps = ordered(definition);
  const places = new Map(steps.map((step, place) => [step.id, place + 1]));
  const counts = new Map(figures?.steps.map((one) => [one.step_id, one]));
  const trigger = triggerKind(definition.trigger.type);
  const start: Way = { member: "next", to: steps[0]?.id ?? END, label: { kind: "plain" } };
  return (
    <Stack component="ol" gap="xs" p={0} m={0} aria-label={t("workflows.steps")}>
      <Line
        {...props}
        part="trigger"
        icon={<trigger.icon size={16} aria-hidden />}
        color={trigger.color}
        title={t(`workflows.triggers.${definition.trigger.type}` as "workflows.triggers.event")}
        says={sentences.trigger(definition.trigger)}
      >
        {figures && (
          <Text size="xs" c="dimmed">
            {t("workflows.enteredCount", { count: figures.entered, amount: number(figures.entered) })}
          </Text>
        )}
        {props.adder?.(START, start)}
      </Line>
      {steps.map((step, place) => {
        const kind = stepKind(step.type);
        const found = counts.get(step.id);
        return (
          <Line
            key={step.id}
            {...props}
            part={step.id}
            icon={<kind.icon size={16} aria-hidden />}
            color={kind.color}
            title={`${place + 1}. ${t(`workflows.kinds.${step.type}` as "workflows.kinds.wait", { defaultValue: step.type })}`}
            says={sentences.step(step)}
          >
            {found && props.onPeople && (
              <Group gap={2}>
                <Counts figures={found} open={(which) => props.onPeople?.(step.id, which)} />
              </Group>
            )}
            {ways(step)
              .filter((way) => way.label.kind !== "plain" || places.get(way.to) !== place + 2 || props.adder)
              .map((way) => (
                <Group key={way.member} gap={6} justify="space-between" wrap="nowrap">
                  <Text size="xs" c="dimmed">
                    {[
                      sentences.way(way.label),
                      places.has(way.to)
                        ? t("workflows.goesTo", { number: places.get(way.to) })
                        : t("workflows.goesToEnd"),
                    ]
                      .filter(Boolean)
                      .join(" · ")}
                  </Text>
                  {props.adder?.(step.id, way)}
                </Group>
              ))}
          </Line>
        );
      })}
    </Stack>
  );
}

function Line({
  part,
  icon,
  color,
  title,
  says,
  children,
  ...props
}: Props & {
  part: string;
  icon: ReactNode;
  color: string;
  title: string;
  says: string;
  children: ReactNode;
}) {
  const { t } = useTranslation();
  const wrong = props.wrong?.get(part);
  const lit = props.lit && (part === "trigger" || props.lit.steps.has(part));
  return (
    <Paper
      component="li"
      withBorder
      p="sm"
      style={{ listStyle: "none", opacity: props.lit && !lit ? 0.6 : 1 }}
    >
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <ThemeIcon variant="light" color={color} radius="md">
          {icon}
        </ThemeIcon>
        <Box style={{ flex: 1, minWidth: 0 }}>
          <UnstyledButton onClick={() => props.onChoose(part)} w="100%">
            <Group gap={6} justify="space-between" wrap="nowrap">
              <Text size="xs" c="dimmed" fw={600}>
                {title}
              </Text>
              {wrong && <Badge color="red">{t("workflows.wrong")}</Badge>}
            </Group>
            <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }} lineClamp={4}>
              {says}
            </Text>
            {wrong && (
              <Text size="xs" c="red">
                {wrong}
              </Text>
            )}
          </UnstyledButton>
          {children}
        </Box>
      </Group>
    </Paper>
  );
}
