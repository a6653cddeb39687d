import { Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Content } from "../queries";
import { Comparison } from "./CodeEditor";

const SHORT = ["name", "subject", "preheader", "from_name", "language", "format", "dialect"] as const;

/** What differs between two forms of a template. */
export function Differences({ before, after }: { before: Content; after: Content }) {
  const { t } = useTranslation();
  const short = [
    ...SHORT.map((name) => ({ name, was: String(before[name]), is: String(after[name]) })),
    { name: "tags" as const, was: before.tags.join(", "), is: after.tags.join(", ") },
    { name: "categories" as const, was: before.categories.join(", "), is: after.categories.join(", ") },
    {
      name: "members" as const,
      was: JSON.stringify(before.members),
      is: JSON.stringify(after.members),
    },
  ].filter((one) => one.was !== one.is);
  const isSame = short.length === 0 && before.source === after.source && before.text === after.text;
  if (isSame) return <Text size="sm">{t("editor.same")}</Text>;
  return (
    <Stack gap="sm">
      {short.length > 0 && (
        <Table layout="fixed">
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={130}>{t("editor.what")}</Table.Th>
              <Table.Th>{t("editor.before")}</Table.Th>
              <Table.Th>{t("editor.after")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {short.map((one) => (
              <Table.Tr key={one.name}>
                <Table.Td>{t(`editor.members.${one.name}`)}</Table.Td>
                <Table.Td dir="auto" style={{ overflowWrap: "anywhere" }}>
                  {one.was.slice(0, 500) || "—"}
                </Table.Td>
                <Table.Td dir="auto" style={{ overflowWrap: "anywhere" }}>
                  {one.is.slice(0, 500) || "—"}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {before.source !== after.source && (
        <Comparison before={before.source} after={after.source} label={t("editor.members.source")} />
      )}
      {before.text !== after.text && (
        <Comparison before={before.text} after={after.text} label={t("editor.members.text")} height="200px" />
      )}
    </Stack>
  );
}
