import { Button, SimpleGrid, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Navigate, useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Home } from "~/api/schema";
import { useMay, useSession } from "~/api/session";
import { usePlaces } from "~/app/Shell";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { hasLeft } from "../left";
import { Concerns } from "../parts/Concerns";
import { Happened } from "../parts/Happened";
import { NextSteps } from "../parts/NextSteps";
import { Places } from "../parts/Places";
import { Running } from "../parts/Running";
import { homeQuery } from "../queries";
import type { HomeSearch } from "../search";

export function HomePage() {
  const may = useMay("read_campaigns");
  return may ? <Overview /> : <Elsewhere />;
}

/** For those who may not see campaigns: where they can go. */
function Elsewhere() {
  const { t } = useTranslation();
  return (
    <Page title={t("nav.home")}>
      <Places places={usePlaces().flatMap((section) => section.places)} />
    </Page>
  );
}

function Overview() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const session = useSession();
  const home = useQuery(homeQuery);
  const days = (useSearch({ strict: false }) as HomeSearch).days ?? 30;
  const maySend = useMay("send");
  const mayBegin = useMay("manage_settings") && maySend;
  const account = session.data?.account_id ?? 0;
  if (home.data && mayBegin && isFresh(home.data) && !hasLeft(account))
    return <Navigate to="/welcome" replace />;
  const period = home.data?.periods.find((one) => one.days === days);
  return (
    <Page
      title={t("nav.home")}
      actions={[7, 30].map((length) => (
        <Button
          key={length}
          size="xs"
          variant={length === days ? "light" : "subtle"}
          aria-pressed={length === days}
          onClick={() => void navigate({ to: "/", search: length === 7 ? { days: 7 } : {}, replace: true })}
        >
          {t("home.days", { count: length })}
        </Button>
      ))}
    >
      {home.isError && !home.data && <Failed error={home.error} retry={() => void home.refetch()} />}
      {home.isPending && <Skeleton height={220} />}
      {home.data && (
        <>
          <Concerns concerns={home.data.concerns} />
          {period && <Happened period={period} />}
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Running running={home.data.running} />
            <NextSteps steps={home.data.steps} fresh={mayBegin && isFresh(home.data)} />
          </SimpleGrid>
        </>
      )}
    </Page>
  );
}

/** Whether nothing was made and sent here yet. */
function isFresh({ steps }: Home): boolean {
  return !steps.some((step) => step.is_done && ["contacts", "template", "campaign"].includes(step.key));
}
