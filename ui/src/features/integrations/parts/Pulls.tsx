/** Contacts and orders that come out of a connected app by themselves. */
import {
  Alert,
  Badge,
  Button,
  Group,
  Modal,
  NumberInput,
  Paper,
  Select,
  Skeleton,
  Stack,
  Switch,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconDownload, IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { AppConnection, Pull, PullInput } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { appActionsQuery, pullsQuery, useAct } from "../queries";
import { Json } from "./Json";
import { JsonField } from "./SchemaForm";

export function Pulls({ connection }: { connection: AppConnection }) {
  const { t } = useTranslation();
  const pulls = useQuery(pullsQuery);
  const [making, setMaking] = useState(false);
  const manages = useMay("manage_settings");
  const mine = pulls.data?.items.filter((one) => one.connection_id === connection.connection_id) ?? [];
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="xs">
        <Title order={2}>{t("integrations.pulls.title")}</Title>
        {manages && connection.works && (
          <Button
            size="xs"
            variant="light"
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() => setMaking(true)}
          >
            {t("integrations.pulls.add")}
          </Button>
        )}
      </Group>
      {pulls.isPending && <Skeleton h={48} aria-label={t("common.loading")} />}
      {pulls.isError && <Failed error={pulls.error} retry={() => void pulls.refetch()} />}
      {pulls.isSuccess && mine.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("integrations.pulls.none")}
        </Text>
      )}
      <Stack gap="sm">
        {mine.map((pull) => (
          <OnePull key={pull.pull_id} pull={pull} manages={manages} />
        ))}
      </Stack>
      {making && <MakePull connection={connection} onClose={() => setMaking(false)} />}
    </Paper>
  );
}

function OnePull({ pull, manages }: { pull: Pull; manages: boolean }) {
  const { t } = useTranslation();
  const path = { params: { path: { pull_id: pull.pull_id } } };
  const run = useAct(() => ask(api.POST("/syncom/v1/pulls/{pull_id}/run", path)), {
    renews: "pull",
    done: (answer) => tellDone(t("integrations.pulls.ran", { count: answer.last_result?.rows ?? 0 })),
  });
  const rest = useAct(
    () =>
      ask(
        pull.enabled
          ? api.POST("/syncom/v1/pulls/{pull_id}/pause", path)
          : api.POST("/syncom/v1/pulls/{pull_id}/resume", path),
      ),
    { renews: "pull" },
  );
  const remove = useAct(() => ask(api.DELETE("/syncom/v1/pulls/{pull_id}", path)), {
    renews: "pull",
    done: () => tellDone(t("integrations.pulls.removed", { name: pull.name })),
  });
  const result = pull.last_result;
  return (
    <Group justify="space-between" align="flex-start" gap="sm">
      <div style={{ minWidth: 0, flex: 1 }}>
        <Group gap="xs">
          <Text fw={600} size="sm" dir="auto" style={{ overflowWrap: "anywhere" }}>
            {pull.name}
          </Text>
          <Badge color={pull.last_error ? "red" : pull.enabled ? "teal" : "gray"}>
            {t(
              pull.last_error
                ? "integrations.pulls.failed"
                : pull.enabled
                  ? "integrations.pulls.on"
                  : "integrations.pulls.paused",
            )}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed" component="div">
          {t(`integrations.pulls.kinds.${pull.kind}`)} · {pull.action}
          {pull.last_run_at && (
            <>
              {" · "}
              <Time at={pull.last_run_at} relative />
            </>
          )}
          {result &&
            ` · ${t("integrations.pulls.result", { created: result.created, updated: result.updated, refused: result.refused })}`}
        </Text>
        {pull.last_error && (
          <Text size="sm" c="var(--mantine-color-error)" style={{ overflowWrap: "anywhere" }}>
            {pull.last_error}
          </Text>
        )}
      </div>
      {manages && (
        <Group gap="xs">
          <Button
            size="compact-sm"
            variant="light"
            loading={run.isPending}
            onClick={() => run.mutate(undefined)}
          >
            {t("integrations.pulls.run")}
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            loading={rest.isPending}
            onClick={() => rest.mutate(undefined)}
          >
            {t(pull.enabled ? "integrations.pulls.pause" : "integrations.pulls.resume")}
          </Button>
          <Button
            size="compact-sm"
            variant="subtle"
            color="red"
            onClick={() =>
              confirm({
                title: t("integrations.pulls.removeAsk", { name: pull.name }),
                text: t("integrations.pulls.removeText"),
                act: t("common.remove"),
                onYes: () => remove.mutate(undefined),
              })
            }
          >
            {t("common.remove")}
          </Button>
        </Group>
      )}
    </Group>
  );
}

