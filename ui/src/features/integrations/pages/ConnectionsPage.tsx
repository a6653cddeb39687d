import { Alert, Anchor, Button, Group } from "@mantine/core";
import { IconPlugConnected } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { AppConnection } from "~/api/schema";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { listState } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { Frame } from "../parts/Frame";
import { Health } from "../parts/Health";
import { Logo } from "../parts/Logo";
import { connectionsQuery } from "../queries";

const route = getRouteApi("/integrations/connections");

export function ConnectionsPage() {
  const { t } = useTranslation();
  const { connectionId, error } = route.useSearch();
  const navigate = useNavigate();
  const connections = useQuery(connectionsQuery);
  const made = connections.data?.items.find((one) => one.connection_id === connectionId);
  const clear = () => void navigate({ to: "/integrations/connections", search: {}, replace: true });
  const columns = useMemo<Column<AppConnection>[]>(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "2fr",
        cell: (one) => (
          <Group gap="xs" wrap="nowrap">
            <Logo name={one.app_name} logo={one.logo} size={24} />
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
          </Group>
        ),
      },
      { id: "app", header: t("integrations.connection.app"), cell: (one) => one.app_name },
      {
        id: "state",
        header: t("integrations.connection.state"),
        width: "140px",
        cell: (one) => <Health connection={one} />,
      },
      {
        id: "problem",
        header: t("integrations.connection.problem"),
        width: "2fr",
        cell: (one) => <span title={one.problem}>{one.problem}</span>,
      },
      {
        id: "used",
        header: t("integrations.connection.used"),
        cell: (one) =>
          one.last_active_at ? <Time at={one.last_active_at} relative /> : t("integrations.never"),
      },
    ],
    [t],
  );
  return (
    <Frame title={t("integrations.places.connections")} soft={t("integrations.connection.soft")}>
      {error !== undefined && (
        <Alert color="red" withCloseButton closeButtonLabel={t("common.close")} onClose={clear} role="status">
          {t("integrations.connection.notConnected", { reason: error })}
        </Alert>
      )}
      {made && (
        <Alert
          color="teal"
          withCloseButton
          closeButtonLabel={t("common.close")}
          onClose={clear}
          role="status"
        >
          {t("integrations.connection.connected", { name: made.name })}
        </Alert>
      )}
      <DataTable
        label={t("integrations.places.connections")}
        columns={columns}
        rows={connections.data?.items ?? []}
        rowKey={(one) => one.connection_id}
        {...listState(connections)}
        open={(one) =>
          void navigate({ to: "/integrations/connections/$id", params: { id: one.connection_id } })
        }
        empty={
          <Empty
            icon={<IconPlugConnected />}
            title={t("integrations.connection.none")}
            action={
              <Button renderRoot={(props) => <Link {...props} to="/integrations" />}>
                {t("integrations.connection.choose")}
              </Button>
            }
          >
            {t("integrations.connection.noneHint")}
          </Empty>
        }
      />
    </Frame>
  );
}
