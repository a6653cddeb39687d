import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { type Cell, saveTable } from "~/ui/csv";

/** Saves a table as CSV; its first row names the columns. */
export function SaveTable({ name, of, rows }: { name: string; of: string; rows: () => Cell[][] }) {
  const { t } = useTranslation();
  return (
    <Button
      variant="subtle"
      size="compact-sm"
      leftSection={<IconDownload size={15} aria-hidden />}
      onClick={() => saveTable(name, rows())}
      aria-label={t("reports.saveOf", { of })}
    >
      {t("reports.save")}
    </Button>
  );
}