type Draft = {
  name: string;
  kind: "contacts" | "orders";
  action: string | null;
  rows: string;
  input: Record<string, unknown>;
  mapping: Record<string, unknown>;
  subscribed: boolean;
  every: number;
};

function MakePull({ connection, onClose }: { connection: AppConnection; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const actions = useQuery(appActionsQuery(connection.app_key));
  const reading = (actions.data?.items ?? []).filter((one) => one.effect === "read");
  const body = (values: Draft): PullInput => ({
    name: values.name,
    kind: values.kind,
    connection_id: connection.connection_id,
    action: values.action ?? "",
    rows: values.rows,
    input: values.input,
    mapping: values.mapping,
    subscribed: values.subscribed,
    every: values.every * 60,
  });
  const { form, submit, sending, failure } = useServerForm<Draft, Pull>({
    initialValues: {
      name: "",
      kind: "contacts",
      action: null,
      rows: "$",
      input: {},
      mapping: {},
      subscribed: false,
      every: 60,
    },
    send: (values) => ask(api.POST("/syncom/v1/pulls", { body: body(values) })),
    onDone: (pull) => {
      void client.invalidateQueries({ queryKey: ["pull"] });
      tellDone(t("integrations.pulls.added", { name: pull.name }));
      onClose();
    },
  });
  const preview = useMutation({
    mutationFn: () => ask(api.POST("/syncom/v1/pulls/preview", { body: body(form.getValues()) })),
  });
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t("integrations.pulls.add")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={t("common.name")}
            required
            data-autofocus
            dir="auto"
            {...form.getInputProps("name")}
          />
          <Group grow align="flex-start">
            <Select
              label={t("integrations.pulls.kind")}
              allowDeselect={false}
              data={(["contacts", "orders"] as const).map((kind) => ({
                value: kind,
                label: t(`integrations.pulls.kinds.${kind}`),
              }))}
              {...form.getInputProps("kind")}
            />
            <NumberInput
              label={t("integrations.pulls.every")}
              min={0}
              allowDecimal={false}
              {...form.getInputProps("every")}
            />
          </Group>
          <Select
            label={t("integrations.pulls.action")}
            required
            searchable
            limit={60}
            data={reading.map((one) => ({ value: one.key, label: one.name }))}
            {...form.getInputProps("action")}
          />
          <TextInput
            label={t("integrations.pulls.rows")}
            description={t("integrations.pulls.rowsHint")}
            {...form.getInputProps("rows")}
          />
          <JsonField
            label={t("integrations.pulls.mapping")}
            description={t("integrations.pulls.mappingHint")}
            value={undefined}
            onChange={(value) => form.setFieldValue("mapping", (value ?? {}) as Draft["mapping"])}
          />
          <JsonField
            label={t("integrations.pulls.input")}
            value={undefined}
            onChange={(value) => form.setFieldValue("input", (value ?? {}) as Draft["input"])}
          />
          <Switch
            label={t("integrations.pulls.subscribed")}
            description={t("integrations.pulls.subscribedHint")}
            {...form.getInputProps("subscribed", { type: "checkbox" })}
          />
          {failure !== undefined && <Failed error={failure} />}
          {preview.isError && <Failed error={preview.error} />}
          {preview.data && (
            <Stack gap="xs">
              {preview.data.problems.length > 0 && (
                <Alert color="yellow" p="xs">
                  {preview.data.problems
                    .slice(0, 5)
                    .map((one) => `${one.row + 1}: ${one.field} ${one.reason}`)
                    .join("; ")}
                </Alert>
              )}
              <Json value={preview.data.rows} label={t("integrations.pulls.preview")} />
            </Stack>
          )}
          <Group justify="flex-end">
            <Button
              variant="light"
              leftSection={<IconDownload size={16} aria-hidden />}
              disabled={form.values.action === null}
              loading={preview.isPending}
              onClick={() => preview.mutate()}
            >
              {t("integrations.pulls.preview")}
            </Button>
            <Button type="submit" loading={sending}>
              {t("common.create")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
