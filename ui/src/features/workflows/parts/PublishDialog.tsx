/** Before changes take effect: what changes, how many people are where, and what will happen to them. */
import {
  Alert,
  Badge,
  Button,
  Modal,
  Radio,
  Select,
  Skeleton,
  Stack,
  Switch,
  Text,
  Title,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import type { WorkflowSeen } from "~/api/schema";
import { useMay } from "~/api/session";
import { DialogButtons } from "~/ui/DialogButtons";
import { Failed } from "~/ui/Failed";
import { tellDone } from "~/ui/tell";
import { counterpart, same } from "../model/definition";
import { stepsQuery, versionsQuery } from "../queries";
import type { Sentences } from "./sentences";
import { useSentences } from "./sentences";
import type { Editing } from "./useEditing";
import { Differences } from "./VersionsTab";

type Props = {
  workflow: WorkflowSeen;
  editing: Editing;
  sentences: Sentences;
  /** Opened to start it. */
  start: boolean;
  onClose: () => void;
};

export function PublishDialog({ workflow, editing, sentences, start, onClose }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const maySend = useMay("send");
  const id = workflow.workflow_id;
  const { definition, published, drafted } = editing;
  const rests = workflow.status === "draft" || workflow.status === "stopped";
  const [starts, setStarts] = useState(start || (rests && maySend));
  const [moves, setMoves] = useState(false);
  const [mapping, setMapping] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const figures = useQuery({ ...stepsQuery(id), refetchInterval: false });
  const versions = useQuery(versionsQuery(id));
  const then = useSentences(published);
  const standing = (figures.data?.steps ?? [])
    .map((one) => ({ id: one.step_id, count: one.waiting + one.failed }))
    .filter((one) => one.count > 0);
  const older = (versions.data ?? [])
    .filter((one) => one.version !== workflow.version)
    .reduce((sum, one) => sum + one.inside, 0);
  const conflict = failure instanceof Failure && failure.code === "conflict";
  const changes = drafted && !same(definition, published);

  const act = async (overwrite: boolean) => {
    setBusy(true);
    setFailure(undefined);
    try {
      let version = workflow.version;
      if (drafted) {
        if (!(await editing.settle())) throw new Failure(0, "offline", "", "");
        if (editing.draft || changes) {
          const now = await ask(
            api.POST("/syncom/v1/workflows/{workflow_id}/publish", {
              params: { path: { workflow_id: id } },
              body: { overwrite },
            }),
          );
          version = now.version;
          if (moves && standing.length > 0)
            await ask(
              api.POST("/syncom/v1/workflows/{workflow_id}/migrate", {
                params: { path: { workflow_id: id } },
                body: { from_version: workflow.version, mapping, dry_run: false },
              }),
            );
          editing.publishedAs(now);
        }
      }
      if (starts)
        await ask(
          api.POST("/syncom/v1/workflows/{workflow_id}/start", { params: { path: { workflow_id: id } } }),
        );
      tellDone(starts ? t("workflows.did.start") : t("workflows.editor.publishedAs", { number: version }));
      onClose();
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
      void client.invalidateQueries({ queryKey: ["workflow"] });
    }
  };

  const broken = [...editing.problems].flatMap(([key, found]) => found.map((one) => ({ key, ...one })));
  const steps = definition.steps.map((step) => ({ value: step.id, label: sentences.step(step) }));
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t(drafted ? "workflows.editor.publishTitle" : "workflows.start")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        {broken.length > 0 && (
          <Alert color="red" title={t("workflows.editor.problemsTitle")}>
            {broken.map((one) => {
              const step = definition.steps.find((found) => found.id === one.key);
              return (
                <Text
                  key={`${one.key}:${one.field}:${one.reason}`}
                  size="sm"
                  style={{ overflowWrap: "anywhere" }}
                >
                  {step ? sentences.step(step) : one.key === "trigger" ? t("workflows.editor.trigger") : ""}
                  {one.key !== "" && ": "}
                  {one.reason}
                </Text>
              );
            })}
          </Alert>
        )}
        {drafted && (
          <section>
            <Title order={3} mb={6}>
              {t("workflows.editor.whatChanges")}
            </Title>
            <Differences before={published} after={definition} />
          </section>
        )}
        {drafted && workflow.status !== "draft" && (
          <section>
            <Title order={3} mb={6}>
              {t("workflows.editor.whoIsInside")}
            </Title>
            {figures.isPending && <Skeleton height={40} />}
            {figures.data && standing.length === 0 && (
              <Text size="sm">{t("workflows.editor.nobodyInside")}</Text>
            )}
            {standing.length > 0 && (
              <Stack gap="sm">
                <Radio.Group
                  value={moves ? "move" : "stay"}
                  onChange={(next) => setMoves(next === "move")}
                  aria-label={t("workflows.editor.whoIsInside")}
                >
                  <Stack gap={6}>
                    <Radio value="stay" label={t("workflows.editor.stayOn")} />
                    <Radio value="move" label={t("workflows.editor.moveOn")} />
                  </Stack>
                </Radio.Group>
                {standing.map((one) => {
                  const step = published.steps.find((found) => found.id === one.id);
                  const fate = step ? counterpart(step, definition) : "none";
                  return (
                    <div key={one.id}>
                      <Text size="sm">
                        <b>{t("workflows.people", { count: one.count })}</b> ·{" "}
                        {step ? then.step(step) : one.id}
                      </Text>
                      {moves && fate !== "none" && (
                        <Badge variant="default" tt="none" maw="100%">
                          {t(`workflows.editor.${fate}`)}
                        </Badge>
                      )}
                      {moves && fate === "none" && (
                        <Select
                          aria-label={t("workflows.goTo")}
                          placeholder={t("workflows.stay")}
                          description={t("workflows.editor.none")}
                          data={steps}
                          value={mapping[one.id] ?? null}
                          onChange={(to) => {
                            const next = { ...mapping };
                            if (to) next[one.id] = to;
                            else delete next[one.id];
                            setMapping(next);
                          }}
                          clearable
                          searchable
                        />
                      )}
                    </div>
                  );
                })}
              </Stack>
            )}
            {older > 0 && (
              <Text size="xs" c="dimmed" mt={6}>
                {t("workflows.editor.older", { count: older })}
              </Text>
            )}
          </section>
        )}
        {rests && maySend && drafted && (
          <Switch
            label={t("workflows.editor.startNow")}
            description={t("workflows.editor.startText")}
            checked={starts}
            onChange={(event) => setStarts(event.currentTarget.checked)}
          />
        )}
        {conflict ? (
          <Alert color="orange" title={failure.message}>
            <Text size="sm">{t("workflows.editor.newerText")}</Text>
          </Alert>
        ) : (
          failure !== undefined && <Failed error={failure} />
        )}
        <DialogButtons onClose={onClose}>
          {conflict ? (
            <Button color="red" loading={busy} onClick={() => void act(true)}>
              {t("workflows.editor.overwrite")}
            </Button>
          ) : (
            <Button
              loading={busy}
              disabled={broken.length > 0}
              onClick={() => void act(false)}
              data-autofocus
            >
              {t(
                !drafted
                  ? "workflows.start"
                  : starts
                    ? "workflows.editor.publishAndStart"
                    : "workflows.editor.publish",
              )}
            </Button>
          )}
        </DialogButtons>
      </Stack>
    </Modal>
  );
}
