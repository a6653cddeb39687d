/** How often, and when. */
import { Group } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Amount, Choice, Moment } from "../inputs";
import { changed, type Tree } from "../tree";

type Props = { tree: Tree; onChange: (tree: Tree) => void };

/** At least and at most so many times; nothing: at least once. */
export function Times({ tree, onChange }: Props) {
  const { t } = useTranslation();
  const least = tree.at_least;
  const most = tree.at_most;
  const mode =
    most === undefined
      ? least === undefined || least === 1
        ? "once"
        : "at_least"
      : least === undefined
        ? "at_most"
        : "between";
  const set = (next: string) => {
    const to = {
      once: { at_least: undefined, at_most: undefined },
      at_least: { at_least: 2, at_most: undefined },
      at_most: { at_least: undefined, at_most: typeof most === "number" ? most : 1 },
      between: {
        at_least: typeof least === "number" ? least : 1,
        at_most: Math.max(Number(most ?? 0), Number(least ?? 1)),
      },
    }[next];
    if (to) onChange(changed(tree, to));
  };
  return (
    <>
      <Choice
        label={t("conditions.howOften")}
        value={mode}
        options={[
          { value: "once", label: t("conditions.times.once") },
          { value: "at_least", label: t("conditions.times.atLeast") },
          { value: "at_most", label: t("conditions.times.atMost") },
          { value: "between", label: t("conditions.times.between") },
        ]}
        onChange={set}
      />
      {(mode === "at_least" || mode === "between") && (
        <Amount
          label={t("conditions.times.least")}
          value={least}
          // An empty box is still this way of counting.
          onChange={(at_least) => onChange(changed(tree, { at_least: at_least ?? 2 }))}
          min={1}
          whole
        />
      )}
      {mode === "between" && <span>–</span>}
      {(mode === "at_most" || mode === "between") && (
        <Amount
          label={t("conditions.times.most")}
          value={most}
          onChange={(at_most) => onChange(changed(tree, { at_most: at_most ?? 1 }))}
          min={0}
          whole
        />
      )}
      {mode !== "once" && <span>{t("conditions.times.unit")}</span>}
    </>
  );
}

/** Ever, in the last days, or between two times. */
export function Window({ tree, onChange, always = false }: Props & { always?: boolean }) {
  const { t } = useTranslation();
  const mode =
    tree.in_last_days !== undefined
      ? "last"
      : tree.from !== undefined && tree.to !== undefined
        ? "between"
        : tree.from !== undefined
          ? "since"
          : tree.to !== undefined
            ? "before"
            : "ever";
  const today = () => new Date(new Date().setHours(0, 0, 0, 0));
  const text = (moment: Date) => moment.toISOString().replace(".000Z", "Z");
  const daysAgo = (days: number) => text(new Date(today().getTime() - days * 86_400_000));
  const none = { in_last_days: undefined, from: undefined, to: undefined };
  const set = (next: string) => {
    const to = {
      ever: none,
      last: { ...none, in_last_days: 30 },
      since: { ...none, from: tree.from ?? daysAgo(30) },
      before: { ...none, to: tree.to ?? text(today()) },
      between: { ...none, from: tree.from ?? daysAgo(30), to: tree.to ?? text(today()) },
    }[next];
    if (to) onChange(changed(tree, to));
  };
  return (
    <>
      <Choice
        label={t("conditions.when")}
        value={mode}
        options={[
          ...(always && mode !== "ever" ? [] : [{ value: "ever", label: t("conditions.window.ever") }]),
          { value: "last", label: t("conditions.window.last") },
          { value: "since", label: t("conditions.window.since") },
          { value: "before", label: t("conditions.window.before") },
          { value: "between", label: t("conditions.window.between") },
        ]}
        onChange={set}
      />
      {mode === "last" && (
        <Group gap={6} wrap="nowrap">
          <Amount
            label={t("conditions.days")}
            value={tree.in_last_days}
            onChange={(days) => onChange(changed(tree, { in_last_days: days ?? 1 }))}
            min={0}
            whole
          />
          <span>{t("conditions.daysAfter")}</span>
        </Group>
      )}
      {(mode === "since" || mode === "between") && (
        <Moment
          label={t("conditions.window.since")}
          value={tree.from}
          onChange={(from) => from && onChange(changed(tree, { from }))}
        />
      )}
      {mode === "between" && <span>–</span>}
      {(mode === "before" || mode === "between") && (
        <Moment
          label={t("conditions.window.before")}
          value={tree.to}
          onChange={(to) => to && onChange(changed(tree, { to }))}
        />
      )}
    </>
  );
}
