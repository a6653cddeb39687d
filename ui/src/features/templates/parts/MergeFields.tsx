import {
  ActionIcon,
  Box,
  Code,
  Group,
  Popover,
  ScrollArea,
  Text,
  TextInput,
  Tooltip,
  UnstyledButton,
} from "@mantine/core";
import { IconBraces } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Failed } from "~/ui/Failed";
import { mergeFieldsQuery } from "../queries";

/** A button that offers what is printed differently for each reader. */
export function MergeFields({ dialect, onPick }: { dialect: string; onPick: (tag: string) => void }) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  if (dialect === "plain") return null;
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={340} withinPortal trapFocus>
      <Popover.Target>
        <Tooltip label={t("editor.mergeFields")}>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t("editor.mergeFields")}
            onClick={() => setOpened((was) => !was)}
          >
            <IconBraces size={17} aria-hidden />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown p="xs">
        {opened && (
          <Choice
            dialect={dialect === "velocity" ? "velocity" : "syncom"}
            onPick={(tag) => {
              setOpened(false);
              onPick(tag);
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function Choice({ dialect, onPick }: { dialect: "syncom" | "velocity"; onPick: (tag: string) => void }) {
  const { t } = useTranslation();
  const [words, setWords] = useState("");
  const fields = useQuery(mergeFieldsQuery(dialect));
  const wanted = words.trim().toLowerCase();
  const found = (fields.data?.items ?? []).filter(
    (field) => field.name.toLowerCase().includes(wanted) || field.key.toLowerCase().includes(wanted),
  );
  if (fields.isError) return <Failed error={fields.error} retry={() => void fields.refetch()} />;
  return (
    <>
      <TextInput
        size="xs"
        value={words}
        onChange={(event) => setWords(event.currentTarget.value)}
        placeholder={t("editor.mergeSearch")}
        aria-label={t("editor.mergeSearch")}
        data-autofocus
        mb={6}
      />
      <ScrollArea.Autosize mah={320} type="auto">
        {(["contact", "custom", "link"] as const).map((source) => {
          const group = found.filter((field) => field.source === source);
          if (group.length === 0) return null;
          return (
            <Box key={source} mb={6}>
              <Text size="xs" c="dimmed" fw={600} px={6}>
                {t(`editor.mergeSources.${source}`)}
              </Text>
              {group.map((field) => (
                <UnstyledButton key={field.tag} onClick={() => onPick(field.tag)} px={6} py={4} w="100%">
                  <Group justify="space-between" wrap="nowrap" gap={8}>
                    <Text size="sm" truncate dir="auto">
                      {field.name}
                    </Text>
                    <Code fz={11}>{field.tag}</Code>
                  </Group>
                </UnstyledButton>
              ))}
            </Box>
          );
        })}
        {fields.isSuccess && found.length === 0 && (
          <Text size="sm" c="dimmed" p={6}>
            {t("editor.mergeNone")}
          </Text>
        )}
      </ScrollArea.Autosize>
    </>
  );
}
