import { Button, Modal, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Question } from "./confirm";
import { DialogButtons } from "./DialogButtons";

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
      <Text size="sm" mb="lg" style={{ overflowWrap: "anywhere" }}>
        {question.text}
      </Text>
      <DialogButtons onClose={onEnd} focused>
        <Button
          color={question.danger === false ? undefined : "red"}
          onClick={() => {
            onEnd();
            question.onYes();
          }}
        >
          {question.act}
        </Button>
      </DialogButtons>
    </Modal>
  );
}
