import { Button } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { ShownForm } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { useAct } from "../act";
import { FormEditor } from "../parts/FormEditor";

export function FormPage() {
  const { t } = useTranslation();
  const { formId } = useParams({ strict: false }) as { formId: string };
  const may = useMay("write_contacts");
  const form_id = Number(formId);
  const found = useQuery({
    queryKey: ["form", form_id],
    queryFn: async () => {
      const asked = api.GET("/syncom/v1/forms/{form_id}", { params: { path: { form_id } } });
      const shown = await ask(asked);
      return { shown, etag: (await asked).response.headers.get("ETag") ?? undefined };
    },
    // What somebody is changing is not taken from under them; a save says whether there is a newer one.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const shown = found.data?.shown;
  return (
    <Page
      title={shown?.definition.name ?? t("nav.forms")}
      crumbs={[{ label: t("nav.forms"), to: "/forms" as "/" }]}
      actions={
        shown && (
          <>
            {may && <Delete shown={shown} />}
            <Button
              component="a"
              variant="default"
              href={shown.url}
              target="_blank"
              rel="noreferrer"
              leftSection={<IconExternalLink size={16} aria-hidden />}
            >
              {t("forms.open")}
            </Button>
          </>
        )
      }
    >
      {found.isError && !found.data && <Failed error={found.error} retry={() => void found.refetch()} />}
      {shown && (
        <FormEditor
          key={shown.form_id}
          shown={shown}
          etag={found.data?.etag}
          onNewer={() => void found.refetch()}
        />
      )}
    </Page>
  );
}

function Delete({ shown }: { shown: ShownForm }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const remove = useAct(
    () => ask(api.DELETE("/syncom/v1/forms/{form_id}", { params: { path: { form_id: shown.form_id } } })),
    {
      renews: [["form"]],
      done: t("forms.gone"),
      onDone: () => void navigate({ to: "/forms" as "/" }),
    },
  );
  return (
    <Button
      variant="light"
      color="red"
      onClick={() =>
        confirm({
          title: t("forms.delete"),
          text: t("forms.deleteAsk", { name: shown.definition.name }),
          act: t("forms.delete"),
          onYes: () => remove.mutate(),
        })
      }
    >
      {t("common.delete")}
    </Button>
  );
}
