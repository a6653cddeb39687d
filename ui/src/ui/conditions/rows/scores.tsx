/** Rows of scores: RFM, engagement, predictions. */
import { Chip, Group } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Amount, Choice } from "../inputs";
import { changed, type Tree } from "../tree";
import { useWords } from "../words";
import { Compare, DATE_OPERATORS, NUMBER_OPERATORS } from "./values";

type Props = { tree: Tree; onChange: (tree: Tree) => void };

export const RFM_CLASSES = [
  "champions",
  "loyal",
  "potential_loyalist",
  "new",
  "promising",
  "need_attention",
  "about_to_sleep",
  "at_risk",
  "cant_lose",
  "hibernating",
  "lost",
];
const SCORES = ["recency", "frequency", "monetary"];
const BANDS = ["active", "warm", "cooling", "inactive"];
const PREDICTIONS = [
  "churn",
  "orders_30_days",
  "orders_90_days",
  "order_value",
  "lifetime_value",
  "next_order",
];

export function RfmRow({ tree, onChange }: Props) {
  const words = useWords();
  const given = tree.rfm as Tree;
  const set = (change: Tree) => onChange({ rfm: changed(given, change) });
  return (
    <>
      <Chips
        group="rfmClasses"
        names={RFM_CLASSES}
        chosen={(given.class as string[] | undefined) ?? []}
        onChange={(next) => set({ class: next.length > 0 ? next : undefined })}
      />
      {SCORES.map((name) => (
        <Group key={name} gap={6} wrap="nowrap">
          <span>{words("scores", name)}</span>
          <Span
            name={words("scores", name)}
            given={(given[name] as Tree | undefined) ?? {}}
            min={1}
            max={5}
            onChange={(next) => set({ [name]: Object.keys(next).length > 0 ? next : undefined })}
          />
        </Group>
      ))}
    </>
  );
}

export function EngagementRow({ tree, onChange }: Props) {
  const { t } = useTranslation();
  const given = tree.engagement as Tree;
  const set = (change: Tree) => onChange({ engagement: changed(given, change) });
  return (
    <>
      <Chips
        group="bands"
        names={BANDS}
        chosen={(given.band as string[] | undefined) ?? []}
        onChange={(next) => set({ band: next.length > 0 ? next : undefined })}
      />
      <Group gap={6} wrap="nowrap">
        <span>{t("conditions.points")}</span>
        <Span
          name={t("conditions.points")}
          given={given}
          min={0}
          onChange={(next) => set({ at_least: next.at_least, at_most: next.at_most })}
        />
      </Group>
    </>
  );
}

export function PredictionRow({ tree, onChange }: Props) {
  const { t } = useTranslation();
  const words = useWords();
  const what = String(tree.prediction);
  const isDay = what === "next_order";
  return (
    <>
      <Choice
        label={t("conditions.kinds.prediction")}
        value={what}
        options={PREDICTIONS.map((one) => ({ value: one, label: words("predictions", one) }))}
        onChange={(next) => {
          const same = (next === "next_order") === isDay;
          onChange(
            changed(tree, {
              prediction: next,
              op: same ? tree.op : next === "next_order" ? "in_next_days" : "at_least",
              value: same ? tree.value : next === "next_order" ? 7 : undefined,
            }),
          );
        }}
      />
      <Compare
        tree={tree}
        onChange={onChange}
        type={isDay ? "date" : "number"}
        operators={isDay ? DATE_OPERATORS.filter((one) => !one.startsWith("anniversary")) : NUMBER_OPERATORS}
      />
    </>
  );
}

function Chips({
  group,
  names,
  chosen,
  onChange,
}: {
  group: string;
  names: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}) {
  const words = useWords();
  return (
    <Chip.Group multiple value={[...chosen]} onChange={onChange}>
      <Group gap={4}>
        {names.map((name) => (
          <Chip key={name} value={name} size="xs">
            {words(group, name)}
          </Chip>
        ))}
      </Group>
    </Chip.Group>
  );
}

/** From one number to another; either may be missing. */
function Span({
  name,
  given,
  min,
  max,
  onChange,
}: {
  name: string;
  given: Tree;
  min: number;
  max?: number;
  onChange: (span: Tree) => void;
}) {
  const { t } = useTranslation();
  const bounds = { at_least: given.at_least, at_most: given.at_most };
  return (
    <>
      <Amount
        label={t("conditions.spanFrom", { name })}
        value={given.at_least}
        min={min}
        max={max}
        whole={max !== undefined}
        onChange={(at_least) => onChange(changed(bounds, { at_least }))}
      />
      <span>–</span>
      <Amount
        label={t("conditions.spanTo", { name })}
        value={given.at_most}
        min={min}
        max={max}
        whole={max !== undefined}
        onChange={(at_most) => onChange(changed(bounds, { at_most }))}
      />
    </>
  );
}
