/** A segment's name and condition, with who matches while it is edited. */
import { Alert, Button, Grid, Group, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Failure, type FieldError } from "~/api/client";
import { AnswerPanel } from "~/ui/conditions/AnswerPanel";
import { Conditions } from "~/ui/conditions/Conditions";
import { isUnfinished, type Tree } from "~/ui/conditions/tree";
import { useAnswer } from "~/ui/conditions/useAnswer";
import { Failed } from "~/ui/Failed";

export function SegmentForm({
  name: givenName,
  condition: given,
  act,
  save,
  onDirty,
}: {
  name: string;
  condition: Tree;
  /** What the button says. */
  act: string;
  save: (name: string, condition: Tree) => Promise<void>;
  onDirty?: (dirty: boolean) => void;
}) {
  const { t } = useTranslation();
  const [name, setName] = useState(givenName);
  const [condition, setCondition] = useState(given);
  const [saving, setSaving] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const answer = useAnswer(condition);
  const refused: readonly FieldError[] = failure instanceof Failure ? failure.fields : [];
  const wrongName = refused.find((error) => error.field === "name")?.reason;
  const errors = answer.errors.length > 0 ? answer.errors : refused;
  const submit = async () => {
    setSaving(true);
    setFailure(undefined);
    try {
      await save(name, condition);
    } catch (error) {
      setFailure(error);
    } finally {
      setSaving(false);
    }
  };
  const change = (next: Tree) => {
    setCondition(next);
    setFailure(undefined);
    onDirty?.(true);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="md">
            <TextInput
              label={t("common.name")}
              required
              dir="auto"
              value={name}
              error={wrongName}
              placeholder={t("segments.namePlaceholder")}
              onChange={(event) => {
                setName(event.currentTarget.value);
                onDirty?.(true);
              }}
            />
            <Conditions value={condition} onChange={change} errors={errors} />
            {failure !== undefined && refused.length === 0 && <Failed error={failure} />}
            {refused.length > 0 && !wrongName && (
              <Alert color="red" role="alert">
                {t("conditions.mendRows")}
              </Alert>
            )}
            <Group>
              <Button type="submit" loading={saving} disabled={isUnfinished(condition)}>
                {act}
              </Button>
            </Group>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <AnswerPanel answer={answer} />
        </Grid.Col>
      </Grid>
    </form>
  );
}
