import { Alert, Button, Modal, Stack, TagsInput, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import { useSession } from "~/api/session";
import { DialogButtons } from "~/ui/DialogButtons";
import { Failed } from "~/ui/Failed";
import { tellDone } from "~/ui/tell";
import { type Content, unsaved } from "../queries";

const KEY = "syncom-tests-to";

/** Sends what is being written to any address, as the reader that is looked at. */
export function TestSend({
  content,
  contact,
  hasAttachments,
  onClose,
}: {
  content: Content;
  contact: number | undefined;
  hasAttachments: boolean;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const session = useSession();
  const [to, setTo] = useState<string[]>(() => remembered(session.data?.actor));
  const [sending, setSending] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const wrong =
    failure instanceof Failure
      ? failure.fields.filter((one) => /^(recipients|to)(\.|$)/.test(one.field)).map((one) => one.reason)
      : [];
  const send = async () => {
    setSending(true);
    setFailure(undefined);
    try {
      await ask(
        api.POST("/syncom/v1/templates/test-send", {
          body: { ...unsaved(content, contact), to, sender_id: content.sender_id },
        }),
      );
      try {
        localStorage.setItem(KEY, JSON.stringify(to));
      } catch {
        // Then one types them again.
      }
      tellDone(t("editor.testSent", { count: to.length, to: to.join(", ") }));
      onClose();
    } catch (error) {
      setFailure(error);
    } finally {
      setSending(false);
    }
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("editor.test")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        {failure !== undefined && wrong.length === 0 && <Failed error={failure} />}
        <TagsInput
          label={t("editor.testTo")}
          description={t("editor.testToHint")}
          value={to}
          onChange={setTo}
          error={wrong.join("; ") || undefined}
          splitChars={[",", " ", ";"]}
          acceptValueOnBlur
          maxTags={20}
          data-autofocus
        />
        <Text size="sm" c="dimmed">
          {contact === undefined ? t("editor.testAsSample") : t("editor.testAsContact")}
        </Text>
        {hasAttachments && (
          <Alert icon={<IconInfoCircle aria-hidden />} color="gray">
            {t("editor.testNoAttachments")}
          </Alert>
        )}
        <DialogButtons onClose={onClose}>
          <Button onClick={() => void send()} loading={sending} disabled={to.length === 0}>
            {t("editor.testAct")}
          </Button>
        </DialogButtons>
      </Stack>
    </Modal>
  );
}

function remembered(actor: string | undefined): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (Array.isArray(kept) && kept.every((one) => typeof one === "string")) return kept;
  } catch {
    // As if there were none.
  }
  return actor?.includes("@") ? [actor] : [];
}
