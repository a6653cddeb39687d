/** What ran before: who is inside which version, what differs, and moving people or the definition. */
import {
  Badge,
  Button,
  Group,
  Modal,
  Paper,
  Select,
  Stack,
  Table,
  Text,
  VisuallyHidden,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Migrated, WorkflowSeen } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { DialogButtons } from "~/ui/DialogButtons";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { Time } from "~/ui/Time";
import { tellDone, tellFailed } from "~/ui/tell";
import { compare, type Definition, read } from "../model/definition";
import { versionQuery, versionsQuery } from "../queries";
import type { WorkflowLook } from "../routes";
import { useSentences } from "./sentences";

type Props = { workflow: WorkflowSeen; go: (look: Partial<WorkflowLook>) => void };

export function VersionsTab({ workflow, go }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayWrite = useMay("write_campaigns");
  const versions = useQuery(versionsQuery(workflow.workflow_id));
  const [compared, setCompared] = useState<number>();
  const [moving, setMoving] = useState<number>();
  const restore = (version: number) =>
    confirm({
      title: t("workflows.restoreTitle", { number: version }),
      text: t("workflows.restoreText"),
      act: t("workflows.restore"),
      danger: false,
      onYes: async () => {
        try {
          const now = await ask(
            api.POST("/syncom/v1/workflows/{workflow_id}/versions/{version}/publish", {
              params: { path: { workflow_id: workflow.workflow_id, version } },
            }),
          );
          tellDone(t("workflows.restored", { number: now.version }));
          void client.invalidateQueries({ queryKey: ["workflow"] });
        } catch (error) {
          tellFailed(error);
        }
      },
    });
  if (versions.isError) return <Failed error={versions.error} retry={() => void versions.refetch()} />;
  return (
    <Paper withBorder p="md">
      <Table.ScrollContainer minWidth={560}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("workflows.versionHead")}</Table.Th>
              <Table.Th>{t("workflows.published")}</Table.Th>
              <Table.Th ta="end">{t("workflows.counts.inside")}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t("workflows.acts")}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {versions.data?.map((one) => {
              const newest = one.version === workflow.version;
              return (
                <Table.Tr key={one.version}>
                  <Table.Td>
                    {one.version} {newest && <Badge ml={6}>{t("workflows.newest")}</Badge>}
                  </Table.Td>
                  <Table.Td>
                    <Time at={one.published_at} />
                  </Table.Td>
                  <Table.Td ta="end">{number(one.inside)}</Table.Td>
                  <Table.Td>
                    <Group gap="xs" justify="flex-end">
                      <Button
                        size="xs"
                        variant="subtle"
                        onClick={() =>
                          go({ tab: "canvas", version: newest ? undefined : one.version, part: undefined })
                        }
                      >
                        {t("workflows.look")}
                      </Button>
                      {!newest && (
                        <Button size="xs" variant="subtle" onClick={() => setCompared(one.version)}>
                          {t("workflows.compare")}
                        </Button>
                      )}
                      {!newest && mayWrite && one.inside > 0 && (
                        <Button size="xs" variant="light" onClick={() => setMoving(one.version)}>
                          {t("workflows.movePeople")}
                        </Button>
                      )}
                      {!newest && mayWrite && (
                        <Button size="xs" variant="default" onClick={() => restore(one.version)}>
                          {t("workflows.restore")}
                        </Button>
                      )}
                    </Group>
                  </Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {compared !== undefined && (
        <Compare workflow={workflow} version={compared} onClose={() => setCompared(undefined)} />
      )}
      {moving !== undefined && (
        <Moving workflow={workflow} version={moving} onClose={() => setMoving(undefined)} />
      )}
    </Paper>
  );
}

function Compare({
  workflow,
  version,
  onClose,
}: {
  workflow: WorkflowSeen;
  version: number;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const older = useQuery(versionQuery(workflow.workflow_id, version));
  return (
    <Modal
      closeButtonProps={{ "aria-label": t("common.close") }}
      opened
      onClose={onClose}
      size="lg"
      title={t("workflows.comparing", { older: version, newer: workflow.version })}
    >
      {older.isError && <Failed error={older.error} />}
      {older.data && <Differences before={read(older.data.definition)} after={read(workflow.definition)} />}
    </Modal>
  );
}

/** What differs between two definitions, step by step. */
export function Differences({ before, after }: { before: Definition; after: Definition }) {
  const { t } = useTranslation();
  const then = useSentences(before);
  const now = useSentences(after);
  const changes = compare(before, after);
  if (changes.length === 0) return <Text size="sm">{t("workflows.noDifference")}</Text>;
  const said = (definition: Definition, sentences: typeof now, id: string) => {
    if (id === "trigger") return sentences.trigger(definition.trigger);
    if (id === "rules") return t("workflows.rules");
    const step = definition.steps.find((one) => one.id === id);
    return step ? sentences.step(step) : undefined;
  };
  return (
    <Stack gap="xs">
      {changes.map(({ id, kind }) => {
        const was = said(before, then, id);
        const is = said(after, now, id);
        return (
          <Group key={`${id}:${kind}`} wrap="nowrap" align="flex-start" gap="sm">
            <Badge variant="default" miw={110} tt="none">
              {t(`workflows.changes.${kind}`)}
            </Badge>
            <div style={{ minWidth: 0 }}>
              {was !== undefined && was !== is && (
                <Text size="sm" c="dimmed" td="line-through" style={{ overflowWrap: "anywhere" }}>
                  {was}
                </Text>
              )}
              {is !== undefined && (
                <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                  {is}
                </Text>
              )}
              <Text size="xs" c="dimmed">
                {id}
              </Text>
            </div>
          </Group>
        );
      })}
    </Stack>
  );
}

/** Where those inside an older version would go, and moving them. */
function Moving({
  workflow,
  version,
  onClose,
}: {
  workflow: WorkflowSeen;
  version: number;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const id = workflow.workflow_id;
  const [mapping, setMapping] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const older = useQuery(versionQuery(id, version));
  const before = older.data ? read(older.data.definition) : undefined;
  const after = read(workflow.definition);
  const then = useSentences(before);
  const now = useSentences(after);
  const migrate = (dry_run: boolean) =>
    ask(
      api.POST("/syncom/v1/workflows/{workflow_id}/migrate", {
        params: { path: { workflow_id: id } },
        body: { from_version: version, mapping, dry_run },
      }),
    );
  const plan = useQuery({
    queryKey: ["workflow", id, "migration", version, mapping],
    queryFn: () => migrate(true),
  });
  const act = async () => {
    setBusy(true);
    try {
      const moved = await migrate(false);
      tellDone(t("workflows.moved", { count: total(moved.filter((one) => one.to_step !== null)) }));
      void client.invalidateQueries({ queryKey: ["workflow"] });
      onClose();
    } catch (error) {
      tellFailed(error);
    } finally {
      setBusy(false);
    }
  };
  const steps = after.steps.map((step) => ({ value: step.id, label: now.step(step) }));
  return (
    <Modal
      closeButtonProps={{ "aria-label": t("common.close") }}
      opened
      onClose={onClose}
      size="lg"
      title={t("workflows.movingTitle", { number: version })}
    >
      <Stack>
        <Text size="sm">{t("workflows.movingText")}</Text>
        {plan.isError && <Failed error={plan.error} />}
        {plan.data?.map((one) => {
          const step = before?.steps.find((found) => found.id === one.from_step);
          const calls = step?.type === "webhook" || step?.type === "action";
          return (
            <Group key={one.from_step} wrap="nowrap" align="flex-end" grow preventGrowOverflow={false}>
              <div style={{ flex: 1, minWidth: 0 }}>
                <Text size="sm" fw={600}>
                  {t("workflows.people", { count: one.contacts })}
                </Text>
                <Text size="sm" c="dimmed">
                  {step ? then.step(step) : one.from_step}
                </Text>
              </div>
              <Select
                label={t("workflows.goTo")}
                placeholder={t("workflows.stay")}
                data={steps}
                value={one.to_step}
                disabled={calls}
                description={calls ? t("workflows.stayForAnswer") : undefined}
                onChange={(to) => to && setMapping({ ...mapping, [one.from_step]: to })}
                searchable
              />
            </Group>
          );
        })}
        {plan.data?.length === 0 && <Text size="sm">{t("workflows.nobodyToMove")}</Text>}
        <DialogButtons onClose={onClose}>
          <Button
            loading={busy}
            disabled={!plan.data?.some((one) => one.to_step !== null)}
            onClick={() => void act()}
          >
            {t("workflows.movePeople")}
          </Button>
        </DialogButtons>
      </Stack>
    </Modal>
  );
}

function total(moved: readonly Migrated[]): number {
  return moved.reduce((sum, one) => sum + one.contacts, 0);
}
