import {
  Alert,
  Badge,
  Button,
  Group,
  NavLink,
  Paper,
  ScrollArea,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
} from "@mantine/core";
import { IconHistory, IconRestore } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Template } from "~/api/schema";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { dateTime } from "~/ui/format";
import { type Content, contentOf, versionQuery, versionsQuery } from "../queries";
import { Differences } from "./Differences";

/** Published versions: what each has that what is being written has not, and the way back to it. */
export function Versions({
  template,
  content,
  chosen,
  onChoose,
  onRestore,
}: {
  template: Template;
  content: Content;
  chosen: number | undefined;
  onChoose: (version: number) => void;
  onRestore: (version: number) => void;
}) {
  const { t } = useTranslation();
  const may = useMay("write_content");
  const id = template.template_id;
  const versions = useQuery(versionsQuery(id));
  const shown = chosen ?? template.version;
  const version = useQuery(versionQuery(id, shown));
  if (versions.isError) return <Failed error={versions.error} retry={() => void versions.refetch()} />;
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" style={{ gridTemplateColumns: undefined }}>
      <Paper withBorder p="xs">
        <ScrollArea.Autosize mah="calc(100dvh - 290px)" type="auto">
          {versions.data?.items.map((one) => (
            <NavLink
              key={one.version}
              component="button"
              active={one.version === shown}
              onClick={() => onChoose(one.version)}
              leftSection={<IconHistory size={16} aria-hidden />}
              label={
                <Group gap={6}>
                  {t("editor.versionNumber", { version: one.version })}
                  {one.is_newest && <Badge>{t("editor.published")}</Badge>}
                </Group>
              }
              description={
                <Text
                  size="xs"
                  c={one.version === shown ? "inherit" : "dimmed"}
                  truncate
                  dir="auto"
                  component="span"
                  display="block"
                >
                  {dateTime(one.saved_at)} · {one.subject || one.name}
                </Text>
              }
            />
          )) ?? <Skeleton height={160} radius="md" />}
        </ScrollArea.Autosize>
      </Paper>
      <Stack gap="sm">
        {version.isError ? (
          <Failed error={version.error} />
        ) : version.data ? (
          <>
            <Group justify="space-between">
              <Text size="sm" c="dimmed">
                {t("editor.comparedWith", { version: shown })}
              </Text>
              {may && !version.data.is_newest && (
                <Button
                  size="xs"
                  variant="light"
                  leftSection={<IconRestore size={16} aria-hidden />}
                  onClick={() => onRestore(shown)}
                >
                  {t("editor.restore")}
                </Button>
              )}
            </Group>
            <Differences before={contentOf(version.data.content)} after={content} />
          </>
        ) : (
          <Skeleton height={240} radius="md" />
        )}
        <Alert color="gray">{t("editor.versionsHint")}</Alert>
      </Stack>
    </SimpleGrid>
  );
}
