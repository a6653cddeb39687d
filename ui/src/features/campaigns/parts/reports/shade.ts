/** The ground of a cell: the stronger, the larger its share of the most. Numbers on it stay readable in light and dark. */
export function shade(value: number, most: number): string | undefined {
  if (value <= 0 || most <= 0) return undefined;
  const strength = Math.max(6, Math.round(40 * Math.sqrt(Math.min(1, value / most))));
  return `color-mix(in srgb, var(--mantine-primary-color-filled) ${strength}%, transparent)`;
}
