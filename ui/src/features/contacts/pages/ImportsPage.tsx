import { Anchor, Badge, Button } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { ImportStatus } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { number } from "~/ui/format";
import { Page } from "~/ui/Page";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { importsPage } from "../queries";

export const IMPORT_COLOURS: { [state: string]: string } = {
  queued: "gray",
  running: "syncom",
  finished: "teal",
  failed: "red",
  cancelled: "gray",
};

export function ImportsPage() {
  const { t } = useTranslation();
  const go = useNavigate();
  const mayWrite = useMay("write_contacts");
  const pages = usePages<ImportStatus>(["contact-import", "list"], importsPage);
  const columns = useMemo<Column<ImportStatus>[]>(
    () => [
      {
        id: "file",
        header: t("imports.file"),
        width: "3fr",
        cell: (one) => (
          <Anchor
            size="sm"
            fw={500}
            dir="auto"
            renderRoot={(props) => (
              <Link {...props} to="/imports/$id" params={{ id: String(one.import_id) }} />
            )}
          >
            {one.file_name}
          </Anchor>
        ),
      },
      {
        id: "state",
        header: t("imports.state"),
        width: "130px",
        cell: (one) => (
          <Badge color={IMPORT_COLOURS[one.state]} tt="none" autoContrast>
            {t(`imports.states.${one.state}`)}
          </Badge>
        ),
      },
      ...(["rows_done", "created", "updated", "failed"] as const).map(
        (name): Column<ImportStatus> => ({
          id: name,
          header: t(`imports.counts.${name}`),
          width: "110px",
          numeric: true,
          cell: (one) => number(one[name]),
        }),
      ),
      {
        id: "at",
        header: t("imports.at"),
        width: "150px",
        cell: (one) => <Time at={one.created_at} relative />,
      },
    ],
    [t],
  );
  const start = mayWrite && (
    <Button
      leftSection={<IconUpload size={18} aria-hidden />}
      renderRoot={(props) => <Link {...props} to="/imports/new" />}
    >
      {t("contacts.import")}
    </Button>
  );
  return (
    <Page title={t("imports.title")} crumbs={[{ label: t("nav.contacts"), to: "/contacts" }]} actions={start}>
      <DataTable
        label={t("imports.title")}
        columns={columns}
        {...pages}
        rowKey={(one) => String(one.import_id)}
        open={(one) => void go({ to: "/imports/$id", params: { id: String(one.import_id) } })}
        empty={
          <Empty icon={<IconUpload />} title={t("imports.none")} action={start}>
            {t("imports.noneNext")}
          </Empty>
        }
      />
    </Page>
  );
}
