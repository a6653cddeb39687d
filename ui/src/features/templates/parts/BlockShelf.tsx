import { ActionIcon, Group, Modal, Stack, Text } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { Failed } from "~/ui/Failed";
import { Time } from "~/ui/Time";
import { tellDone, tellFailed } from "~/ui/tell";
import { blocksQuery } from "../queries";

/** Blocks that were kept: mails that one was put into stay as they are when it goes. */
export function BlockShelf({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const blocks = useQuery(blocksQuery);
  const remove = async (block: { block_id: number; name: string; source: string; category: string }) => {
    try {
      await ask(
        api.DELETE("/syncom/v1/blocks/{block_id}", { params: { path: { block_id: block.block_id } } }),
      );
      await client.invalidateQueries({ queryKey: blocksQuery.queryKey });
      tellDone(t("editor.designer.blockGone", { name: block.name }), () => void back(block));
    } catch (error) {
      tellFailed(error);
    }
  };
  const back = async ({ name, source, category }: { name: string; source: string; category: string }) => {
    try {
      await ask(api.POST("/syncom/v1/blocks", { body: { name, source, category, format: "mjml" } }));
      await client.invalidateQueries({ queryKey: blocksQuery.queryKey });
    } catch (error) {
      tellFailed(error);
    }
  };
  return (
    <Modal opened onClose={onClose} title={t("editor.designer.shelf")}>
      {blocks.isError && <Failed error={blocks.error} />}
      <Stack gap="xs" component="ul" m={0} p={0}>
        {blocks.data?.items.map((one) => (
          <Group key={one.block_id} component="li" justify="space-between" wrap="nowrap">
            <div style={{ minWidth: 0 }}>
              <Text size="sm" truncate dir="auto">
                {one.name}
              </Text>
              <Text size="xs" c="dimmed" component="div">
                <Time at={one.updated_at} />
              </Text>
            </div>
            <ActionIcon
              variant="subtle"
              color="red"
              aria-label={t("editor.designer.removeBlock", { name: one.name })}
              onClick={() => void remove(one)}
            >
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
      </Stack>
      {blocks.data?.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("editor.designer.shelfEmpty")}
        </Text>
      )}
    </Modal>
  );
}
