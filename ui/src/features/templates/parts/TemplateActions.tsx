import { Menu } from "@mantine/core";
import { IconCopy } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";
import { DeleteItem } from "~/ui/DeleteItem";
import { MoreMenu } from "~/ui/MoreMenu";
import { tellDone, tellFailed } from "~/ui/tell";

/** Copy and delete, for a row of the list and for the editor. */
export function TemplateActions({
  row,
  gone,
}: {
  row: { template_id: number; name: string };
  gone?: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const go = useNavigate();
  const may = useMay("write_content");
  if (!may) return null;
  const path = { template_id: row.template_id };
  const copy = async () => {
    try {
      const name = t("templates.copyOf", { name: row.name }).slice(0, 200);
      const made = await ask(
        api.POST("/syncom/v1/templates/{template_id}/copy", { params: { path }, body: { name } }),
      );
      await client.invalidateQueries({ queryKey: ["template"] });
      tellDone(t("templates.copied"));
      void go({ to: "/templates/$id", params: { id: String(made.template_id) } });
    } catch (error) {
      tellFailed(error);
    }
  };
  const remove = async () => {
    try {
      await ask(api.DELETE("/syncom/v1/templates/{template_id}", { params: { path } }));
      gone?.();
      client.removeQueries({ queryKey: ["template", row.template_id] });
      await client.invalidateQueries({ queryKey: ["template", "list"] });
      tellDone(t("templates.deleted"));
    } catch (error) {
      tellFailed(error);
    }
  };
  return (
    <MoreMenu>
      <Menu.Item leftSection={<IconCopy size={16} aria-hidden />} onClick={() => void copy()}>
        {t("templates.copy")}
      </Menu.Item>
      <DeleteItem
        title={t("templates.deleteTitle")}
        text={t("templates.deleteText", { name: row.name })}
        act={t("templates.deleteAct")}
        onYes={() => void remove()}
      />
    </MoreMenu>
  );
}
