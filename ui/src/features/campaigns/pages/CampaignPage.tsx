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
  const campaign = useQuery(campaignQuery(Number(id)));
  if (campaign.isError && !campaign.data)
    return <Failed error={campaign.error} retry={() => void campaign.refetch()} />;
  if (!campaign.data) return <Skeleton height={420} radius="lg" />;
  if (campaign.data.launched_at === null && campaign.data.state !== "cancelled")
    return <Builder key={id} campaign={campaign.data} />;
  return <Results campaign={campaign.data} />;
}
