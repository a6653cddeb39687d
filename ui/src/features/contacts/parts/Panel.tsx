import { Group, Paper, Title } from "@mantine/core";
import type { ReactNode } from "react";

/** A part of a page with its name and what can be done there. */
export function Panel({ title, act, children }: { title: string; act?: ReactNode; children: ReactNode }) {
  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <Title order={2} size="h3">
          {title}
        </Title>
        {act}
      </Group>
      {children}
    </Paper>
  );
}
