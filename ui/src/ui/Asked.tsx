import { Button, Group, Modal, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Question } from "./confirm";

/** The dialog of a question; the safe answer has the focus. */
export default function Asked({ question, onEnd }: { question: Question; onEnd: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal
      opened
      onClose={onEnd}
      title={question.title}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {question.text}
      </Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onEnd} data-autofocus>
          {t("common.cancel")}
        </Button>
        <Button
          color={question.danger === false ? undefined : "red"}
          onClick={() => {
            onEnd();
            question.onYes();
          }}
        >
          {question.act}
        </Button>
      </Group>
    </Modal>
  );
}
