import {
  Alert,
  Badge,
  Button,
  Group,
  Paper,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Tabs,
  Text,
  Title,
} from "@mantine/core";
import { IconFlask, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { AppActionDetails, AppConnection, RunDone } from "~/api/schema";
import { useMay } from "~/api/session";
import { Copy } from "~/ui/Copy";
import { confirm } from "~/ui/confirm";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { EffectOf } from "../parts/EffectOf";
import { asCommand, asCurl, asTool } from "../parts/equivalents";
import { Frame } from "../parts/Frame";
import { Json } from "../parts/Json";
import { JsonField, SchemaForm } from "../parts/SchemaForm";
import { filled, missing, type Schema } from "../parts/schema";
import { actionQuery, addressesQuery, appActionsQuery, connectionsQuery } from "../queries";

const route = getRouteApi("/integrations/playground");

export function PlaygroundPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = useNavigate();
  const connections = useQuery(connectionsQuery);
  const action = useQuery(actionQuery(search.action ?? ""));
  const all = connections.data?.items ?? [];
  const usable = all.filter((one) => one.works);
  // A link to an action alone means the connection with its app.
  const connection =
    usable.find((one) => one.connection_id === search.connection) ??
    (search.connection === undefined
      ? (usable.find((one) => one.app_key === action.data?.app_key) ??
        (search.action ? undefined : usable[0]))
      : undefined);
  const actions = useQuery(appActionsQuery(connection?.app_key ?? ""));
  const fits = action.data && connection && action.data.app_key === connection.app_key;
  if (connections.isError)
    return (
      <Frame title={t("integrations.places.playground")}>
        <Failed error={connections.error} retry={() => void connections.refetch()} />
      </Frame>
    );
  if (connections.isSuccess && usable.length === 0)
    return (
      <Frame title={t("integrations.places.playground")} soft={t("integrations.playground.soft")}>
        <Empty
          icon={<IconFlask />}
          title={t("integrations.playground.none")}
          action={
            <Button renderRoot={(props) => <Link {...props} to="/integrations" />}>
              {t("integrations.connection.choose")}
            </Button>
          }
        >
          {t("integrations.playground.noneHint")}
        </Empty>
      </Frame>
    );
  return (
    <Frame title={t("integrations.places.playground")} soft={t("integrations.playground.soft")}>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Select
          label={t("integrations.playground.connection")}
          data={usable.map((one) => ({ value: one.connection_id, label: `${one.name} (${one.app_name})` }))}
          value={connection?.connection_id ?? null}
          searchable
          allowDeselect={false}
          onChange={(id) =>
            void navigate({ to: "/integrations/playground", search: { connection: id ?? undefined } })
          }
        />
        <Select
          label={t("integrations.playground.action")}
          placeholder={t("integrations.playground.chooseAction")}
          data={(actions.data?.items ?? []).map((one) => ({ value: one.action_id, label: one.name }))}
          value={fits ? (search.action ?? null) : null}
          searchable
          limit={60}
          allowDeselect={false}
          disabled={!connection}
          onChange={(id) =>
            void navigate({
              to: "/integrations/playground",
              search: { connection: connection?.connection_id, action: id ?? undefined },
            })
          }
        />
      </SimpleGrid>
      {action.isError && search.action && <Failed error={action.error} retry={() => void action.refetch()} />}
      {fits && <Trial key={action.data.action_id} action={action.data} connection={connection} />}
    </Frame>
  );
}

