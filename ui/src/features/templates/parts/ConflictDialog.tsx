import { Button, Collapse, Group, Modal, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ago } from "~/ui/format";
import type { Content } from "../queries";
import type { Conflict } from "../writing";
import { Differences } from "./Differences";

/** Somebody else was quicker: what differs, and whose stays. */
export function ConflictDialog({
  conflict,
  mine,
  onMine,
  onTheirs,
  onLater,
}: {
  conflict: Conflict;
  mine: Content;
  onMine: () => void;
  onTheirs: () => void;
  onLater: () => void;
}) {
  const { t } = useTranslation();
  const [seen, setSeen] = useState(false);
  const who = conflict.who || t("editor.somebody");
  return (
    <Modal opened onClose={onLater} title={t("editor.conflict")} size="xl">
      <Stack>
        <Text style={{ overflowWrap: "anywhere" }}>
          {t(`editor.conflictOf.${conflict.of}`, { who, when: ago(conflict.at) })}
        </Text>
        <Group>
          <Button size="xs" variant="light" onClick={() => setSeen((was) => !was)} aria-expanded={seen}>
            {t("editor.seeDifference")}
          </Button>
        </Group>
        <Collapse expanded={seen}>{seen && <Differences before={conflict.theirs} after={mine} />}</Collapse>
        <Group justify="flex-end">
          <Button variant="default" onClick={onLater} data-autofocus>
            {t("editor.decideLater")}
          </Button>
          <Button variant="light" color="red" onClick={onTheirs}>
            {t("editor.takeTheirs")}
          </Button>
          <Button onClick={onMine}>{t("editor.keepMine")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
