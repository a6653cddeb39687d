import { Button, Modal, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { DialogButtons } from "./DialogButtons";
import { Failed } from "./Failed";

/** A form in a dialog. It stays open, with all that was typed, until the server took it. */
export function FormDialog({
  title,
  act,
  onClose,
  onSubmit,
  sending,
  failure,
  size,
  danger = false,
  children,
}: {
  title: string;
  /** What the button does: "Add person", never "OK". */
  act: string;
  onClose: () => void;
  onSubmit: (event?: React.FormEvent<HTMLFormElement>) => void;
  sending: boolean;
  failure?: unknown;
  size?: string | number;
  danger?: boolean;
  children: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={size}
      closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={onSubmit} noValidate>
        <Stack>
          {children}
          {failure !== undefined && <Failed error={failure} />}
          <DialogButtons onClose={onClose}>
            <Button type="submit" loading={sending} color={danger ? "red" : undefined}>
              {act}
            </Button>
          </DialogButtons>
        </Stack>
      </form>
    </Modal>
  );
}
