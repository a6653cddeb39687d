import { Anchor, Grid, Paper, Progress, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconLink } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { linksQuery } from "~/api/campaigns";
import { EMAIL } from "~/api/channels";
import { foundQuery } from "~/api/contacts";
import type { Campaign, LinkHeat } from "~/api/schema";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { number, percent } from "~/ui/format";
import { MailFrame } from "~/ui/MailFrame";
import { previewQuery } from "../../queries";
import { People } from "../People";

/** The mail, and beside it its links in their order with their share of clicks. */
export function Links({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const links = useQuery(linksQuery(campaign.campaign_id));
  const [shown, setShown] = useState<LinkHeat>();
  if (links.isError) return <Failed error={links.error} retry={() => void links.refetch()} />;
  if (links.data?.length === 0)
    return (
      <Empty icon={<IconLink />} title={t("campaignReport.noLinks")}>
        {t("campaignReport.noLinksNext")}
      </Empty>
    );
  return (
    <Grid>
      <Grid.Col span={{ base: 12, md: 7 }}>
        {campaign.channel === EMAIL && campaign.template_id > 0 && <Mail campaign={campaign} />}
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }}>
        <Stack gap="xs">
          {(links.data ?? []).map((link) => (
            <Paper key={link.link} withBorder p="sm" radius="md">
              <Text size="sm" dir="ltr" style={{ overflowWrap: "anywhere" }}>
                {number(link.link + 1)}.{" "}
                {/^https?:/.test(link.target) ? (
                  <Anchor href={link.target} target="_blank" rel="noreferrer" size="sm">
                    {link.target}
                  </Anchor>
                ) : (
                  link.target || t("campaignReport.linkOfEach")
                )}
              </Text>
              <Progress
                value={100 * link.share}
                my={6}
                aria-label={t("campaignReport.shareOfClicks", { share: percent(link.share) })}
              />
              <UnstyledButton onClick={() => setShown(link)} disabled={link.people === 0}>
                <Text size="sm">
                  {t("campaignReport.linkFigures", {
                    share: percent(link.share),
                    clicks: number(link.clicks),
                    people: number(link.people),
                    machines: number(link.machine_clicks),
                  })}
                </Text>
              </UnstyledButton>
            </Paper>
          ))}
        </Stack>
      </Grid.Col>
      <People
        title={shown ? t("campaignReport.peopleOfLink", { link: shown.link + 1, name: campaign.name }) : ""}
        condition={shown?.condition}
        onClose={() => setShown(undefined)}
      />
    </Grid>
  );
}

function Mail({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const people = useQuery(foundQuery(""));
  const preview = useQuery({
    ...previewQuery(campaign.template_id, people.data?.[0]?.contact_id ?? null),
    enabled: !people.isPending,
    retry: false,
  });
  if (!preview.data?.url) return null;
  return (
    <Stack gap={4}>
      <Text size="xs" c="dimmed">
        {t("campaignReport.mailNow")}
      </Text>
      <MailFrame src={preview.data.url} title={t("campaigns.preview")} height={720} />
    </Stack>
  );
}
