import { Alert, Anchor, Button, Group, SimpleGrid, Skeleton, Stack, Text } from "@mantine/core";
import { IconCrystalBall } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";
import { toAddress } from "~/ui/conditions/tree";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { number } from "~/ui/format";
import { Time } from "~/ui/Time";
import { tellDone, tellFailed } from "~/ui/tell";
import { predictionsQuery } from "../queries";

const QUESTIONS = [
  { name: "churning", condition: { prediction: "churn", op: "at_least", value: 0.7 } },
  { name: "soon", condition: { prediction: "next_order", op: "in_next_days", value: 7 } },
  { name: "valuable", condition: { prediction: "orders_90_days", op: "at_least", value: 3 } },
] as const;

export function PredictionsTab() {
  const { t } = useTranslation();
  const mayWrite = useMay("write_campaigns");
  const { data, error, refetch } = useQuery(predictionsQuery);
  const renew = async () => {
    try {
      await ask(api.POST("/syncom/v1/predictions/renew"));
      tellDone(t("rfm.predictions.renewing"));
    } catch (wrong) {
      tellFailed(wrong);
    }
  };
  const button = mayWrite && (
    <Button variant="default" onClick={() => void renew()}>
      {t("rfm.predictions.renew")}
    </Button>
  );
  if (error && !data) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={200} />;
  if (!data.model)
    return (
      <Empty icon={<IconCrystalBall size={26} />} title={t("rfm.predictions.none")} action={button}>
        {data.problem || t("rfm.predictions.noneHint")}
      </Empty>
    );
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("rfm.predictions.hint")}
      </Text>
      {data.problem !== "" && (
        <Alert color="yellow" title={t("rfm.predictions.problem")}>
          {data.problem}
        </Alert>
      )}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Figure label={t("rfm.predictions.fittedTo")} value={number(data.model.purchases.customers)} />
        <Figure label={t("rfm.predictions.returned")} value={number(data.model.values?.customers ?? 0)} />
      </SimpleGrid>
      <Group gap="lg">
        {data.fitted_at && (
          <Text size="sm" component="div">
            {t("rfm.predictions.fittedAt")}: <Time at={data.fitted_at} />
          </Text>
        )}
        {data.predicted_at && (
          <Text size="sm" component="div">
            {t("rfm.predictions.predictedAt")}: <Time at={data.predicted_at} />
          </Text>
        )}
      </Group>
      <div>
        <Text fw={600} mb={4}>
          {t("rfm.predictions.questions")}
        </Text>
        <Group gap="lg">
          {QUESTIONS.map(({ name, condition }) => (
            <Anchor
              key={name}
              size="sm"
              lh="24px"
              renderRoot={(props) => (
                <Link
                  {...props}
                  to="/segments/new"
                  search={{ condition: toAddress(condition), name: t(`rfm.predictions.${name}`) }}
                />
              )}
            >
              {t(`rfm.predictions.${name}`)}
            </Anchor>
          ))}
        </Group>
      </div>
      <Group>{button}</Group>
    </Stack>
  );
}
