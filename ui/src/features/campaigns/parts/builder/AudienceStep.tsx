import { Alert, Button, Group, MultiSelect, Stack, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { categoriesQuery } from "~/api/categories";
import { listsQuery } from "~/api/lists";
import type { Audience } from "~/api/schema";
import { segmentsQuery } from "~/api/segments";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";

/** Lists and segments in one field: `l5` and `s7`. */
const keys = (lists: readonly number[], segments: readonly number[]) => [
  ...lists.map((id) => `l${id}`),
  ...segments.map((id) => `s${id}`),
];
const ids = (chosen: readonly string[], kind: string) =>
  chosen.filter((key) => key.startsWith(kind)).map((key) => Number(key.slice(1)));

export function AudienceStep({
  audience,
  onChange,
}: {
  audience: Required<Audience>;
  onChange: (audience: Required<Audience>) => void;
}) {
  const { t } = useTranslation();
  const lists = useQuery(listsQuery);
  const segments = useQuery(segmentsQuery);
  const categories = useQuery(categoriesQuery);
  const failed = lists.error ?? segments.error;
  const groups = [
    {
      group: t("nav.lists"),
      items: (lists.data ?? []).map((one) => ({
        value: `l${one.list_id}`,
        label: `${one.name} · ${number(one.size)}`,
      })),
    },
    {
      group: t("nav.segments"),
      items: (segments.data ?? []).map((one) => ({
        value: `s${one.segment_id}`,
        label: one.membership ? `${one.name} · ${number(one.membership.members)}` : one.name,
      })),
    },
  ];
  return (
    <Stack gap="sm">
      {failed && <Failed error={failed} />}
      <Switch
        label={t("campaigns.everyone")}
        checked={audience.everyone}
        onChange={(event) => onChange({ ...audience, everyone: event.currentTarget.checked })}
      />
      {!audience.everyone && (
        <MultiSelect
          label={t("campaigns.include")}
          placeholder={t("campaigns.includeHint")}
          data={groups}
          value={keys(audience.lists, audience.segments)}
          onChange={(chosen) =>
            onChange({ ...audience, lists: ids(chosen, "l"), segments: ids(chosen, "s") })
          }
          searchable
          clearable
          nothingFoundMessage={t("palette.nothing")}
        />
      )}
      <MultiSelect
        label={t("campaigns.exclude")}
        placeholder={t("campaigns.excludeHint")}
        data={groups}
        value={keys(audience.exclude_lists, audience.exclude_segments)}
        onChange={(chosen) =>
          onChange({ ...audience, exclude_lists: ids(chosen, "l"), exclude_segments: ids(chosen, "s") })
        }
        searchable
        clearable
        nothingFoundMessage={t("palette.nothing")}
      />
      {(categories.data ?? []).length > 0 && (
        <MultiSelect
          label={t("campaigns.categories")}
          description={t("campaigns.categoriesHint")}
          data={(categories.data ?? []).map((one) => ({ value: one.key, label: one.name }))}
          value={audience.categories}
          onChange={(chosen) => onChange({ ...audience, categories: chosen })}
          clearable
        />
      )}
      {audience.condition && (
        <Alert color="gray">
          <Group justify="space-between">
            {t("campaigns.hasCondition")}
            <Button size="xs" variant="light" onClick={() => onChange({ ...audience, condition: null })}>
              {t("common.remove")}
            </Button>
          </Group>
        </Alert>
      )}
    </Stack>
  );
}
