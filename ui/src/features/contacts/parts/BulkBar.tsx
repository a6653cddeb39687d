/** What can be done to those who are chosen. */
import { Anchor, Button, Group, Menu, Paper, Text } from "@mantine/core";
import { IconChevronDown, IconListCheck, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Count } from "~/api/schema";
import { number } from "~/ui/format";
import type { Condition } from "../condition";
import { DEEDS, DeedDialog, type DeedName } from "./DeedDialog";

type Props = {
  ids: number[];
  /** All who match are meant, not those of `ids`. */
  isEverybody: boolean;
  /** The condition of all who match; undefined: there is none that says it. */
  everybody: Condition | undefined;
  total: Count | null | undefined;
  list?: number;
  onEverybody: () => void;
  onClear: () => void;
  onStarted: (action: number) => void;
};

export function BulkBar(props: Props) {
  const { t } = useTranslation();
  const [deed, setDeed] = useState<DeedName>();
  const { ids, isEverybody, everybody, total } = props;
  const count = isEverybody ? (total?.contacts ?? 0) : ids.length;
  return (
    <Paper withBorder p="xs" px="sm" role="region" aria-label={t("contacts.chosenOnes")}>
      <Group gap="sm">
        <Text size="sm" fw={600}>
          {isEverybody
            ? t("contacts.everybodyChosen", { count, shown: number(count) })
            : t("contacts.chosen", { count, shown: number(count) })}
        </Text>
        {!isEverybody && everybody && total && total.contacts > ids.length && (
          <Anchor component="button" size="sm" onClick={props.onEverybody}>
            {t("contacts.chooseEverybody", { count: total.contacts, shown: number(total.contacts) })}
          </Anchor>
        )}
        <Anchor component="button" size="sm" onClick={props.onClear}>
          {t("contacts.chooseNobody")}
        </Anchor>
        <Group gap="xs" ms="auto">
          <Button
            size="xs"
            variant="light"
            leftSection={<IconListCheck size={16} aria-hidden />}
            onClick={() => setDeed("add_to_list")}
          >
            {t("contacts.deeds.add_to_list")}
          </Button>
          <Menu position="bottom-end" withinPortal>
            <Menu.Target>
              <Button size="xs" variant="light" rightSection={<IconChevronDown size={14} aria-hidden />}>
                {t("common.more")}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {DEEDS.filter((one) => one !== "add_to_list" && one !== "delete").map((one) => (
                <Menu.Item key={one} onClick={() => setDeed(one)}>
                  {t(`contacts.deeds.${one}`)}
                </Menu.Item>
              ))}
              <Menu.Divider />
              <Menu.Item
                color="red"
                leftSection={<IconTrash size={16} aria-hidden />}
                onClick={() => setDeed("delete")}
              >
                {t("contacts.deeds.delete")}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      </Group>
      {deed && (
        <DeedDialog
          deed={deed}
          count={count}
          list={props.list}
          target={isEverybody ? { condition: everybody } : { contact_ids: ids }}
          onClose={() => setDeed(undefined)}
          onStarted={props.onStarted}
        />
      )}
    </Paper>
  );
}
