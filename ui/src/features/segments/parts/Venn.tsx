import { ColorSwatch, Group, Text } from "@mantine/core";
import { number } from "~/ui/format";
import { circles } from "../venn";

const HEIGHT = 220;
const RADIUS = 100;

/** Two circles in proportion; the figures stand below as text. */
export function Venn({
  label,
  first,
  second,
  both,
  names,
}: {
  label: string;
  first: number;
  second: number;
  both: number;
  names: readonly [string, string];
}) {
  const drawn = circles(first, second, both);
  const left = drawn.first * RADIUS;
  const width = Math.max(drawn.first, drawn.distance + drawn.second) * RADIUS + left + 4;
  const colors = ["var(--mantine-color-syncom-5)", "var(--mantine-color-teal-5)"] as const;
  return (
    <>
      <svg
        viewBox={`-2 ${-HEIGHT / 2} ${width} ${HEIGHT}`}
        role="img"
        aria-label={label}
        style={{ width: "100%", height: HEIGHT }}
      >
        <circle cx={left} cy={0} r={left} fill={colors[0]} fillOpacity={0.45} stroke={colors[0]} />
        <circle
          cx={left + drawn.distance * RADIUS}
          cy={0}
          r={drawn.second * RADIUS}
          fill={colors[1]}
          fillOpacity={0.45}
          stroke={colors[1]}
        />
      </svg>
      <Group justify="center" gap="lg" mt="xs">
        {names.map((name, place) => (
          <Group key={colors[place]} gap={6} wrap="nowrap">
            <ColorSwatch size={12} color={colors[place] ?? ""} withShadow={false} aria-hidden />
            <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }}>
              {name}: {number(place === 0 ? first : second)}
            </Text>
          </Group>
        ))}
      </Group>
    </>
  );
}
