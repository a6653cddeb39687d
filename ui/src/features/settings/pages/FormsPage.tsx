import { Anchor, Badge, Button } from "@mantine/core";
import { IconForms, IconPlus } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { ShownForm } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { NameDialog } from "~/ui/NameDialog";
import { Page } from "~/ui/Page";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";

export function FormsPage() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const may = useMay("write_contacts");
  const [adding, setAdding] = useState(false);
  const pages = usePages(["form"], (cursor, signal) =>
    ask(api.GET("/syncom/v1/forms", { params: { query: { cursor, limit: 100 } }, signal })),
  );
  const languages = useMemo(
    () => new Intl.DisplayNames([i18n.language], { type: "language" }),
    [i18n.language],
  );
  const go = (formId: number) =>
    void navigate({ to: "/forms/$formId" as "/", params: { formId: String(formId) } as never });
  const columns = useMemo<Column<ShownForm>[]>(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "2fr",
        cell: (form) => (
          <Anchor
            size="sm"
            dir="auto"
            renderRoot={(props) => (
              <Link
                {...props}
                to={"/forms/$formId" as "/"}
                params={{ formId: String(form.form_id) } as never}
              />
            )}
          >
            {form.definition.name}
          </Anchor>
        ),
      },
      {
        id: "fields",
        header: t("forms.fields"),
        cell: (form) => form.definition.fields?.map((one) => one.key).join(", ") ?? "",
      },
      {
        id: "confirm",
        header: t("forms.confirmation"),
        cell: (form) => (
          <Badge color={form.definition.double_opt_in ? "teal" : "yellow"}>
            {t(form.definition.double_opt_in ? "forms.double" : "forms.single")}
          </Badge>
        ),
      },
      {
        id: "language",
        header: t("nav.language"),
        cell: (form) => languages.of(form.definition.language ?? "en") ?? form.definition.language,
      },
      { id: "changed", header: t("forms.changed"), cell: (form) => <Time at={form.updated_at} relative /> },
    ],
    [t, languages],
  );
  const add = may && (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t("forms.add")}
    </Button>
  );
  return (
    <Page title={t("nav.forms")} soft={t("forms.soft")} actions={add}>
      <DataTable
        label={t("nav.forms")}
        columns={columns}
        rowKey={(form) => String(form.form_id)}
        {...pages}
        open={(form) => go(form.form_id)}
        empty={
          <Empty icon={<IconForms />} title={t("forms.none")} action={add}>
            {t("forms.noneHint")}
          </Empty>
        }
      />
      {adding && <AddForm onClose={() => setAdding(false)} onDone={(form) => go(form.form_id)} />}
    </Page>
  );
}

function AddForm({ onClose, onDone }: { onClose: () => void; onDone: (form: ShownForm) => void }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  return (
    <NameDialog
      title={t("forms.add")}
      act={t("forms.add")}
      description={t("senders.nameHint")}
      send={(name) => ask(api.POST("/syncom/v1/forms", { body: { name, language: i18n.language } }))}
      onDone={(made) => {
        void client.invalidateQueries({ queryKey: ["form"] });
        onDone(made);
      }}
      onClose={onClose}
    />
  );
}
