import {
  Alert,
  Anchor,
  Badge,
  Button,
  Group,
  List,
  Paper,
  Skeleton,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconPlugConnected, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { AppAction, AuthChoice } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { listState } from "~/ui/pages";
import { EffectOf } from "../parts/EffectOf";
import { Health } from "../parts/Health";
import { Logo } from "../parts/Logo";
import { appActionsQuery, appQuery, connectionsQuery, useConnect } from "../queries";

const route = getRouteApi("/integrations/$connector");

export function AppPage() {
  const { t } = useTranslation();
  const { connector } = route.useParams();
  const app = useQuery(appQuery(connector));
  const connections = useQuery(connectionsQuery);
  const mine = connections.data?.items.filter((one) => one.app_key === connector) ?? [];
  const mayConnect = useMay("manage_settings");
  const connect = useConnect();
  const crumbs = [{ label: t("nav.integrations"), to: "/integrations" as const }];
  if (app.isError)
    return (
      <Page title={connector} crumbs={crumbs}>
        <Failed error={app.error} retry={() => void app.refetch()} />
      </Page>
    );
  if (app.isPending)
    return (
      <Page title={t("nav.integrations")} crumbs={crumbs}>
        <Skeleton h={240} radius="lg" aria-label={t("common.loading")} />
      </Page>
    );
  const usable = app.data.choices.some((choice) => choice.missing === "");
  return (
    <Page
      title={app.data.name}
      crumbs={crumbs}
      soft={app.data.description}
      actions={
        mayConnect &&
        usable && (
          <Button
            leftSection={<IconPlugConnected size={18} aria-hidden />}
            loading={connect.isPending}
            onClick={() => connect.mutate({ app: connector })}
          >
            {t(mine.length > 0 ? "integrations.app.connectAnother" : "integrations.app.connect")}
          </Button>
        )
      }
    >
      <Group align="stretch" gap="md">
        <Paper withBorder p="md" flex={1} miw={280}>
          <Group gap="sm" mb="xs">
            <Logo name={app.data.name} logo={app.data.logo} size={28} />
            <Title order={2}>{t("integrations.app.how")}</Title>
          </Group>
          <List spacing="xs" size="sm">
            {app.data.choices.map((choice) => (
              <Choice key={choice.key} choice={choice} />
            ))}
          </List>
          {!usable && (
            <Alert color="yellow" mt="sm">
              {t("integrations.app.cannot")}
            </Alert>
          )}
        </Paper>
        <Paper withBorder p="md" flex={1} miw={280}>
          <Title order={2} mb="xs">
            {t("integrations.places.connections")}
          </Title>
          {mine.length === 0 && (
            <Text c="dimmed" size="sm">
              {t("integrations.app.notYet")}
            </Text>
          )}
          <Stack gap={6}>
            {mine.map((one) => (
              <Group key={one.connection_id} justify="space-between" wrap="nowrap">
                <Anchor
                  size="sm"
                  truncate
                  dir="auto"
                  renderRoot={(props) => (
                    <Link {...props} to="/integrations/connections/$id" params={{ id: one.connection_id }} />
                  )}
                >
                  {one.name}
                </Anchor>
                <Health connection={one} />
              </Group>
            ))}
          </Stack>
        </Paper>
      </Group>
      <Actions app={connector} connected={mine.length > 0} />
    </Page>
  );
}

function Choice({ choice }: { choice: AuthChoice }) {
  const { t } = useTranslation();
  const asked = Object.values(choice.input_schema.properties ?? {}).map(
    (field) => (field as { title?: string }).title ?? "",
  );
  const kind = choice.own ? "own" : choice.interactive ? "signIn" : asked.length > 0 ? "typed" : "nothing";
  return (
    <List.Item>
      <Text fw={600} size="sm" component="span">
        {choice.title || choice.key}
      </Text>
      <Text size="sm" c="dimmed">
        {choice.description ||
          t(`integrations.app.ways.${kind}`, { fields: asked.filter(Boolean).join(", ") })}
      </Text>
      {choice.missing !== "" && (
        <Text size="sm" c="var(--mantine-color-error)">
          {choice.missing}
        </Text>
      )}
    </List.Item>
  );
}

function Actions({ app, connected }: { app: string; connected: boolean }) {
  const { t } = useTranslation();
  const { search = "" } = route.useSearch();
  const navigate = useNavigate();
  const actions = useQuery(appActionsQuery(app));
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = useMemo(() => {
    const all = actions.data?.items ?? [];
    return all.filter((one) => {
      const said = `${one.name} ${one.key} ${one.description}`.toLowerCase();
      return words.every((word) => said.includes(word));
    });
  }, [actions.data, words]);
  const columns = useMemo<Column<AppAction>[]>(
    () => [
      {
        id: "name",
        header: t("integrations.app.action"),
        width: "2fr",
        cell: (action) =>
          connected ? (
            <Anchor
              size="sm"
              renderRoot={(props) => (
                <Link {...props} to="/integrations/playground" search={{ action: action.action_id }} />
              )}
            >
              {action.name}
            </Anchor>
          ) : (
            action.name
          ),
      },
      {
        id: "description",
        header: t("integrations.app.does"),
        width: "3fr",
        cell: (action) => <span title={action.description}>{action.description}</span>,
      },
      {
        id: "effect",
        header: t("integrations.app.effect"),
        width: "160px",
        cell: (action) => <EffectOf action={action} />,
      },
    ],
    [t, connected],
  );
  return (
    <>
      <Group justify="space-between" align="flex-end">
        <Title order={2}>
          {t("integrations.app.can")}{" "}
          {actions.data && (
            <Badge color="gray" component="span">
              {actions.data.items.length}
            </Badge>
          )}
        </Title>
        <TextInput
          aria-label={t("integrations.app.find")}
          placeholder={t("integrations.app.find")}
          leftSection={<IconSearch size={16} aria-hidden />}
          defaultValue={search}
          onChange={(event) =>
            void navigate({
              to: "/integrations/$connector",
              params: { connector: app },
              search: { search: event.currentTarget.value || undefined },
              replace: true,
            })
          }
        />
      </Group>
      <DataTable
        label={t("integrations.app.can")}
        columns={columns}
        rows={rows}
        rowKey={(action) => action.action_id}
        {...listState(actions)}
        empty={<Text c="dimmed">{t("integrations.app.noAction")}</Text>}
      />
    </>
  );
}
