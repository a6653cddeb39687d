import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Page } from "~/ui/Page";
import { Gallery } from "../parts/Gallery";

const route = getRouteApi("/images");

export function ImagesPage() {
  const { t } = useTranslation();
  const go = useNavigate();
  const { search } = route.useSearch();
  return (
    <Page title={t("nav.images")} soft={t("images.about")}>
      <Gallery
        words={search}
        onWords={(words) => void go({ to: "/images", search: { search: words || undefined }, replace: true })}
      />
    </Page>
  );
}
