import { Menu } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { confirm } from "./confirm";

/** The last line of a menu: deletes, once the question is answered. `act` is what the question's button does. */
export function DeleteItem(props: { title: string; text: string; act: string; onYes: () => void }) {
  const { t } = useTranslation();
  return (
    <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => confirm(props)}>
      {t("common.delete")}
    </Menu.Item>
  );
}
