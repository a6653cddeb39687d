import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Failed } from "~/ui/Failed";
import { Builder } from "../parts/builder/Builder";
import { Results } from "../parts/report/Results";
import { campaignQuery } from "../queries";

/** The builder until it is launched; what becomes of it from then on. */
export function CampaignPage() {
  const { id } = useParams({ from: "/campaigns/$id" });
  const saved = useQuery(campaignQuery(Number(id)));
  if (saved.isError && !saved.data) return <Failed error={saved.error} retry={() => void saved.refetch()} />;
  if (!saved.data) return <Skeleton height={420} radius="lg" />;
  const { campaign } = saved.data;
  if (campaign.launched_at === null && campaign.state !== "cancelled")
    return <Builder key={id} saved={saved.data} />;
  return <Results campaign={campaign} />;
}
