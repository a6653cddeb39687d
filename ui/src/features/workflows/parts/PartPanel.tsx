/** The form of what is chosen on the canvas: a step, how people come in, or the rules. */
import {
  ActionIcon,
  Alert,
  Button,
  CloseButton,
  Divider,
  Group,
  Paper,
  Select,
  Stack,
  Text,
  TextInput,
  ThemeIcon,
} from "@mantine/core";
import { IconCopy, IconCopyPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { formOf, merged } from "../form/context";
import { PartForm } from "../form/PartForm";
import { RulesForm } from "../form/RulesForm";
import { change, type Definition, END, lead, ordered, type Step, ways } from "../model/definition";
import type { Problem, Problems } from "../model/problems";
import { stepKind, TRIGGER_KINDS, triggerKind } from "./kinds";
import type { Sentences } from "./sentences";

type Props = {
  definition: Definition;
  part: string;
  sentences: Sentences;
  problems: Problems;
  disabled: boolean;
  onChange: (next: Definition, tag: string) => void;
  onRename: (id: string) => void;
  onClose: () => void;
  onCopy: () => void;
  onDuplicate: () => void;
  onDelete: () => void;
};

export function PartPanel(props: Props) {
  const { t } = useTranslation();
  const { definition, part } = props;
  const step = definition.steps.find((one) => one.id === part);
  const kind = step ? stepKind(step.type) : triggerKind(definition.trigger.type);
  const title = step
    ? t(`workflows.kinds.${step.type}` as "workflows.kinds.wait", { defaultValue: step.type })
    : t(part === "rules" ? "workflows.rules" : "workflows.editor.trigger");
  return (
    <Paper component="section" aria-label={title} p="md" h="100%" style={{ overflowY: "auto" }}>
      <Stack gap="md">
        <Group justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            {part !== "rules" && (
              <ThemeIcon variant="light" color={kind.color}>
                <kind.icon size={17} aria-hidden />
              </ThemeIcon>
            )}
            <Text fw={650}>{title}</Text>
          </Group>
          <Group gap={2} wrap="nowrap">
            {step && !props.disabled && (
              <>
                <Act label={t("workflows.editor.duplicate")} act={props.onDuplicate}>
                  <IconCopyPlus size={17} aria-hidden />
                </Act>
                <Act label={t("workflows.editor.copy")} act={props.onCopy}>
                  <IconCopy size={17} aria-hidden />
                </Act>
                <Act label={t("workflows.editor.delete")} act={props.onDelete}>
                  <IconTrash size={17} aria-hidden />
                </Act>
              </>
            )}
            <CloseButton onClick={props.onClose} aria-label={t("workflows.editor.closePanel")} />
          </Group>
        </Group>
        <Wrong problems={props.problems.get(part) ?? []} />
        {part === "trigger" && <Trigger {...props} />}
        {part === "rules" && <Rules {...props} />}
        {step && <StepPart key={step.id} {...props} step={step} />}
      </Stack>
    </Paper>
  );
}

function Act({ label, act, children }: { label: string; act: () => void; children: React.ReactNode }) {
  return (
    <ActionIcon variant="subtle" color="gray" size={30} onClick={act} aria-label={label} title={label}>
      {children}
    </ActionIcon>
  );
}

function Wrong({ problems }: { problems: readonly Problem[] }) {
  const { t } = useTranslation();
  if (problems.length === 0) return null;
  return (
    <Alert color="red" p="xs" title={t("workflows.wrong")}>
      {problems.map((one) => (
        <Text key={`${one.field}:${one.reason}`} size="sm" style={{ overflowWrap: "anywhere" }}>
          {one.field !== "" && `${one.field}: `}
          {one.reason}
        </Text>
      ))}
    </Alert>
  );
}

function Trigger({ definition, problems, disabled, onChange }: Props) {
  const { t } = useTranslation();
  const { trigger } = definition;
  const form = formOf(
    trigger,
    (members) =>
      onChange({ ...definition, trigger: { ...merged(trigger, members), type: trigger.type } }, "trigger"),
    problems.get("trigger") ?? [],
    disabled,
  );
  return (
    <>
      <Select
        label={t("workflows.editor.kind")}
        data={Object.keys(TRIGGER_KINDS).map((type) => ({
          value: type,
          label: t(`workflows.triggers.${type}` as "workflows.triggers.event"),
        }))}
        value={trigger.type}
        onChange={(type) =>
          type && type !== trigger.type && onChange({ ...definition, trigger: { type } }, "")
        }
        allowDeselect={false}
        disabled={disabled}
      />
      <Text size="sm" c="dimmed">
        {t(`workflows.triggerHints.${trigger.type}` as "workflows.triggerHints.event")}
      </Text>
      <PartForm key={trigger.type} form={form} type={trigger.type} />
    </>
  );
}

function Rules({ definition, problems, disabled, onChange }: Props) {
  const form = formOf(
    definition.rules,
    (members) => onChange({ ...definition, rules: merged(definition.rules, members) }, "rules"),
    problems.get("rules") ?? [],
    disabled,
  );
  return <RulesForm form={form} />;
}

function StepPart({
  definition,
  step,
  sentences,
  problems,
  disabled,
  onChange,
  onRename,
}: Props & { step: Step }) {
  const { t } = useTranslation();
  const form = formOf(
    step,
    (members) => onChange(change(definition, step.id, fitted(step, members)), `step:${step.id}`),
    problems.get(step.id) ?? [],
    disabled,
  );
  const targets = [
    ...ordered(definition).map((one, place) => ({
      value: one.id,
      label: `${place + 1}. ${sentences.step(one)}`,
    })),
    { value: END, label: t("workflows.editor.theEnd") },
  ];
  const out = ways(step);
  return (
    <>
      <PartForm form={form} type={step.type} />
      {out.length > 0 && (
        <>
          <Divider label={t("workflows.editor.leads")} labelPosition="left" />
          {out.map((way) => (
            <Select
              key={way.member}
              label={sentences.way(way.label) || t("workflows.editor.next")}
              data={targets}
              value={way.to}
              onChange={(to) => to && onChange(lead(definition, step.id, way.member, to), "")}
              error={form.error(way.member)}
              allowDeselect={false}
              searchable
              disabled={disabled}
            />
          ))}
          {(step.type === "webhook" || step.type === "action") && !disabled && (
            <Button
              size="compact-sm"
              variant="subtle"
              style={{ alignSelf: "flex-start" }}
              onClick={() =>
                onChange(change(definition, step.id, { failed: step.failed ? undefined : END }), "")
              }
            >
              {t(step.failed ? "workflows.editor.noFailedWay" : "workflows.editor.failedWay")}
            </Button>
          )}
        </>
      )}
      <Divider />
      <Name key={step.id} definition={definition} step={step} disabled={disabled} onRename={onRename} />
    </>
  );
}

/** A wait for a date has a way for who has none; a wait for anything else has not. */
function fitted(step: Step, members: Record<string, unknown>): Record<string, unknown> {
  if (step.type !== "wait_until" || !("field" in members)) return members;
  if (members.field === undefined) return { ...members, missing: undefined };
  return step.missing === undefined ? { ...members, missing: step.next } : members;
}

function Name({
  definition,
  step,
  disabled,
  onRename,
}: {
  definition: Definition;
  step: Step;
  disabled: boolean;
  onRename: (id: string) => void;
}) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState(step.id);
  const id = typed.trim();
  const taken = id === END || definition.steps.some((one) => one.id === id && one.id !== step.id);
  return (
    <TextInput
      label={t("workflows.editor.name")}
      description={t("workflows.editor.nameHint")}
      value={typed}
      maxLength={100}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => {
        if (id === "" || taken) setTyped(step.id);
        else if (id !== step.id) onRename(id);
      }}
      error={taken ? t("workflows.editor.nameTaken") : undefined}
      disabled={disabled}
    />
  );
}
