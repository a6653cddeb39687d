/** A leaf as a row of plain words. */
import { ActionIcon, Menu, Text } from "@mantine/core";
import {
  IconBraces,
  IconCopy,
  IconDotsVertical,
  IconFolderPlus,
  IconListDetails,
  IconTrash,
} from "@tabler/icons-react";
import { type ComponentType, useState } from "react";
import { useTranslation } from "react-i18next";
import classes from "./conditions.module.css";
import { Choice } from "./inputs";
import { ActivityRow } from "./rows/ActivityRow";
import { EventRow } from "./rows/EventRow";
import { FieldRow } from "./rows/FieldRow";
import { JsonRow } from "./rows/JsonRow";
import { OrdersRow } from "./rows/OrdersRow";
import { EngagementRow, PredictionRow, RfmRow } from "./rows/scores";
import { CategoryRow, DomainRow, ListRow, SegmentRow, SubscriptionRow } from "./rows/simple";
import { hasRow, isUnfinished, type Kind, kindOf, type Tree } from "./tree";
import { useWords } from "./words";

const ROWS: Record<Kind, ComponentType<{ tree: Tree; onChange: (tree: Tree) => void }>> = {
  field: FieldRow,
  email_domain: DomainRow,
  list: ListRow,
  segment: SegmentRow,
  subscription: SubscriptionRow,
  category: CategoryRow,
  activity: ActivityRow,
  event: EventRow,
  orders: OrdersRow,
  rfm: RfmRow,
  engagement: EngagementRow,
  prediction: PredictionRow,
};

export function Leaf({
  tree,
  negated,
  onChange,
  onNegate,
  onRemove,
  onCopy,
  onWrap,
  errors,
}: {
  tree: Tree;
  negated: boolean;
  onChange: (tree: Tree) => void;
  onNegate: (negated: boolean) => void;
  onRemove: () => void;
  onCopy: () => void;
  onWrap: () => void;
  /** What the server says of this row. */
  errors: readonly string[];
}) {
  const { t } = useTranslation();
  const words = useWords();
  const [asJson, setAsJson] = useState(false);
  const kind = kindOf(tree);
  const Row = kind && hasRow(tree) ? ROWS[kind] : undefined;
  const leads = kind ?? "other";
  const unfinished = isUnfinished(tree);
  return (
    <div
      className={classes.row}
      data-wrong={errors.length > 0 || undefined}
      role="group"
      aria-label={words("kinds", leads)}
    >
      <div className={classes.sentence}>
        <Choice
          label={t("conditions.isOrNot")}
          value={negated ? "no" : "yes"}
          options={[
            { value: "yes", label: words("leads", leads) },
            { value: "no", label: words("notLeads", leads) },
          ]}
          onChange={(word) => onNegate(word === "no")}
        />
        {Row && !asJson ? (
          <Row tree={tree} onChange={onChange} />
        ) : (
          <JsonRow tree={tree} onChange={onChange} />
        )}
        {errors.length === 0 && unfinished && (
          <Text size="xs" c="dimmed" w="100%">
            {t("conditions.unfinished")}
          </Text>
        )}
        {errors.map((error) => (
          <Text key={error} size="xs" c="var(--mantine-color-error)" w="100%" role="status">
            {error}
          </Text>
        ))}
      </div>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={t("conditions.rowMenu")}>
            <IconDotsVertical size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconCopy size={15} aria-hidden />} onClick={onCopy}>
            {t("conditions.duplicate")}
          </Menu.Item>
          <Menu.Item leftSection={<IconFolderPlus size={15} aria-hidden />} onClick={onWrap}>
            {t("conditions.wrap")}
          </Menu.Item>
          {Row && (
            <Menu.Item
              leftSection={
                asJson ? <IconListDetails size={15} aria-hidden /> : <IconBraces size={15} aria-hidden />
              }
              onClick={() => setAsJson(!asJson)}
            >
              {asJson ? t("conditions.asRow") : t("conditions.asJson")}
            </Menu.Item>
          )}
          <Menu.Item color="red" leftSection={<IconTrash size={15} aria-hidden />} onClick={onRemove}>
            {t("conditions.remove")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
