import { ActionIcon, Autocomplete, Button, Group } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { eventTypesQuery } from "~/api/eventTypes";
import { useMay } from "~/api/session";
import classes from "../conditions.module.css";
import { Choice, Picker } from "../inputs";
import { parametersQuery } from "../queries";
import { changed, type Tree } from "../tree";
import { useWords } from "../words";
import { Times, Window } from "./time";
import { Compare } from "./values";

const OPERATORS = [
  "equals",
  "not_equals",
  "in",
  "contains",
  "greater",
  "at_least",
  "less",
  "at_most",
  "is_set",
  "is_empty",
];
/** As many as the language takes. */
const MOST = 20;

/** Had the event "productViewed" where price is at least 50, in the last 14 days. */
export function EventRow({ tree, onChange }: { tree: Tree; onChange: (tree: Tree) => void }) {
  const { t } = useTranslation();
  const words = useWords();
  const mayRead = useMay("read_settings");
  const mayLook = useMay("read_activity");
  const { data: types = [] } = useQuery({ ...eventTypesQuery, enabled: mayRead });
  const type = types.find((one) => one.key === tree.event);
  const { data: known = [] } = useQuery({
    ...parametersQuery(type?.event_type_id ?? 0),
    enabled: mayLook && type !== undefined,
  });
  const where = (tree.where ?? []) as Tree[];
  const setWhere = (next: Tree[]) => onChange(changed(tree, { where: next.length > 0 ? next : undefined }));
  const which = typeof tree.which === "string" ? tree.which : "";
  const setWhich = (next: string) =>
    onChange(
      changed(tree, {
        which: next || undefined,
        ...(next
          ? {
              at_least: undefined,
              at_most: undefined,
              ...(hasWindow(tree) ? {} : { in_last_days: 30 }),
            }
          : {}),
      }),
    );
  return (
    <>
      <Picker
        label={t("conditions.kinds.event")}
        value={String(tree.event)}
        options={types.map((one) => ({ value: one.key, label: one.key }))}
        onChange={(event) => event !== null && onChange(changed(tree, { event }))}
      />
      {where.map((part, place) => (
        <Group key={place} gap={6} wrap="wrap">
          <span>{place === 0 ? t("conditions.where") : t("conditions.and")}</span>
          <Autocomplete
            size="xs"
            aria-label={t("conditions.parameter")}
            placeholder={t("conditions.parameter")}
            className={classes.text}
            value={String(part.param)}
            data={known.map((one) => one.name)}
            onChange={(param) => setWhere(where.map((one, n) => (n === place ? { ...one, param } : one)))}
          />
          <Compare
            tree={part}
            type={typeOf(part, known.find((one) => one.name === part.param)?.type ?? "")}
            operators={OPERATORS}
            onChange={(next) => setWhere(where.map((one, n) => (n === place ? asKept(next) : one)))}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t("conditions.removeParameter")}
            onClick={() => setWhere(where.filter((_, n) => n !== place))}
          >
            <IconX size={14} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      {where.length < MOST && (
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<IconPlus size={12} aria-hidden />}
          onClick={() => setWhere([...where, { param: "", op: "equals" }])}
        >
          {t("conditions.addParameter")}
        </Button>
      )}
      <Choice
        label={t("conditions.which")}
        value={which}
        options={["", "first", "last"].map((one) => ({ value: one, label: words("whiches", one || "any") }))}
        onChange={setWhich}
      />
      {which === "" && <Times tree={tree} onChange={onChange} />}
      <Window tree={tree} onChange={onChange} always={which !== ""} />
    </>
  );
}

function hasWindow(tree: Tree): boolean {
  return tree.in_last_days !== undefined || tree.from !== undefined || tree.to !== undefined;
}

const ORDERING = ["greater", "at_least", "less", "at_most"];

/** What the events bring decides whether a number is meant; of what they never brought, the value does. */
function typeOf(part: Tree, type: string): string {
  if (typeof part.value === "number") return "number";
  if (part.value !== undefined) return "text";
  return type === "number" || (type === "" && ORDERING.includes(String(part.op))) ? "number" : "text";
}

/** A list stays with `in`, one value with everything else. */
function asKept(part: Tree): Tree {
  return part.op === "in" || !Array.isArray(part.value) ? part : changed(part, { value: part.value[0] });
}
