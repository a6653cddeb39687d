/** The people behind a figure: the same condition that made it, to look at and to keep as a segment. */
import { Anchor, Button, Drawer, Group, Stack, Text, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { number } from "~/ui/format";
import { usePages } from "~/ui/pages";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";

type Condition = Record<string, unknown>;
type Row = { contact_id: number; email?: string | null; phone?: string | null; first_name?: string | null };

export function People({
  title,
  condition,
  onClose,
}: {
  title: string;
  condition: Condition | undefined;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const opened = condition !== undefined;
  const pages = usePages<Row>(
    ["contact", "behind", condition],
    async (cursor, signal) =>
      await ask(
        api.POST("/syncom/v1/contacts/table", {
          params: { query: { limit: 100, cursor } },
          body: { condition, total: cursor === undefined },
          signal,
        }),
      ),
    { enabled: opened },
  );
  const first = pages.query.data?.pages[0] as { total?: { contacts: number } | null } | undefined;
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "email",
        header: t("campaigns.person"),
        cell: (row) => (
          <Anchor
            size="sm"
            dir="auto"
            renderRoot={(props) => <Link {...props} to={`/contacts/${row.contact_id}` as "/"} />}
          >
            {row.email ?? row.phone ?? row.contact_id}
          </Anchor>
        ),
      },
      { id: "name", header: t("common.name"), cell: (row) => <bdi>{row.first_name ?? ""}</bdi> },
    ],
    [t],
  );
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size="lg"
      title={title}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        {first?.total && (
          <Text size="sm" c="dimmed">
            {t("campaigns.peopleNow", {
              count: first.total.contacts,
              number: number(first.total.contacts),
            })}
          </Text>
        )}
        {condition && <Keep condition={condition} name={title} />}
        <DataTable
          label={title}
          columns={columns}
          {...pages}
          rowKey={(row) => String(row.contact_id)}
          empty={<Text c="dimmed">{t("campaigns.nobody")}</Text>}
        />
      </Stack>
    </Drawer>
  );
}

function Keep({ condition, name }: { condition: Condition; name: string }) {
  const { t } = useTranslation();
  const may = useMay("write_campaigns");
  const [kept, setKept] = useState(false);
  const { form, submit, sending } = useServerForm({
    initialValues: { name: name.slice(0, 200) },
    send: (values) => ask(api.POST("/syncom/v1/segments", { body: { name: values.name, condition } })),
    onDone: (_, values) => {
      setKept(true);
      tellDone(t("campaigns.segmentKept", { name: values.name }));
    },
  });
  if (!may || kept) return null;
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="xs">
        <TextInput
          label={t("campaigns.segmentName")}
          {...form.getInputProps("name")}
          style={{ flex: 1 }}
          size="xs"
        />
        <Button type="submit" loading={sending} variant="light" size="xs">
          {t("campaigns.keepSegment")}
        </Button>
      </Group>
    </form>
  );
}
