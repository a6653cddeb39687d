/** How dark a cell is, from 0 (nobody) to 5 (the most): by the root, so that small numbers still differ. */
export function heat(value: number, most: number): number {
  if (value <= 0 || most <= 0) return 0;
  return Math.max(1, Math.ceil(Math.sqrt(Math.min(1, value / most)) * 5));
}
