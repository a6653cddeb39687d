import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { WorkflowSeen } from "~/api/schema";
import { NameDialog } from "~/ui/NameDialog";

export function RenameDialog({ workflow, onClose }: { workflow: WorkflowSeen; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  return (
    <NameDialog
      title={t("workflows.editor.rename")}
      act={t("common.save")}
      label={t("recipes.nameLabel")}
      name={workflow.name}
      send={(name) =>
        ask(
          api.PATCH("/syncom/v1/workflows/{workflow_id}", {
            params: { path: { workflow_id: workflow.workflow_id } },
            body: { name },
          }),
        )
      }
      onDone={() => void client.invalidateQueries({ queryKey: ["workflow"] })}
      onClose={onClose}
    />
  );
}
