/** Where each column goes, beside its first values. */
import { Alert, Box, Button, Checkbox, Group, Select, Stack, Table, Text } from "@mantine/core";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { MEMBERS } from "~/api/contacts";
import { fieldsQuery } from "~/api/fields";
import type { Column, ColumnTarget, FieldType, Overrides } from "~/api/schema";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { TYPES } from "./FieldDialog";
import { type Draft, faultOf, firstDraft, KEYS, keyOf } from "./importDraft";
import { keyFor } from "./keys";

const NEW = "new";
const OUT = "out";
const CONSENT = ["email_state", "sms_state", "consent_at", "consent_source"] as const;

type Props = { draft: Draft; onChange: (draft: Draft) => void; onNext: () => void };

export function MapColumns({ draft, onChange, onNext }: Props) {
  const { t } = useTranslation();
  const mayRead = useMay("read_settings");
  const fields = useQuery({ ...fieldsQuery, enabled: mayRead, placeholderData: keepPreviousData });
  const { proposal, mapping } = draft;
  const fault = faultOf(mapping);
  const put = (index: number, target: ColumnTarget) => {
    const next = mapping.map((one, at) => (at === index ? target : one));
    onChange({ ...draft, mapping: next, key: keyOf(next) });
  };
  return (
    <Stack gap="md" mt="md">
      <Reading draft={draft} onChange={onChange} />
      {proposal.warnings.map((warning) => (
        <Alert key={warning} color="yellow">
          {warning}
        </Alert>
      ))}
      <Box style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("imports.steps.columns")}>
        <Table miw={640} layout="fixed">
          <Table.Thead>
            <Table.Tr>
              <Table.Th w="22%">{t("imports.column")}</Table.Th>
              <Table.Th w="34%">{t("imports.values")}</Table.Th>
              <Table.Th>{t("imports.goesTo")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {proposal.columns.map((column) => (
              <Table.Tr key={column.index}>
                <Table.Td style={{ overflowWrap: "anywhere" }}>
                  <Text size="sm" fw={600} dir="auto" lineClamp={3}>
                    {column.name}
                  </Text>
                </Table.Td>
                <Table.Td>
                  {proposal.rows.slice(0, 3).map((row, at) => (
                    <Text key={at} size="sm" c="dimmed" dir="auto" truncate>
                      {row[column.index] || "–"}
                    </Text>
                  ))}
                </Table.Td>
                <Table.Td>
                  <Target
                    column={column}
                    target={mapping[column.index] ?? {}}
                    fields={(fields.data ?? []).map((one) => ({ key: one.key, name: one.name || one.key }))}
                    onChange={(target) => put(column.index, target)}
                  />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Box>
      {fault && <Alert color="red">{t(`imports.faults.${fault}`)}</Alert>}
      <Group justify="flex-end">
        <Button disabled={fault !== undefined} onClick={onNext}>
          {t("common.next")}
        </Button>
      </Group>
    </Stack>
  );
}

function Target({
  column,
  target,
  fields,
  onChange,
}: {
  column: Column;
  target: ColumnTarget;
  fields: readonly { key: string; name: string }[];
  onChange: (target: ColumnTarget) => void;
}) {
  const { t } = useTranslation();
  const mayMake = useMay("manage_settings");
  const known = new Set(fields.map((one) => `fields.${one.key}`));
  const isNew = target.create_type != null && !known.has(target.target ?? "");
  const label = t("imports.goesToOf", { name: column.name });
  return (
    <Group gap="xs" wrap="nowrap">
      <Select
        aria-label={label}
        allowDeselect={false}
        searchable
        style={{ flex: 1 }}
        value={isNew ? NEW : target.target || OUT}
        data={[
          { value: OUT, label: t("imports.leaveOut") },
          ...(mayMake ? [{ value: NEW, label: t("imports.newField") }] : []),
          {
            group: t("contacts.standard"),
            items: [
              ...[...KEYS, ...MEMBERS].map((one) => ({
                value: one,
                label: t(`contacts.members.${one}`),
              })),
              { value: "emails", label: t("imports.targets.emails") },
              { value: "phones", label: t("imports.targets.phones") },
              { value: "lists", label: t("imports.targets.lists") },
            ],
          },
          {
            group: t("contacts.custom"),
            items: fields.map((one) => ({ value: `fields.${one.key}`, label: one.name })),
          },
          {
            group: t("contacts.subscriptions"),
            items: CONSENT.map((one) => ({ value: one, label: t(`imports.targets.${one}`) })),
          },
        ]}
        onChange={(value) => {
          if (value === NEW)
            onChange({
              target: `fields.${keyFor(column.name) || `column_${column.index + 1}`}`,
              create_type: column.suggested_type,
            });
          else onChange({ target: value === OUT || value === null ? "" : String(value) });
        }}
      />
      {isNew && (
        <Select
          aria-label={t("imports.typeOf", { name: column.name })}
          allowDeselect={false}
          w={140}
          data={TYPES.map((one) => ({ value: one, label: t(`fields.types.${one}`) }))}
          value={target.create_type}
          onChange={(type) => onChange({ ...target, create_type: type as FieldType })}
        />
      )}
    </Group>
  );
}

/** How the file is read, where detection may have been wrong. */
function Reading({ draft, onChange }: { draft: Draft; onChange: (draft: Draft) => void }) {
  const { t } = useTranslation();
  const { dialect, sheets } = draft.proposal;
  const look = useMutation({
    mutationFn: (overrides: Overrides) =>
      ask(
        api.POST("/syncom/v1/imports/propose", {
          body: { upload_id: draft.proposal.file.upload_id, overrides },
        }),
      ),
    onSuccess: (proposal, overrides) =>
      onChange({ ...firstDraft(proposal, undefined), lists: draft.lists, overrides }),
  });
  const put = (change: Overrides) => look.mutate({ ...draft.overrides, ...change });
  const isSheet = sheets.length > 0;
  return (
    <Stack gap="xs">
      <Group gap="sm" align="flex-end">
        <Text size="sm" fw={600} dir="auto" maw={320} truncate>
          {draft.proposal.file.file_name}
        </Text>
        {sheets.length > 1 && (
          <Select
            label={t("imports.sheet")}
            size="xs"
            allowDeselect={false}
            data={[...sheets]}
            value={draft.overrides.sheet ?? sheets[0]}
            onChange={(sheet) => put({ sheet })}
          />
        )}
        {!isSheet && (
          <>
            <Select
              label={t("imports.delimiter")}
              size="xs"
              w={150}
              allowDeselect={false}
              data={[",", ";", "\t", "|"].map((value) => ({
                value,
                label: t(`imports.delimiters.${DELIMITERS[value] ?? "comma"}` as "imports.delimiters.comma"),
              }))}
              value={dialect.delimiter}
              onChange={(delimiter) => put({ delimiter })}
            />
            <Select
              label={t("imports.encoding")}
              size="xs"
              w={150}
              allowDeselect={false}
              data={[...new Set([dialect.encoding ?? "utf-8", "utf-8", "cp1251", "cp1252", "utf-16"])]}
              value={dialect.encoding}
              onChange={(encoding) => put({ encoding })}
            />
          </>
        )}
        <Select
          label={t("imports.dates")}
          size="xs"
          w={150}
          allowDeselect={false}
          data={[
            { value: "day_first", label: t("imports.dayFirst") },
            { value: "month_first", label: t("imports.monthFirst") },
          ]}
          value={dialect.date_order}
          onChange={(order) => put({ date_order: order === "month_first" ? "month_first" : "day_first" })}
        />
        <Checkbox
          label={t("imports.header")}
          size="sm"
          checked={dialect.has_header}
          onChange={(event) => put({ has_header: event.currentTarget.checked })}
          mb={6}
        />
      </Group>
      {look.error && <Failed error={look.error} />}
    </Stack>
  );
}

const DELIMITERS: { [delimiter: string]: string } = {
  ",": "comma",
  ";": "semicolon",
  "\t": "tab",
  "|": "bar",
};
