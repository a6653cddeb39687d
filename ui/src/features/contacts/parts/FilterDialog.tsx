import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CountWords, Sentence } from "~/ui/conditions/AnswerPanel";
import { Conditions } from "~/ui/conditions/Conditions";
import { useAnswer } from "~/ui/conditions/useAnswer";
import { Failed } from "~/ui/Failed";
import { type Condition, EVERYONE } from "../condition";

/** Filters of every kind that segments know, with how many match while they are made. */
export default function FilterDialog({
  condition,
  onApply,
  onClose,
}: {
  condition: Condition | undefined;
  onApply: (condition: Condition | undefined) => void;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const [tree, setTree] = useState<Condition>(condition ?? EVERYONE);
  const answer = useAnswer(tree, { people: false });
  const isEverybody = JSON.stringify(tree) === JSON.stringify(EVERYONE);
  return (
    <Modal
      opened
      onClose={onClose}
      closeButtonProps={{ "aria-label": t("common.close") }}
      title={t("contacts.moreFilters")}
      size="xl"
    >
      <Stack gap="md">
        <Conditions value={tree} onChange={setTree} errors={answer.errors} />
        {answer.sentence !== "" && !isEverybody && <Sentence text={answer.sentence} />}
        {answer.failure !== undefined && answer.failure !== null && <Failed error={answer.failure} />}
        <Group justify="space-between">
          <div role="status">
            {answer.isUnfinished ? (
              <Text size="sm" c="dimmed">
                {t("contacts.finishFilters")}
              </Text>
            ) : (
              answer.count && <CountWords count={answer.count} />
            )}
          </div>
          <Group gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button
              disabled={answer.isUnfinished || answer.errors.length > 0}
              onClick={() => onApply(isEverybody ? undefined : tree)}
            >
              {t("contacts.showThem")}
            </Button>
          </Group>
        </Group>
      </Stack>
    </Modal>
  );
}
