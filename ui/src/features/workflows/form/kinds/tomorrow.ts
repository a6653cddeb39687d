export function tomorrow(): string {
  const at = new Date(Date.now() + 86_400_000);
  at.setHours(9, 0, 0, 0);
  return at.toISOString();
}
