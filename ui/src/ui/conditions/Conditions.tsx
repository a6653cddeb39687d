/** The condition builder: a tree of the segment language as groups of sentences. Controlled: it keeps nothing of its own. */
import { ActionIcon, Button, Group, Menu, Stack, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { FieldError } from "~/api/client";
import classes from "./conditions.module.css";
import { Choice } from "./inputs";
import { carryKey, keyOf } from "./keys";
import { Leaf } from "./Leaf";
import { begin, type GroupWord, groupOf, KINDS, type Kind, negatedOf, type Tree } from "./tree";

export type ConditionsProps = {
  value: Tree;
  onChange: (value: Tree) => void;
  /** Of the server, by their place in the tree: each stands at its row. */
  errors?: readonly FieldError[];
  /** Where the tree is in what was sent, as errors name it; `condition`. */
  at?: string;
};

export function Conditions({ value, onChange, errors: given = [], at = "condition" }: ConditionsProps) {
  const errors = spread(given, at);
  const inner = negatedOf(value);
  if (groupOf(value) || (inner && groupOf(inner)))
    return <GroupBox tree={value} onChange={onChange} at={at} errors={errors} depth={0} />;
  // One part without a group: it is shown in one, which is written down when a second part joins it.
  return (
    <Parts
      word="all"
      negated={false}
      parts={[value]}
      placeOf={() => at}
      onParts={(parts, word, negated) =>
        onChange(parts.length === 1 && parts[0] && !negated ? parts[0] : grouped(parts, word, negated))
      }
      errors={errors}
      own={[]}
      depth={0}
    />
  );
}

function GroupBox({
  tree,
  onChange,
  onRemove,
  at,
  errors,
  depth,
}: {
  tree: Tree;
  onChange: (tree: Tree) => void;
  onRemove?: () => void;
  at: string;
  errors: readonly FieldError[];
  depth: number;
}) {
  const inner = negatedOf(tree);
  const group = inner ?? tree;
  const word = groupOf(group) ?? "all";
  const place = inner ? `${at}.not` : at;
  return (
    <Parts
      word={word}
      negated={inner !== undefined}
      parts={(group[word] ?? []) as Tree[]}
      placeOf={(index) => `${place}.${word}.${index}`}
      onParts={(parts, nextWord, negated) => onChange(grouped(parts, nextWord, negated))}
      onRemove={onRemove}
      errors={errors}
      own={errors
        .filter((error) => [at, place, `${place}.${word}`].includes(error.field))
        .map((error) => error.reason)}
      depth={depth}
    />
  );
}

function grouped(parts: Tree[], word: GroupWord, negated: boolean): Tree {
  const group = { [word]: parts };
  return negated ? { not: group } : group;
}

function Parts({
  word,
  negated,
  parts,
  placeOf,
  onParts,
  onRemove,
  errors,
  own,
  depth,
}: {
  word: GroupWord;
  negated: boolean;
  parts: readonly Tree[];
  placeOf: (index: number) => string;
  onParts: (parts: Tree[], word: GroupWord, negated: boolean) => void;
  onRemove?: () => void;
  errors: readonly FieldError[];
  own: readonly string[];
  depth: number;
}) {
  const { t } = useTranslation();
  const set = (next: Tree[]) => onParts(next, word, negated);
  const replace = (index: number, next: Tree) =>
    set(parts.map((part, place) => (place === index ? carryKey(part, next) : part)));
  const remove = (index: number) => set(parts.filter((_, place) => place !== index));
  return (
    <Stack
      gap={8}
      className={classes.group}
      data-word={word}
      data-negated={negated || undefined}
      role="group"
      aria-label={t("conditions.group")}
    >
      <Group gap={8} wrap="nowrap">
        <Choice
          label={t("conditions.groupWord")}
          value={`${negated ? "not" : ""}${word}`}
          options={[
            { value: "all", label: t("conditions.words.all") },
            { value: "any", label: t("conditions.words.any") },
            { value: "notall", label: t("conditions.words.notAll") },
            { value: "notany", label: t("conditions.words.none") },
          ]}
          onChange={(next) =>
            onParts([...parts], next.endsWith("all") ? "all" : "any", next.startsWith("not"))
          }
        />
        {onRemove && (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t("conditions.removeGroup")}
            onClick={onRemove}
          >
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        )}
      </Group>
      {parts.length === 0 && (
        <Text size="sm" c="dimmed">
          {(word === "all") !== negated ? t("conditions.everybody") : t("conditions.nobody")}
        </Text>
      )}
      {parts.map((part, index) => (
        <Part
          key={keyOf(part)}
          tree={part}
          onChange={(next) => replace(index, next)}
          onRemove={() => remove(index)}
          onCopy={() => set([...parts.slice(0, index + 1), structuredClone(part), ...parts.slice(index + 1)])}
          onWrap={() => replace(index, { [word === "all" ? "any" : "all"]: [{ ...part }] })}
          at={placeOf(index)}
          errors={errors}
          depth={depth}
        />
      ))}
      {own.map((error) => (
        <Text key={error} size="xs" c="var(--mantine-color-error)" role="status">
          {error}
        </Text>
      ))}
      <AddMenu
        onAdd={(kind) => set([...parts, begin(kind)])}
        onAddGroup={() => set([...parts, { [word === "all" ? "any" : "all"]: [] }])}
        onAddJson={() => set([...parts, {}])}
      />
    </Stack>
  );
}

