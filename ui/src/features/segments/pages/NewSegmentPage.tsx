import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { EVERYONE, fromAddress } from "~/ui/conditions/tree";
import { Page } from "~/ui/Page";
import { tellDone } from "~/ui/tell";
import { SegmentForm } from "../parts/SegmentForm";

const route = getRouteApi("/segments/new");

export function NewSegmentPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = useNavigate();
  const client = useQueryClient();
  return (
    <Page
      title={t("segments.new")}
      soft={t("segments.newHint")}
      crumbs={[{ label: t("nav.segments"), to: "/segments" }]}
    >
      <SegmentForm
        // Another condition in the address is another form.
        key={search.condition}
        name={search.name ?? ""}
        condition={fromAddress(search.condition) ?? EVERYONE}
        act={t("segments.save")}
        save={async (name, condition) => {
          const made = await ask(api.POST("/syncom/v1/segments", { body: { name, condition } }));
          await client.invalidateQueries({ queryKey: ["segment"] });
          tellDone(t("segments.saved"));
          await navigate({ to: "/segments/$id", params: { id: String(made.segment_id) } });
        }}
      />
    </Page>
  );
}
