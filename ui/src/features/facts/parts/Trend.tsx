import { VisuallyHidden } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { date, number } from "~/ui/format";

const DAY = 86_400_000;

/** Counts of each 24 hours up to now as small bars, and the same as text; null: not counted so far back. */
export function Trend({ counts, height = 24 }: { counts: readonly (number | null)[]; height?: number }) {
  const { t } = useTranslation();
  const most = Math.max(1, ...counts.map((count) => count ?? 0));
  const step = 100 / Math.max(1, counts.length);
  const now = Date.now();
  const told = counts
    .map((count, index) => ({ count, at: now - (counts.length - 1 - index) * DAY }))
    .filter((one) => one.count !== 0)
    .slice(-14);
  return (
    <>
      <svg viewBox="0 0 100 24" width="100%" height={height} preserveAspectRatio="none" aria-hidden="true">
        {counts.map((count, index) => {
          const tall = count ? Math.max(2, (24 * count) / most) : 0.8;
          return (
            <rect
              key={index}
              x={index * step}
              y={24 - tall}
              width={step * 0.8}
              height={tall}
              fill="var(--mantine-primary-color-filled)"
              opacity={count ? 0.85 : count === null ? 0.1 : 0.3}
            />
          );
        })}
      </svg>
      <VisuallyHidden>
        {told.length === 0
          ? t("facts.noTrend")
          : told
              .map(({ count, at }) => `${date(at)} ${count === null ? t("facts.notCounted") : number(count)}`)
              .join(", ")}
      </VisuallyHidden>
    </>
  );
}