function Part({
  tree,
  onChange,
  onRemove,
  onCopy,
  onWrap,
  at,
  errors,
  depth,
}: {
  tree: Tree;
  onChange: (tree: Tree) => void;
  onRemove: () => void;
  onCopy: () => void;
  onWrap: () => void;
  at: string;
  errors: readonly FieldError[];
  depth: number;
}) {
  const inner = negatedOf(tree);
  if (groupOf(tree) || (inner && groupOf(inner)))
    return (
      <GroupBox
        tree={tree}
        onChange={onChange}
        onRemove={onRemove}
        at={at}
        errors={errors}
        depth={depth + 1}
      />
    );
  // A negation of a negation has no row: the whole of it is shown as JSON.
  const plain = inner && !negatedOf(inner) ? inner : tree;
  const negated = plain !== tree;
  return (
    <Leaf
      tree={plain}
      negated={negated}
      onChange={(next) => onChange(negated ? { not: next } : next)}
      onNegate={(next) => onChange(next ? { not: plain } : plain)}
      onRemove={onRemove}
      onCopy={onCopy}
      onWrap={onWrap}
      errors={errors
        .filter((error) => error.field === at || error.field.startsWith(`${at}.`))
        .map((error) => error.reason)}
    />
  );
}

const SECTIONS: Record<"about" | "did", readonly Kind[]> = {
  about: [
    "field",
    "email_domain",
    "list",
    "segment",
    "subscription",
    "category",
    "rfm",
    "engagement",
    "prediction",
  ],
  did: ["activity", "event", "orders"],
};

function AddMenu({
  onAdd,
  onAddGroup,
  onAddJson,
}: {
  onAdd: (kind: Kind) => void;
  onAddGroup: () => void;
  onAddJson: () => void;
}) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-start" withinPortal>
      <Menu.Target>
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconPlus size={14} aria-hidden />}
          style={{ alignSelf: "flex-start" }}
        >
          {t("conditions.add")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
        {(["about", "did"] as const).map((section) => (
          <div key={section}>
            <Menu.Label>{t(`conditions.sections.${section}`)}</Menu.Label>
            {KINDS.filter((kind) => SECTIONS[section].includes(kind)).map((kind) => (
              <Menu.Item key={kind} onClick={() => onAdd(kind)}>
                {t(`conditions.kinds.${kind}`)}
              </Menu.Item>
            ))}
          </div>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={onAddGroup}>{t("conditions.addGroup")}</Menu.Item>
        <Menu.Item onClick={onAddJson}>{t("conditions.kinds.other")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Of parts that exclude each other the server tells at the root, and names their places in words: it stands at each of them too. */
export function spread(errors: readonly FieldError[], at: string): readonly FieldError[] {
  return errors.flatMap((error) => {
    const places = error.reason.match(/[\w.]+\.\d+(?:\.not)*(?=[\s,;:]|$)/g) ?? [];
    const inside = places.filter((place) => place.startsWith(`${at}.`));
    return inside.length > 0 ? inside.map((field) => ({ ...error, field })) : [error];
  });
}
