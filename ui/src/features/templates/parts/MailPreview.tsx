import { Alert, Box, Button, Group, Loader, Paper, SegmentedControl, Skeleton, Text } from "@mantine/core";
import { IconAlertTriangle, IconDeviceDesktop, IconDeviceMobile, IconMoon } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Failure } from "~/api/client";
import { useFailureText } from "~/ui/Failed";
import { MailFrame } from "~/ui/MailFrame";
import type { Content } from "../queries";
import { usePreview } from "./preview";
import { ReaderPicker } from "./ReaderPicker";

const SCREENS = ["desktop", "mobile", "dark"] as const;
type Screen = (typeof SCREENS)[number];
const ICONS = { desktop: IconDeviceDesktop, mobile: IconDeviceMobile, dark: IconMoon };

/** A mail as a reader gets it, on a screen, on a phone, in dark mode. */
export function MailPreview({
  content,
  contact,
  onContact,
  height = "calc(100dvh - 330px)",
  onLine,
}: {
  content: Content;
  contact: number | undefined;
  onContact: (contact: number | undefined) => void;
  height?: number | string;
  /** Go to a line of the source. */
  onLine?: (line: number) => void;
}) {
  const { t } = useTranslation();
  const [screen, setScreen] = useState<Screen>("desktop");
  const preview = usePreview(content, contact);
  // Shown from where this page is: the address in it is the one for others.
  const url = preview.data?.url ? new URL(preview.data.url, window.location.href).pathname : undefined;
  return (
    <Box>
      <Group justify="space-between" mb="xs" gap="xs">
        <SegmentedControl
          size="xs"
          aria-label={t("editor.screen")}
          value={screen}
          onChange={(value) => setScreen(value as Screen)}
          data={SCREENS.map((name) => ({ value: name, label: <ScreenLabel name={name} /> }))}
        />
        <Group gap={6}>
          {preview.isFetching && <Loader size={14} aria-label={t("common.loading")} />}
          <ReaderPicker contact={contact} onChange={onContact} />
        </Group>
      </Group>
      {preview.isError ? (
        <Wrong error={preview.error} onLine={onLine} />
      ) : preview.data && url ? (
        <>
          <Paper withBorder px="sm" py={6} mb="xs" radius="md">
            <Text size="sm" fw={600} truncate dir="auto">
              {preview.data.subject || t("editor.noSubject")}
            </Text>
          </Paper>
          <MailFrame
            key={screen}
            src={screen === "dark" ? `${url}?dark=on` : url}
            title={t("editor.previewOf", { name: content.name })}
            width={screen === "mobile" ? 392 : "100%"}
            height={height}
            dark={screen === "dark"}
          />
        </>
      ) : (
        <Skeleton height={height} radius="md" />
      )}
    </Box>
  );
}

function ScreenLabel({ name }: { name: Screen }): ReactNode {
  const { t } = useTranslation();
  const Icon = ICONS[name];
  return (
    <Group gap={5} wrap="nowrap">
      <Icon size={14} aria-hidden />
      {t(`editor.screens.${name}`)}
    </Group>
  );
}

/** What keeps the message from being made, and the way to its place. */
export function Wrong({ error, onLine }: { error: unknown; onLine?: (line: number) => void }) {
  const { t } = useTranslation();
  const text = useFailureText();
  const said = error instanceof Failure && error.status === 422 ? error.fields : [];
  const line = Number(said.map((one) => /line (\d+)/.exec(one.reason)?.[1]).find(Boolean));
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("editor.cannotBeMade")} role="alert">
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {text(error)}
      </Text>
      {onLine && line > 0 && (
        <Button mt="xs" size="xs" variant="light" color="red" onClick={() => onLine(line)}>
          {t("editor.goToLine", { line })}
        </Button>
      )}
    </Alert>
  );
}
