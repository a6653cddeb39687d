/** The "+" on a way: everything that can be put there. */
import { ActionIcon, Menu, ThemeIcon } from "@mantine/core";
import { IconClipboard, IconPlus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { PALETTE, stepKind } from "./kinds";

export function AddMenu({
  onAdd,
  onPaste,
  where,
}: {
  onAdd: (type: string) => void;
  /** Left out: nothing was copied. */
  onPaste?: () => void;
  /** Behind which step, in words. */
  where: string;
}) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom" width={250} withinPortal shadow="md">
      <Menu.Target>
        <ActionIcon
          variant="default"
          radius="xl"
          size={30}
          aria-label={`${t("workflows.editor.addHere")}: ${where}`}
          data-adds
        >
          <IconPlus size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
        {onPaste && (
          <Menu.Item leftSection={<IconClipboard size={16} aria-hidden />} onClick={onPaste}>
            {t("workflows.editor.pasteHere")}
          </Menu.Item>
        )}
        {PALETTE.map((group) => [
          <Menu.Label key={group.name}>{t(`workflows.editor.groups.${group.name}`)}</Menu.Label>,
          ...group.kinds.map((type) => {
            const kind = stepKind(type);
            return (
              <Menu.Item
                key={type}
                leftSection={
                  <ThemeIcon size={24} variant="light" color={kind.color}>
                    <kind.icon size={15} aria-hidden />
                  </ThemeIcon>
                }
                onClick={() => onAdd(type)}
              >
                {t(`workflows.kinds.${type}` as "workflows.kinds.wait")}
              </Menu.Item>
            );
          }),
        ])}
      </Menu.Dropdown>
    </Menu>
  );
}
