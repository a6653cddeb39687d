import {
  Alert,
  Button,
  Group,
  Menu,
  Paper,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { IconPlayerPlay, IconPlugConnected, IconStethoscope } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { AppConnection } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { MoreMenu } from "~/ui/MoreMenu";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { Health, stateOf } from "../parts/Health";
import { Pulls } from "../parts/Pulls";
import { connectionQuery, useAct, useConnect } from "../queries";

const route = getRouteApi("/integrations/connections/$id");

export function ConnectionPage() {
  const { t } = useTranslation();
  const { id } = route.useParams();
  const found = useQuery(connectionQuery(id));
  const crumbs = [
    { label: t("nav.integrations"), to: "/integrations" as const },
    { label: t("integrations.places.connections"), to: "/integrations/connections" as const },
  ];
  if (found.isError)
    return (
      <Page title={t("integrations.places.connections")} crumbs={crumbs}>
        <Failed error={found.error} retry={() => void found.refetch()} />
      </Page>
    );
  if (found.isPending)
    return (
      <Page title={t("integrations.places.connections")} crumbs={crumbs}>
        <Skeleton h={200} radius="lg" aria-label={t("common.loading")} />
      </Page>
    );
  return (
    <Page title={found.data.name} crumbs={crumbs} actions={<Deeds connection={found.data} />}>
      <How connection={found.data} />
      <Pulls connection={found.data} />
    </Page>
  );
}

function How({ connection }: { connection: AppConnection }) {
  const { t } = useTranslation();
  const state = stateOf(connection);
  const facts = [
    [
      t("integrations.connection.app"),
      <Link key="app" to="/integrations/$connector" params={{ connector: connection.app_key }}>
        {connection.app_name}
      </Link>,
    ],
    [t("integrations.connection.made"), <Time key="made" at={connection.created_at} />],
    [
      t("integrations.connection.used"),
      connection.last_active_at ? (
        <Time key="used" at={connection.last_active_at} relative />
      ) : (
        t("integrations.never")
      ),
    ],
    [
      t("integrations.connection.renews"),
      connection.refresh_at ? <Time key="renews" at={connection.refresh_at} relative /> : t("common.no"),
    ],
  ] as const;
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Group>
          <Health connection={connection} />
          <Text size="sm">{t(`integrations.explained.${state}`)}</Text>
        </Group>
        {connection.problem !== "" && (
          <Alert color="red" p="xs" title={t("integrations.connection.problem")}>
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {connection.problem}
            </Text>
          </Alert>
        )}
        <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} component="dl" m={0}>
          {facts.map(([name, value]) => (
            <div key={name}>
              <Text component="dt" size="xs" c="dimmed">
                {name}
              </Text>
              <Text component="dd" m={0} size="sm">
                {value}
              </Text>
            </div>
          ))}
        </SimpleGrid>
      </Stack>
    </Paper>
  );
}

function Deeds({ connection }: { connection: AppConnection }) {
  const { t } = useTranslation();
  const manages = useMay("manage_settings");
  const runs = useMay("send");
  const navigate = useNavigate();
  const [renaming, setRenaming] = useState(false);
  const connect = useConnect();
  const path = { params: { path: { connection_id: connection.connection_id } } };
  const test = useAct(() => ask(api.POST("/syncom/v1/integrations/connections/{connection_id}/test", path)), {
    renews: "connection",
    done: (answer) =>
      answer.works && tellDone(t("integrations.connection.tested", { name: connection.name })),
  });
  const restore = useAct(
    () => ask(api.POST("/syncom/v1/integrations/connections/{connection_id}/restore", path)),
    { renews: "connection" },
  );
  const remove = useAct(() => ask(api.DELETE("/syncom/v1/integrations/connections/{connection_id}", path)), {
    renews: "connection",
    done: () => {
      tellDone(t("integrations.connection.deleted", { name: connection.name }), () =>
        restore.mutate(undefined),
      );
      void navigate({ to: "/integrations/connections", search: {} });
    },
  });
  const disconnect = useAct(
    () => ask(api.POST("/syncom/v1/integrations/connections/{connection_id}/disconnect", path)),
    { renews: "connection", done: () => tellDone(t("integrations.connection.disconnected")) },
  );
  return (
    <>
      {runs && connection.works && (
        <Button
          leftSection={<IconPlayerPlay size={18} aria-hidden />}
          renderRoot={(props) => (
            <Link
              {...props}
              to="/integrations/playground"
              search={{ connection: connection.connection_id }}
            />
          )}
        >
          {t("integrations.connection.try")}
        </Button>
      )}
      {manages && (
        <>
          {!connection.works && (
            <Button
              leftSection={<IconPlugConnected size={18} aria-hidden />}
              loading={connect.isPending}
              onClick={() => connect.mutate({ again: connection.connection_id })}
            >
              {t("integrations.connection.reconnect")}
            </Button>
          )}
          <Button
            variant="default"
            leftSection={<IconStethoscope size={18} aria-hidden />}
            loading={test.isPending}
            onClick={() => test.mutate(undefined)}
          >
            {t("integrations.connection.test")}
          </Button>
          <MoreMenu label={t("integrations.connection.more")} beside>
            <Menu.Item onClick={() => setRenaming(true)}>{t("integrations.connection.rename")}</Menu.Item>
            {connection.works && (
              <Menu.Item onClick={() => connect.mutate({ again: connection.connection_id })}>
                {t("integrations.connection.reconnect")}
              </Menu.Item>
            )}
            <Menu.Item
              onClick={() =>
                confirm({
                  title: t("integrations.connection.disconnectAsk", { name: connection.name }),
                  text: t("integrations.connection.disconnectText"),
                  act: t("integrations.connection.disconnect"),
                  onYes: () => disconnect.mutate(undefined),
                })
              }
            >
              {t("integrations.connection.disconnect")}
            </Menu.Item>
            <Menu.Item color="red" onClick={() => remove.mutate(undefined)}>
              {t("common.delete")}
            </Menu.Item>
          </MoreMenu>
        </>
      )}
      {renaming && <Rename connection={connection} onEnd={() => setRenaming(false)} />}
    </>
  );
}

function Rename({ connection, onEnd }: { connection: AppConnection; onEnd: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(connection.name);
  const rename = useAct(
    () =>
      ask(
        api.PATCH("/syncom/v1/integrations/connections/{connection_id}", {
          params: { path: { connection_id: connection.connection_id } },
          body: { name },
        }),
      ),
    { renews: "connection", done: onEnd },
  );
  return (
    <Group
      component="form"
      gap="xs"
      onSubmit={(event: React.FormEvent) => {
        event.preventDefault();
        rename.mutate(undefined);
      }}
    >
      <TextInput
        aria-label={t("common.name")}
        value={name}
        maxLength={200}
        data-autofocus
        dir="auto"
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Button type="submit" loading={rename.isPending} disabled={name.trim() === ""}>
        {t("common.save")}
      </Button>
      <Button variant="default" onClick={onEnd}>
        {t("common.cancel")}
      </Button>
    </Group>
  );
}
