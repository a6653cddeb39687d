import { ActionIcon, Button } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Form } from "./context";

export function Add({ label, onAdd }: { label: string; onAdd: () => void }) {
  return (
    <Button
      size="compact-sm"
      variant="light"
      leftSection={<IconPlus size={14} aria-hidden />}
      onClick={onAdd}
      style={{ alignSelf: "flex-start" }}
    >
      {label}
    </Button>
  );
}

export function Remove({ form, onRemove }: { form: Form; onRemove: () => void }) {
  const { t } = useTranslation();
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      mb={4}
      onClick={onRemove}
      disabled={form.disabled}
      aria-label={t("common.remove")}
    >
      <IconTrash size={16} aria-hidden />
    </ActionIcon>
  );
}
