import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { fieldsQuery } from "~/api/fields";
import type { CustomField } from "~/api/schema";
import { useMay } from "~/api/session";
import { Picker } from "../inputs";
import { changed, type Tree } from "../tree";
import { useWords } from "../words";
import { Compare, OPERATORS, shapeOf } from "./values";

const STANDARD: Record<string, string> = {
  email: "text",
  phone: "text",
  first_name: "text",
  last_name: "text",
  city: "text",
  region: "text",
  country: "text",
  address: "text",
  postcode: "text",
  language: "text",
  time_zone: "text",
  external_id: "text",
  contact_key: "text",
  created_at: "datetime",
  updated_at: "datetime",
};

/** Whose city is "Kyiv". */
export function FieldRow({ tree, onChange }: { tree: Tree; onChange: (tree: Tree) => void }) {
  const { t } = useTranslation();
  const words = useWords();
  const mayRead = useMay("read_settings");
  const { data: own = [] } = useQuery({ ...fieldsQuery, enabled: mayRead });
  const key = String(tree.field);
  const field = own.find((one) => one.key === key);
  const type = typeOf(key, field, tree);
  const choose = (next: string | null) => {
    if (next === null) return;
    const other = typeOf(
      next,
      own.find((one) => one.key === next),
      {},
    );
    const operators = OPERATORS[other] ?? [];
    const op = operators.includes(String(tree.op)) ? String(tree.op) : String(operators[0]);
    const keep = shapeOf(other, op) === shapeOf(type, String(tree.op)) && (field?.choices ?? []).length === 0;
    onChange(changed(tree, { field: next, op, value: keep ? tree.value : undefined }));
  };
  return (
    <>
      <Picker
        label={t("conditions.field")}
        value={key}
        options={[
          ...(own.length > 0
            ? [
                {
                  group: t("conditions.ownFields"),
                  items: own.map((one) => ({ value: one.key, label: one.name || one.key })),
                },
              ]
            : []),
          {
            group: t("conditions.standardFields"),
            items: Object.keys(STANDARD).map((one) => ({ value: one, label: words("fields", one) })),
          },
        ]}
        onChange={choose}
      />
      {key !== "" && <Compare tree={tree} onChange={onChange} type={type} choices={field?.choices ?? []} />}
    </>
  );
}

/** Of a field that is not known (yet), the value says it. */
function typeOf(key: string, field: CustomField | undefined, tree: Tree): string {
  const known = STANDARD[key] ?? (field?.type === "json" ? "text" : field?.type);
  if (known) return known;
  if (typeof tree.value === "number") return String(tree.op).endsWith("_days") ? "datetime" : "number";
  return typeof tree.value === "boolean" ? "boolean" : "text";
}
