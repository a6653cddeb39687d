import { ActionIcon, Group, Menu } from "@mantine/core";
import { IconFilterPlus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Amount, Choice, Moment, Several, Words } from "../inputs";
import { changed, isTree, type Tree } from "../tree";
import { useWords } from "../words";
import { Times, Window } from "./time";

const MEASURES = ["count", "sum", "average", "first_at", "last_at"];
const OPERATORS = ["equals", "not_equals", "greater", "at_least", "less", "at_most"];
const FILTERS = ["status", "item", "category", "currency"] as const;
const STATUSES = ["INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART"];

/** Ordered from the category "Shoes" at least 2 times; spent at least 1000 in the last 365 days. */
export function OrdersRow({ tree, onChange }: { tree: Tree; onChange: (tree: Tree) => void }) {
  const { t } = useTranslation();
  const words = useWords();
  const measure = String(tree.orders);
  const isTime = measure === "first_at" || measure === "last_at";
  const counts = measure === "count" && tree.op === undefined;
  const where = isTree(tree.where) ? tree.where : {};
  const setWhere = (next: Tree) =>
    onChange(changed(tree, { where: Object.keys(next).length > 0 ? next : undefined }));
  const setMeasure = (next: string) => {
    const nextIsTime = next === "first_at" || next === "last_at";
    if (next === "count")
      return onChange(changed(tree, { orders: next, op: undefined, value: undefined, at_least: 1 }));
    onChange(
      changed(tree, {
        orders: next,
        op: tree.op ?? (nextIsTime ? "less" : "at_least"),
        value: nextIsTime === isTime && measure !== "count" ? tree.value : undefined,
        at_least: undefined,
        at_most: undefined,
        ...(nextIsTime ? { in_last_days: undefined, from: undefined, to: undefined } : {}),
      }),
    );
  };
  return (
    <>
      <Choice
        label={t("conditions.measure")}
        value={measure}
        options={MEASURES.map((one) => ({ value: one, label: words("measures", one) }))}
        onChange={setMeasure}
      />
      {FILTERS.filter((name) => where[name] !== undefined).map((name) => (
        <Group key={name} gap={6} wrap="nowrap">
          <span>{words("orderFilters", name)}</span>
          {name === "status" ? (
            <Several
              label={words("orderFilters", name)}
              value={(where.status as string[] | undefined) ?? []}
              options={STATUSES}
              onChange={(status) => setWhere(changed(where, { status }))}
            />
          ) : (
            <Words
              label={words("orderFilters", name)}
              value={String(where[name])}
              onChange={(text) => setWhere(changed(where, { [name]: text }))}
            />
          )}
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t("conditions.removeFilter")}
            onClick={() => setWhere(changed(where, { [name]: undefined }))}
          >
            <IconX size={14} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      {FILTERS.some((name) => where[name] === undefined) && (
        <Menu withinPortal>
          <Menu.Target>
            <ActionIcon variant="subtle" aria-label={t("conditions.addFilter")}>
              <IconFilterPlus size={16} aria-hidden />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {FILTERS.filter((name) => where[name] === undefined).map((name) => (
              <Menu.Item
                key={name}
                onClick={() => setWhere({ ...where, [name]: name === "status" ? [] : "" })}
              >
                {words("orderFilters", name)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {counts ? (
        <Times tree={tree} onChange={onChange} />
      ) : (
        <>
          <Choice
            label={t("conditions.operator")}
            value={String(tree.op)}
            options={OPERATORS.map((one) => ({ value: one, label: words(isTime ? "dateOps" : "ops", one) }))}
            onChange={(op) => onChange(changed(tree, { op }))}
          />
          {isTime ? (
            <Moment
              label={t("conditions.value")}
              value={tree.value}
              onChange={(value) => onChange(changed(tree, { value }))}
            />
          ) : (
            <Amount
              label={t("conditions.value")}
              value={tree.value}
              onChange={(value) => onChange(changed(tree, { value }))}
            />
          )}
        </>
      )}
      {!isTime && <Window tree={tree} onChange={onChange} />}
    </>
  );
}
