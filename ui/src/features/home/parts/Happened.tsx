import { Box as Plain, SimpleGrid } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Period, Point } from "~/api/schema";
import { Figure } from "~/ui/Figure";
import { money, number, percent, short } from "~/ui/format";
import { daily } from "../days";
import { seriesQuery } from "../queries";
import { Bars } from "./Bars";
import { Box } from "./Box";

type Counted = { now: number; before: number };

/** Figures of a period: number, rate, against as many days before. */
export function Happened({ period }: { period: Period }) {
  const { t } = useTranslation();
  const series = useQuery(seriesQuery(period.days));
  const change = useChange();
  const points = series.data?.points;
  // People open in these days what was sent before, too: more than all is no share.
  const rate = (figure: Counted) =>
    period.sent.now > 0 && figure.now <= period.sent.now ? percent(figure.now / period.sent.now) : undefined;
  const shown: { name: Name; figure: Counted; rate?: string; more: boolean; counter?: string }[] = [
    { name: "sent", figure: period.sent, more: true, counter: "sent" },
    { name: "opened", figure: period.opened, rate: rate(period.opened), more: true, counter: "opened.first" },
    {
      name: "clicked",
      figure: period.clicked,
      rate: rate(period.clicked),
      more: true,
      counter: "clicked.first",
    },
    { name: "newContacts", figure: period.new_contacts, more: true },
    { name: "unsubscribed", figure: period.unsubscribed, rate: rate(period.unsubscribed), more: false },
    { name: "bounced", figure: period.bounced, rate: rate(period.bounced), more: false },
  ];
  return (
    <Box title={t("home.happened")}>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
        {shown.map(({ name, figure, rate, more, counter }) => (
          <Figure
            key={name}
            label={t(`home.${name}`)}
            hint={t(`home.hints.${name}`)}
            value={
              name === "newContacts" && !period.new_contacts_is_exact
                ? t("home.atLeast", { count: figure.now, number: short(figure.now) })
                : number(figure.now)
            }
            rate={rate}
            change={change(figure.now, figure.before, more)}
            below={
              counter && (
                <Small label={t(`home.${name}`)} points={points} days={period.days} counter={counter} />
              )
            }
          />
        ))}
        {period.revenue.map((earned) => (
          <Figure
            key={earned.currency}
            label={t("home.revenue")}
            hint={t("home.hints.revenue")}
            value={money(earned.now, earned.currency)}
            change={change(Number(earned.now), Number(earned.before), true)}
          />
        ))}
      </SimpleGrid>
    </Box>
  );
}

type Name = "sent" | "opened" | "clicked" | "newContacts" | "unsubscribed" | "bounced";

function Small({
  label,
  points,
  days,
  counter,
}: {
  label: string;
  points: Point[] | undefined;
  days: number;
  counter: string;
}) {
  return (
    <Plain h={30} mt={4}>
      {points && <Bars label={label} days={daily(points, days, counter, new Date())} />}
    </Plain>
  );
}

/** In words, against the time before. `more`: whether more is good. */
function useChange() {
  const { t } = useTranslation();
  return (now: number, before: number, more: boolean) => {
    if (before === 0) return { text: t("home.noBefore"), good: null };
    if (now === before) return { text: t("home.same"), good: null };
    const text = number((now - before) / before, {
      style: "percent",
      signDisplay: "always",
      maximumFractionDigits: 0,
    });
    return { text: t("home.change", { change: text }), good: now > before === more };
  };
}
