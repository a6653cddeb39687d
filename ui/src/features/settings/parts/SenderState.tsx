import { Badge, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Sender } from "~/api/schema";
import { ago } from "~/ui/format";

/** Whether a sender works; why not, on hover. The page of the sender has it as text. */
export function SenderState({ sender }: { sender: Sender }) {
  const { t } = useTranslation();
  if (isResting(sender))
    return (
      <Tooltip label={sender.problem || t("senders.resting")} multiline maw={360}>
        <Badge color="red" tabIndex={0}>
          {t("senders.restsUntil", { when: ago(sender.paused_until ?? "") })}
        </Badge>
      </Tooltip>
    );
  return (
    <Badge color={sender.kind === "inbox" ? "gray" : "teal"}>
      {t(sender.kind === "inbox" ? "senders.testOnly" : "senders.works")}
    </Badge>
  );
}

export function isResting(sender: Sender): boolean {
  return sender.paused_until !== null && new Date(sender.paused_until).getTime() > Date.now();
}
