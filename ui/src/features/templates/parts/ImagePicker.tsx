import { ActionIcon, Modal, Tooltip } from "@mantine/core";
import { IconPhoto } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Image } from "~/api/schema";
import { Gallery } from "./Gallery";

/** The gallery in a dialog, to choose one. */
export function ImagePicker({ onPick, onClose }: { onPick: (image: Image) => void; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={onClose} title={t("images.choose")} size="xl">
      <Gallery
        height={460}
        onPick={(image) => {
          onPick(image);
          onClose();
        }}
      />
    </Modal>
  );
}

export function ImageButton({ onPick }: { onPick: (image: Image) => void }) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  return (
    <>
      <Tooltip label={t("images.insert")}>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={t("images.insert")}
          onClick={() => setOpened(true)}
        >
          <IconPhoto size={17} aria-hidden />
        </ActionIcon>
      </Tooltip>
      {opened && <ImagePicker onPick={onPick} onClose={() => setOpened(false)} />}
    </>
  );
}
