/** What events of a type bring: found out, or promised. */
import { Badge, Code, Paper, Select, Stack, Switch, Table, Text, Tooltip } from "@mantine/core";
import { IconForms } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { eventTypesQuery } from "~/api/eventTypes";
import type { EventTypeInput, Parameter } from "~/api/schema";
import { useMay } from "~/api/session";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { Time } from "~/ui/Time";
import { useAct } from "../act";
import { parametersQuery } from "../queries";
import { shown } from "./values";

const KINDS = ["boolean", "number", "datetime", "string", "array", "object"] as const;

export function Parameters({ id, typeKey }: { id: number; typeKey: string }) {
  const { t } = useTranslation();
  const mayRead = useMay("read_settings");
  const may = useMay("manage_settings");
  const parameters = useQuery(parametersQuery(id));
  const types = useQuery({ ...eventTypesQuery, enabled: mayRead });
  const type = types.data?.find((one) => one.event_type_id === id);
  const change = useAct((body: EventTypeInput) => ask(api.POST("/syncom/v1/event-types", { body })), {
    renews: [["event"], ["event-type"]],
    done: t("events.changed"),
  });
  if (parameters.isError) return <Failed error={parameters.error} retry={() => void parameters.refetch()} />;
  return (
    <Stack>
      {type && (
        <Paper withBorder p="md">
          <Switch
            label={t("events.creates")}
            description={t("events.createsHint")}
            checked={type.creates_contacts}
            disabled={!may || change.isPending}
            onChange={(event) =>
              change.mutate({ key: typeKey, creates_contacts: event.currentTarget.checked })
            }
          />
        </Paper>
      )}
      {parameters.data?.length === 0 && (
        <Empty icon={<IconForms />} title={t("events.noParameters")}>
          {t("events.noParametersNext")}
        </Empty>
      )}
      {parameters.data && parameters.data.length > 0 && (
        <Table.ScrollContainer
          minWidth={680}
          scrollAreaProps={{
            viewportProps: { tabIndex: 0, role: "region", "aria-label": t("events.tabs.parameters") },
          }}
        >
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("common.name")}</Table.Th>
                <Table.Th>{t("events.kind")}</Table.Th>
                <Table.Th ta="right">{t("events.seen")}</Table.Th>
                <Table.Th>{t("events.last")}</Table.Th>
                <Table.Th>{t("events.example")}</Table.Th>
                {may && <Table.Th w={190}>{t("events.promise")}</Table.Th>}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {parameters.data.map((one) => (
                <Table.Tr key={one.name}>
                  <Table.Td maw={260} style={{ overflowWrap: "anywhere" }}>
                    <Text size="sm" fw={500} dir="auto">
                      {one.name}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    <KindMark of={one} />
                  </Table.Td>
                  <Table.Td ta="right">{number(timesSeen(one))}</Table.Td>
                  <Table.Td>{one.last_seen_at ? <Time at={one.last_seen_at} relative /> : "–"}</Table.Td>
                  <Table.Td maw={260}>
                    {one.example === null || one.example === undefined ? (
                      <Text size="sm" c="dimmed">
                        –
                      </Text>
                    ) : (
                      <Code style={{ overflowWrap: "anywhere" }}>{shown(one.example).slice(0, 80)}</Code>
                    )}
                  </Table.Td>
                  {may && (
                    <Table.Td>
                      <Select
                        size="xs"
                        aria-label={t("events.promiseOf", { name: one.name })}
                        data={[
                          { value: "", label: t("events.anything") },
                          ...KINDS.map((kind) => ({ value: kind, label: t(`events.kinds.${kind}`) })),
                        ]}
                        allowDeselect={false}
                        disabled={change.isPending}
                        value={(one.declared && KINDS.find((kind) => kind === one.type)) || ""}
                        onChange={(kind) =>
                          change.mutate({
                            key: typeKey,
                            declared: { [one.name]: KINDS.find((known) => known === kind) ?? null },
                          })
                        }
                      />
                    </Table.Td>
                  )}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {may && (
        <Text size="xs" c="dimmed">
          {t("events.promiseHint")}
        </Text>
      )}
    </Stack>
  );
}

function KindMark({ of }: { of: Parameter }) {
  const { t } = useTranslation();
  const kind = [...KINDS, "mixed" as const].find((one) => one === of.type);
  return (
    <>
      <Badge tt="none" color={of.declared ? "teal" : "gray"}>
        {kind ? t(`events.kinds.${kind}`) : of.type}
      </Badge>
      {of.conflicts > 0 && (
        <Tooltip label={t("events.conflictsHint")} multiline maw={280}>
          <Badge tt="none" color="yellow" ml={4} tabIndex={0}>
            {t("events.conflicts", { count: of.conflicts })}
          </Badge>
        </Tooltip>
      )}
    </>
  );
}

function timesSeen(parameter: Parameter): number {
  return Object.values(parameter.seen).reduce((all, one) => all + one, 0);
}
