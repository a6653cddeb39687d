import { Alert, Paper, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Destination } from "~/api/schema";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { Time } from "~/ui/Time";

/** Receiving domains that asked for less, or refuse the sender. */
export function Destinations({ senderId }: { senderId: number }) {
  const { t } = useTranslation();
  const found = useQuery({
    queryKey: ["sender", senderId, "destinations"],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/senders/{sender_id}/destinations", {
          params: { path: { sender_id: senderId } },
        }),
      ),
    refetchInterval: 30_000,
  });
  if (found.isError && !found.data) return <Failed error={found.error} retry={() => void found.refetch()} />;
  const rows = found.data?.items ?? [];
  return (
    <Paper withBorder p="md">
      <Title order={2}>{t("senders.destinations")}</Title>
      <Text size="sm" c="dimmed" mb="xs">
        {t("senders.destinationsHint")}
      </Text>
      {found.data && rows.length === 0 && <Alert color="teal">{t("senders.noDestinations")}</Alert>}
      {rows.length > 0 && (
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("senders.destination")}</Table.Th>
              <Table.Th>{t("senders.pace")}</Table.Th>
              <Table.Th>{t("senders.why")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.destination}>
                <Table.Td>{row.destination}</Table.Td>
                <Table.Td>
                  <Pace row={row} />
                </Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{row.problem || "–"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Paper>
  );
}

function Pace({ row }: { row: Destination }) {
  const { t } = useTranslation();
  const rests = row.rests_until !== undefined && new Date(row.rests_until).getTime() > Date.now();
  if (rests)
    return (
      <>
        {t("senders.restingUntil")} <Time at={row.rests_until ?? ""} />
      </>
    );
  if (row.rate === null) return t("senders.unlimited");
  return t("senders.perSecond", { rate: number(row.rate, { maximumFractionDigits: 2 }) });
}
