import { Builder } from "../parts/builder/Builder";

export function NewCampaignPage() {
  return <Builder />;
}
