/** Comparing: an operator and the value it compares with. */
import { useTranslation } from "react-i18next";
import { Amount, Choice, Day, Moment, type Option, Several, Words } from "../inputs";
import { BARE, changed, type Tree } from "../tree";
import { useWords } from "../words";

export const DATE_OPERATORS = [
  "equals",
  "not_equals",
  "greater",
  "at_least",
  "less",
  "at_most",
  "in_last_days",
  "in_next_days",
  "more_than_days_ago",
  "anniversary_in_next_days",
  "is_set",
  "is_empty",
];
export const NUMBER_OPERATORS = [
  "equals",
  "not_equals",
  "greater",
  "at_least",
  "less",
  "at_most",
  "is_set",
  "is_empty",
];

/** How values of a type are compared. */
export const OPERATORS: Record<string, string[]> = {
  text: ["equals", "not_equals", "in", "contains", "starts_with", "is_set", "is_empty"],
  choice: ["equals", "not_equals", "in", "contains", "starts_with", "is_set", "is_empty"],
  number: NUMBER_OPERATORS,
  date: DATE_OPERATORS,
  datetime: DATE_OPERATORS,
  boolean: ["equals", "is_set", "is_empty"],
  multichoice: ["contains", "is_set", "is_empty"],
};

const IN_DAYS = ["in_last_days", "in_next_days", "more_than_days_ago", "anniversary_in_next_days"];

/** What kind of value an operator takes: with another kind the value is begun anew. */
export function shapeOf(type: string, operator: string): string {
  if (BARE.includes(operator)) return "none";
  if (IN_DAYS.includes(operator)) return "days";
  if (operator === "in") return "texts";
  return type;
}

export function Compare({
  tree,
  onChange,
  type,
  operators = OPERATORS[type] ?? OPERATORS.text ?? [],
  choices = [],
}: {
  tree: Tree;
  onChange: (tree: Tree) => void;
  type: string;
  operators?: readonly string[];
  choices?: readonly string[];
}) {
  const { t } = useTranslation();
  const words = useWords();
  const operator = String(tree.op);
  const isDate = type === "date" || type === "datetime";
  const options: Option[] = operators.map((one) => ({
    value: one,
    label: words(isDate ? "dateOps" : "ops", one),
  }));
  const setOperator = (next: string) => {
    const keep = shapeOf(type, next) === shapeOf(type, operator);
    onChange(changed(tree, { op: next, value: keep ? tree.value : next.endsWith("_days") ? 7 : undefined }));
  };
  return (
    <>
      <Choice label={t("conditions.operator")} value={operator} options={options} onChange={setOperator} />
      <Value
        shape={shapeOf(type, operator)}
        value={tree.value}
        choices={choices}
        onChange={(value) => onChange(changed(tree, { value }))}
      />
      {IN_DAYS.includes(operator) && <span>{t("conditions.daysAfter")}</span>}
    </>
  );
}

function Value({
  shape,
  value,
  choices,
  onChange,
}: {
  shape: string;
  value: unknown;
  choices: readonly string[];
  onChange: (value: unknown) => void;
}) {
  const { t } = useTranslation();
  const label = t("conditions.value");
  switch (shape) {
    case "none":
      return null;
    case "days":
      return <Amount label={t("conditions.days")} value={value} onChange={onChange} min={0} whole />;
    case "number":
      return <Amount label={label} value={value} onChange={onChange} />;
    case "date":
      return <Day label={label} value={value} onChange={onChange} />;
    case "datetime":
      return <Moment label={label} value={value} onChange={onChange} />;
    case "boolean":
      return (
        <Choice
          label={label}
          value={value === undefined ? "" : String(value)}
          options={[
            ...(value === undefined ? [{ value: "", label: t("conditions.choose") }] : []),
            { value: "true", label: t("common.yes") },
            { value: "false", label: t("common.no") },
          ]}
          onChange={(word) => onChange(word === "" ? undefined : word === "true")}
        />
      );
    case "texts":
      return (
        <Several
          label={label}
          value={Array.isArray(value) ? value.map(String) : []}
          options={choices}
          onChange={onChange}
        />
      );
    default:
      if (choices.length > 0 && (shape === "choice" || shape === "multichoice"))
        return (
          <Choice
            label={label}
            value={value === undefined ? "" : String(value)}
            options={[
              ...(value === undefined ? [{ value: "", label: t("conditions.choose") }] : []),
              ...choices.map((one) => ({ value: one, label: one })),
            ]}
            onChange={(word) => onChange(word === "" ? undefined : word)}
          />
        );
      return (
        <Words
          label={label}
          value={value === undefined ? "" : String(value)}
          onChange={(word) => onChange(word === "" ? undefined : word)}
        />
      );
  }
}
