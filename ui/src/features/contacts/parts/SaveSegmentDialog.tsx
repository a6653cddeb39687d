import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { NameDialog } from "~/ui/NameDialog";
import { tellDone } from "~/ui/tell";
import type { Condition } from "../condition";

/** The filters of the page, kept as a segment. */
export function SaveSegmentDialog({ condition, onClose }: { condition: Condition; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  return (
    <NameDialog
      title={t("contacts.saveSegment")}
      act={t("common.save")}
      send={(name) => ask(api.POST("/syncom/v1/segments", { body: { name, condition } }))}
      onDone={() => {
        void client.invalidateQueries({ queryKey: ["segment"] });
        tellDone(t("contacts.segmentSaved"));
      }}
      onClose={onClose}
    />
  );
}