function Trial({ action, connection }: { action: AppActionDetails; connection: AppConnection }) {
  const { t } = useTranslation();
  const schema = action.input_schema as Schema;
  const hasForm = Object.keys(schema.properties ?? {}).length > 0;
  const [values, setValues] = useState<Record<string, unknown>>(() => defaults(schema));
  const [json, setJson] = useState(!hasForm);
  const mayRun = useMay("send");
  const client = useQueryClient();
  const input = filled(values) as Record<string, unknown>;
  const lacks = missing(schema, input);
  const run = useMutation({
    mutationFn: (dry: boolean) =>
      ask(
        api.POST("/syncom/v1/integrations/runs", {
          body: {
            connection_id: connection.connection_id,
            action_id: action.action_id,
            input,
            dry_run: dry,
          },
        }),
      ),
    onSettled: () => void client.invalidateQueries({ queryKey: ["run"] }),
  });
  const start = () => {
    if (action.effect !== "destructive") run.mutate(false);
    else
      confirm({
        title: t("integrations.playground.ask", { name: action.name }),
        text: t("integrations.playground.askText", { app: connection.app_name }),
        act: t("integrations.playground.run"),
        onYes: () => run.mutate(false),
      });
  };
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Paper withBorder p="md">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Title order={2}>{action.name}</Title>
          <EffectOf action={action} />
        </Group>
        <Text size="sm" c="dimmed" mb="sm" style={{ overflowWrap: "anywhere" }}>
          {action.description}
        </Text>
        {hasForm && (
          <Switch
            mb="sm"
            label={t("integrations.playground.asJson")}
            checked={json}
            onChange={(event) => setJson(event.currentTarget.checked)}
          />
        )}
        {json ? (
          <JsonField
            label={t("integrations.playground.input")}
            minRows={6}
            value={values}
            onChange={(next) => setValues(isObject(next) ? next : {})}
          />
        ) : (
          <SchemaForm schema={schema} value={values} onChange={setValues} />
        )}
        <Group mt="md">
          {mayRun && (
            <Button
              leftSection={<IconPlayerPlay size={18} aria-hidden />}
              color={action.effect === "destructive" ? "red" : undefined}
              loading={run.isPending}
              disabled={lacks.length > 0}
              onClick={start}
            >
              {t("integrations.playground.run")}
            </Button>
          )}
          {mayRun && (
            <Button
              variant="default"
              disabled={lacks.length > 0 || run.isPending}
              onClick={() => run.mutate(true)}
            >
              {t("integrations.playground.dry")}
            </Button>
          )}
        </Group>
        {lacks.length > 0 && (
          <Text size="sm" c="dimmed" mt="xs">
            {t("integrations.playground.lacks", { fields: lacks.join(", ") })}
          </Text>
        )}
      </Paper>
      <Stack>
        <Paper withBorder p="md" aria-live="polite">
          <Title order={2} mb="xs">
            {t("integrations.playground.answer")}
          </Title>
          {run.isError ? (
            <Failed error={run.error} />
          ) : run.data ? (
            <Answer done={run.data} />
          ) : (
            <Text size="sm" c="dimmed">
              {t("integrations.playground.notRun")}
            </Text>
          )}
        </Paper>
        <Elsewhere action={action.key} connection={connection.connection_id} input={input} />
      </Stack>
    </SimpleGrid>
  );
}

function Answer({ done }: { done: RunDone }) {
  const { t } = useTranslation();
  const dry = done.preview !== null;
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <Badge color={done.status === "success" ? "teal" : "red"}>
          {t(dry ? "integrations.playground.wouldSend" : `integrations.runs.states.${done.status}`)}
        </Badge>
        <Link to="/integrations/runs" search={{ run: done.run_id }}>
          {t("integrations.playground.record")}
        </Link>
      </Group>
      {done.problem !== "" && (
        <Alert color="red" p="xs">
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {done.problem}
          </Text>
        </Alert>
      )}
      {done.status === "success" && (
        <Json value={dry ? done.preview : done.output} label={t("integrations.playground.answer")} />
      )}
    </Stack>
  );
}

function Elsewhere({ action, connection, input }: { action: string; connection: string; input: unknown }) {
  const { t } = useTranslation();
  const addresses = useQuery(addressesQuery);
  const call = { action, connection, input };
  return (
    <Paper withBorder p="md">
      <Title order={2} mb="xs">
        {t("integrations.playground.same")}
      </Title>
      <Tabs defaultValue="cli">
        <Tabs.List mb="xs">
          <Tabs.Tab value="cli">{t("integrations.playground.cli")}</Tabs.Tab>
          <Tabs.Tab value="mcp">MCP</Tabs.Tab>
          <Tabs.Tab value="curl">curl</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="cli">
          <Copy block text={asCommand(call)} />
        </Tabs.Panel>
        <Tabs.Panel value="mcp">
          <Copy block text={asTool(call)} />
        </Tabs.Panel>
        <Tabs.Panel value="curl">
          <Copy block text={asCurl(call, addresses.data?.api_url ?? `${window.location.origin}/membrane`)} />
        </Tabs.Panel>
      </Tabs>
    </Paper>
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What the schema says is meant when nothing is said, where that is required. */
function defaults(schema: Schema): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const name of schema.required ?? []) {
    const value = schema.properties?.[name]?.default;
    if (value !== undefined) found[name] = value;
  }
  return found;
}
