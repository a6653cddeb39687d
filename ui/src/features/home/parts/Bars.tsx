import { VisuallyHidden } from "@mantine/core";
import { date, number } from "~/ui/format";

/** Counts by day as small bars, and the same as text. Drawn here: the library of charts is too large for this page. */
export function Bars({ label, days }: { label: string; days: { day: string; count: number }[] }) {
  const most = Math.max(1, ...days.map((one) => one.count));
  const step = 100 / Math.max(1, days.length);
  return (
    <>
      <svg viewBox="0 0 100 24" width="100%" height={28} preserveAspectRatio="none" aria-hidden="true">
        {days.map(({ day, count }, index) => {
          const height = count === 0 ? 0.6 : Math.max(1.5, (24 * count) / most);
          return (
            <rect
              key={day}
              x={index * step}
              y={24 - height}
              width={step * 0.8}
              height={height}
              fill="var(--mantine-primary-color-filled)"
              opacity={count === 0 ? 0.3 : 0.8}
            />
          );
        })}
      </svg>
      <VisuallyHidden>
        {label}: {days.map(({ day, count }) => `${date(day)} ${number(count)}`).join(", ")}
      </VisuallyHidden>
    </>
  );
}
