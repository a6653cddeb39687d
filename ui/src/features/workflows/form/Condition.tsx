/** Who is meant: the builder of conditions, with its sentence and how many it is true of now. */
import { Alert, Fieldset, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { Conditions } from "~/ui/conditions/Conditions";
import { EVERYONE, isUnfinished, type Tree } from "~/ui/conditions/tree";
import { number } from "~/ui/format";
import { isEverybody } from "../parts/sentences";
import { sentenceQuery } from "../queries";
import { type Form, pathOf } from "./context";

export function Condition({ form, member = "condition" }: { form: Form; member?: string }) {
  const { t } = useTranslation();
  const given = form.value[member] as Tree | undefined;
  const condition = given && Object.keys(given).length > 0 ? given : EVERYONE;
  return (
    <Fieldset legend={t("workflows.form.condition")} p="xs" disabled={form.disabled}>
      <Stack gap="xs">
        <Conditions
          value={condition}
          onChange={(next) => form.set({ [member]: next })}
          errors={form.problems}
          at={pathOf(form, member)}
        />
        <Said condition={condition} />
      </Stack>
    </Fieldset>
  );
}

/** The condition in words, and how many it is true of now. */
function Said({ condition }: { condition: Tree }) {
  const { t } = useTranslation();
  const [asked] = useDebouncedValue(JSON.stringify(condition), 400);
  const settled = JSON.parse(asked) as Tree;
  const enabled = !isEverybody(settled) && !isUnfinished(settled);
  const said = useQuery({ ...sentenceQuery(settled), enabled });
  const counted = useQuery({
    queryKey: ["contact", "count", asked],
    queryFn: () =>
      ask(api.POST("/syncom/v1/segments/count", { body: { condition: settled, estimate: true } })),
    enabled,
  });
  if (!enabled || !said.data) return null;
  return (
    <Alert color="gray" p="xs">
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {said.data}
      </Text>
      {counted.data && (
        <Text size="xs" c="dimmed">
          {t(counted.data.is_exact ? "workflows.form.matchNow" : "workflows.form.matchAbout", {
            count: counted.data.contacts,
            amount: number(counted.data.contacts),
          })}
        </Text>
      )}
    </Alert>
  );
}
