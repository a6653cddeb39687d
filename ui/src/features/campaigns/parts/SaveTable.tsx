import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { type Cell, csvOf } from "../csv";

/** Saves a table as CSV; its first row names the columns. */
export function SaveTable({ name, of, rows }: { name: string; of: string; rows: () => Cell[][] }) {
  const { t } = useTranslation();
  const save = () => {
    // With a byte order mark spreadsheets know that it is UTF-8.
    const url = URL.createObjectURL(new Blob(["\ufeff", csvOf(rows())], { type: "text/csv;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url));
  };
  return (
    <Button
      variant="subtle"
      size="compact-sm"
      leftSection={<IconDownload size={15} aria-hidden />}
      onClick={save}
      aria-label={t("reports.saveOf", { of })}
    >
      {t("reports.save")}
    </Button>
  );
}
