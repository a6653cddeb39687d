import { ActionIcon, Menu } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

/** What else can be done, behind three dots: of a row, or of a page beside its buttons. */
export function MoreMenu({
  label,
  beside = false,
  children,
}: {
  /** Whose acts these are, for assistive technology; "More". */
  label?: string;
  /** As high as the buttons beside it. */
  beside?: boolean;
  /** Mantine's `Menu.Item`s. */
  children: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon
          variant={beside ? "default" : "subtle"}
          color={beside ? undefined : "gray"}
          size={beside ? 36 : undefined}
          aria-label={label ?? t("common.more")}
        >
          <IconDots size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}
