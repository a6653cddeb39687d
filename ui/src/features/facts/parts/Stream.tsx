/** Events of a type as they came, and what one brought. */
import { Button, Code, Drawer, Group, Select, Stack, Table, Text, TextInput } from "@mantine/core";
import { IconListSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ListedEvent } from "~/api/schema";
import { useMay } from "~/api/session";
import { ContactPicker } from "~/ui/ContactPicker";
import { Copy } from "~/ui/Copy";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { eventsPage, parametersQuery } from "../queries";
import type { EventSearch } from "../searches";
import { Further, isStuck } from "./Further";
import { PeriodFilter } from "./PeriodFilter";
import { Person } from "./Person";
import { shown, summary } from "./values";

export function Stream({ id, search }: { id: number; search: EventSearch }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const mayFind = useMay("read_contacts");
  const [opened, setOpened] = useState<ListedEvent>();
  const put = (change: EventSearch) =>
    void go({
      to: "/events/$id",
      params: { id: String(id) },
      search: { ...search, ...change },
      replace: true,
    });
  const { tab: _, ...asked } = search;
  const pages = usePages<ListedEvent>(["event", id, "list", asked], (cursor, signal) =>
    eventsPage(id, search, cursor, signal),
  );
  const isFiltered = Object.values(asked).some((value) => value !== undefined && value !== 0);
  const columns = useColumns(setOpened);
  return (
    <Stack gap="sm">
      <Group gap="xs" align="flex-end">
        <PeriodFilter span={search} usual={0} onChange={put} />
        {mayFind && (
          <ContactPicker
            label={t("facts.contact")}
            w={220}
            clearable
            value={search.contact}
            onChange={(contact) => put({ contact })}
          />
        )}
        <ByParameter
          key={`${search.parameter}=${search.value}`}
          id={id}
          parameter={search.parameter}
          value={search.value}
          onChange={put}
        />
      </Group>
      {(pages.rows.length > 0 || !isStuck(pages)) && (
        <DataTable
          label={t("events.tabs.stream")}
          columns={columns}
          rows={pages.rows}
          rowKey={(one) => one.event_id}
          loading={pages.loading}
          error={pages.error}
          retry={pages.retry}
          hasMore={pages.hasMore && !isStuck(pages)}
          loadingMore={pages.loadingMore}
          more={pages.more}
          open={setOpened}
          remember="events"
          empty={
            <Empty
              icon={<IconListSearch />}
              title={t(isFiltered ? "events.noEventsFound" : "events.noEvents")}
            >
              {t(isFiltered ? "events.noEventsFoundNext" : "events.noEventsNext")}
            </Empty>
          }
        />
      )}
      <Further pages={pages} />
      <Opened event={opened} onClose={() => setOpened(undefined)} />
    </Stack>
  );
}

function ByParameter({
  id,
  parameter,
  value,
  onChange,
}: {
  id: number;
  parameter: string | undefined;
  value: string | undefined;
  onChange: (change: EventSearch) => void;
}) {
  const { t } = useTranslation();
  const { data: parameters } = useQuery(parametersQuery(id));
  const [name, setName] = useState(parameter ?? null);
  const [typed, setTyped] = useState(value ?? "");
  const names = new Set([
    ...(parameters ?? [])
      .filter((one) => one.type !== "object" && one.type !== "array")
      .map((one) => one.name),
    ...(parameter ? [parameter] : []),
  ]);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (name) onChange({ parameter: name, value: typed });
      }}
    >
      <Group gap="xs" align="flex-end">
        <Select
          label={t("events.parameter")}
          placeholder={t("events.any")}
          w={170}
          searchable
          clearable
          clearButtonProps={{ "aria-label": t("events.anyParameter") }}
          data={[...names]}
          value={name}
          onChange={(chosen) => {
            setName(chosen);
            if (chosen === null) onChange({ parameter: undefined, value: undefined });
          }}
        />
        {name && (
          <>
            <TextInput
              label={t("events.value")}
              w={140}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
            <Button type="submit" variant="default" disabled={typed === ""}>
              {t("events.filter")}
            </Button>
          </>
        )}
      </Group>
    </form>
  );
}

function useColumns(open: (event: ListedEvent) => void): Column<ListedEvent>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: "when",
        header: t("events.when"),
        width: "190px",
        cell: (one) => <Time at={one.occurred_at} />,
      },
      { id: "contact", header: t("facts.contact"), width: "1.2fr", cell: (one) => <Person of={one} /> },
      {
        id: "params",
        header: t("events.brought"),
        width: "2.4fr",
        cell: (one) => (
          <Text size="sm" c="dimmed" truncate dir="auto" component="span">
            {summary(one.params) || "–"}
          </Text>
        ),
      },
      {
        id: "key",
        header: t("events.key"),
        width: "1fr",
        hidden: true,
        cell: (one) => <bdi>{one.key}</bdi>,
      },
      {
        id: "open",
        header: t("events.details"),
        quiet: true,
        width: "100px",
        cell: (one) => (
          <Button size="compact-xs" variant="subtle" onClick={() => open(one)}>
            {t("events.details")}
          </Button>
        ),
      },
    ],
    [t, open],
  );
}

function Opened({ event, onClose }: { event: ListedEvent | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Drawer
      opened={event !== undefined}
      onClose={onClose}
      position="right"
      size="lg"
      title={event?.type_key}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      {event && (
        <Stack>
          <Table withRowBorders={false} variant="vertical">
            <Table.Tbody>
              <Row name={t("events.when")}>
                <Time at={event.occurred_at} />
              </Row>
              <Row name={t("events.recorded")}>
                <Time at={event.recorded_at} />
              </Row>
              <Row name={t("facts.contact")}>
                <Person of={event} />
              </Row>
              {event.key && (
                <Row name={t("events.key")}>
                  <bdi>{event.key}</bdi>
                </Row>
              )}
              {Object.entries(event.params).map(([name, value]) => (
                <Row key={name} name={name}>
                  {value !== null && typeof value === "object" ? (
                    <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                      {JSON.stringify(value, null, 2)}
                    </Code>
                  ) : (
                    <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }}>
                      {shown(value)}
                    </Text>
                  )}
                </Row>
              ))}
            </Table.Tbody>
          </Table>
          <Group gap="xs">
            <Text size="sm" c="dimmed">
              {t("events.number")}
            </Text>
            <Copy text={event.event_id} />
          </Group>
        </Stack>
      )}
    </Drawer>
  );
}

function Row({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th scope="row" w={150} style={{ overflowWrap: "anywhere", verticalAlign: "top" }}>
        <Text size="sm" c="dimmed" dir="auto">
          {name}
        </Text>
      </Table.Th>
      <Table.Td>{children}</Table.Td>
    </Table.Tr>
  );
}
