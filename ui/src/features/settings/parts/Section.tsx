import { Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

/** A part of a page with a name, what it is for and what can be done. */
export function Section({
  title,
  hint,
  action,
  children,
}: {
  title: string;
  hint: string;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Stack gap="xs" component="section" aria-label={title}>
      <Group justify="space-between" align="flex-end">
        <div style={{ flex: 1, minWidth: 240 }}>
          <Title order={2}>{title}</Title>
          <Text size="sm" c="dimmed">
            {hint}
          </Text>
        </div>
        {action}
      </Group>
      {children}
    </Stack>
  );
}
