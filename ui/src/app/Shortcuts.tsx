import { Group, Kbd, Modal, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { JUMPS } from "./keys";
import type { Place } from "./places";

/** Which keys do what. */
export default function Shortcuts({ places, onClose }: { places: Place[]; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("palette.shortcuts.title")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack gap="xs">
        <Row text={t("palette.shortcuts.palette")}>
          <Kbd>Ctrl</Kbd> <Kbd>K</Kbd>
        </Row>
        <Row text={t("palette.shortcuts.help")}>
          <Kbd>?</Kbd>
        </Row>
        <Row text={t("palette.shortcuts.close")}>
          <Kbd>Esc</Kbd>
        </Row>
        {Object.entries(JUMPS).map(([letter, path]) => {
          const place = places.find((one) => one.path === path);
          return (
            place && (
              <Row
                key={letter}
                text={t("palette.shortcuts.go", { place: t(`nav.${place.name}` as "nav.home") })}
              >
                <Kbd>G</Kbd> {t("palette.shortcuts.then")} <Kbd>{letter.toUpperCase()}</Kbd>
              </Row>
            )
          );
        })}
      </Stack>
    </Modal>
  );
}

function Row({ text, children }: { text: string; children: ReactNode }) {
  return (
    <Group justify="space-between" wrap="nowrap">
      <Text size="sm">{text}</Text>
      <Text size="sm" component="span" style={{ flexShrink: 0 }}>
        {children}
      </Text>
    </Group>
  );
}
