import { Button, Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

type Pages = {
  rows: readonly unknown[];
  hasMore: boolean;
  loadingMore: boolean;
  more: () => void;
  query: { data?: { pages: { items: unknown[] }[] } };
};

/** A page looks through 10,000 facts at most: one on which nothing fits is no end. Then one says whether to look on, so
 *  that a filter nothing fits does not walk through years by itself. */
export function isStuck(pages: Pages): boolean {
  return pages.hasMore && pages.query.data?.pages.at(-1)?.items.length === 0;
}

export function Further({ pages }: { pages: Pages }) {
  const { t } = useTranslation();
  if (!isStuck(pages)) return null;
  return (
    <Group justify="center" p="sm" role="status">
      <Text size="sm" c="dimmed">
        {t(pages.rows.length > 0 ? "facts.noneFurther" : "facts.noneYet")}
      </Text>
      <Button size="xs" variant="default" loading={pages.loadingMore} onClick={pages.more}>
        {t("facts.lookFurther")}
      </Button>
    </Group>
  );
}
