import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Copy } from "~/ui/Copy";

/** A secret that is shown this once: it goes only by the button, so that no stray click loses it. */
export function Once({
  title,
  secret,
  hint,
  onClose,
  children,
}: {
  title: string;
  secret: string;
  hint: string;
  onClose: () => void;
  /** How it is used. */
  children?: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <Modal
      opened
      onClose={onClose}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
      title={title}
      size="lg"
    >
      <Stack>
        <Alert color="yellow" icon={<IconKey aria-hidden />}>
          {hint}
        </Alert>
        <Copy text={secret} block />
        {children}
        <Group justify="flex-end">
          <Button onClick={onClose}>{t("settings.once.kept")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** A command that shows how the secret is used. */
export function Example({ label, text }: { label: string; text: string }) {
  return (
    <div>
      <Text size="sm" fw={500} mb={4}>
        {label}
      </Text>
      <Copy text={text} block />
    </div>
  );
}
