import { Tooltip, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconArrowRight, IconClock, IconLogout } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { StepFigures } from "~/api/schema";
import { number, short } from "~/ui/format";
import classes from "./Canvas.module.css";

const ICONS = {
  waiting: IconClock,
  passed: IconArrowRight,
  exited: IconLogout,
  failed: IconAlertTriangle,
} as const;

export type Which = keyof typeof ICONS;

/** How many wait at a step, went on, left and failed; each opens those people. */
export function Counts({ figures, open }: { figures: StepFigures; open: (which: Which) => void }) {
  const { t } = useTranslation();
  return (
    <>
      {(Object.keys(ICONS) as Which[])
        .filter((which) => figures[which] > 0 || which === "waiting" || which === "passed")
        .map((which) => {
          const Icon = ICONS[which];
          const label = `${t(`workflows.counts.${which}`)}: ${number(figures[which])}`;
          return (
            <Tooltip key={which} label={label}>
              <UnstyledButton
                className={classes.count}
                data-failed={which === "failed" || undefined}
                aria-label={label}
                onClick={(event) => {
                  event.stopPropagation();
                  open(which);
                }}
              >
                <Icon size={14} aria-hidden />
                {short(figures[which])}
              </UnstyledButton>
            </Tooltip>
          );
        })}
    </>
  );
}
