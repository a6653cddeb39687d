import { Button, Group, Stack, Text, Title } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";

/** The frame of a step: what it is about, what is filled in, back and on. */
export function Step({
  title,
  text,
  act,
  busy = false,
  onSubmit,
  onBack,
  children,
}: {
  title: string;
  text: string;
  /** On the button that goes on. */
  act: string;
  busy?: boolean;
  onSubmit: (event?: FormEvent<HTMLFormElement>) => void;
  onBack?: () => void;
  children: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <form onSubmit={onSubmit} noValidate>
      <Stack>
        <div>
          <Title order={2} size="h3">
            {title}
          </Title>
          <Text c="dimmed" size="sm">
            {text}
          </Text>
        </div>
        {children}
        <Group justify="space-between">
          {onBack ? (
            <Button variant="default" onClick={onBack}>
              {t("common.back")}
            </Button>
          ) : (
            <span />
          )}
          <Button type="submit" loading={busy}>
            {act}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
