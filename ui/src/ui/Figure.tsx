import { Group, Paper, Text, Tooltip, UnstyledButton } from "@mantine/core";
import type { ReactNode } from "react";

/** A number with its rate, what it means on hover, and the people behind it on a click. */
export function Figure({
  label,
  value,
  rate,
  change,
  hint,
  below,
  onOpen,
}: {
  label: string;
  value: ReactNode;
  rate?: string;
  /** Against the time before, such as `+12%`. */
  change?: { text: string; good: boolean | null };
  hint?: string;
  /** A small chart of it. */
  below?: ReactNode;
  onOpen?: () => void;
}) {
  const inside = (
    <>
      <Text size="xs" c="dimmed" fw={500}>
        {hint ? (
          <Tooltip label={hint} multiline maw={280}>
            <span tabIndex={onOpen ? undefined : 0} style={{ borderBottom: "1px dotted" }}>
              {label}
            </span>
          </Tooltip>
        ) : (
          label
        )}
      </Text>
      <Group gap={8} align="baseline" wrap="nowrap">
        <Text fz={26} fw={650} lh={1.3} style={{ fontVariantNumeric: "tabular-nums" }} component="span">
          {value}
        </Text>
        {rate && (
          <Text size="sm" c="dimmed" component="span">
            {rate}
          </Text>
        )}
      </Group>
      {change && (
        <Text
          size="xs"
          c={
            change.good === null
              ? "dimmed"
              : `var(--mantine-color-${change.good ? "teal" : "red"}-light-color)`
          }
          className="change"
        >
          {change.text}
        </Text>
      )}
      {below}
    </>
  );
  const paper = (
    <Paper withBorder p="md" h="100%">
      {inside}
    </Paper>
  );
  return onOpen ? <UnstyledButton onClick={onOpen}>{paper}</UnstyledButton> : paper;
}
