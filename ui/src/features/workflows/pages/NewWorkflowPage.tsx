import {
  Badge,
  Button,
  Card,
  Group,
  Paper,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
  ThemeIcon,
  Title,
  UnstyledButton,
} from "@mantine/core";
import { IconMail, IconPencil } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { RecipeSeen, Workflow } from "~/api/schema";
import { Failed } from "~/ui/Failed";
import { NameDialog } from "~/ui/NameDialog";
import { Page } from "~/ui/Page";
import { tellDone } from "~/ui/tell";
import { read } from "../model/definition";
import { stepKind, TRIGGER_KINDS, triggerKind } from "../parts/kinds";
import { recipesQuery } from "../queries";

/** Ready workflows to begin with, or an empty one by what lets people in. */
export function NewWorkflowPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const recipes = useQuery(recipesQuery);
  const [recipe, setRecipe] = useState<RecipeSeen>();
  const [trigger, setTrigger] = useState<string>();
  const open = (made: Workflow) =>
    void navigate({ to: "/workflows/$id", params: { id: String(made.workflow_id) } });
  return (
    <Page
      title={t("recipes.title")}
      crumbs={[{ label: t("nav.workflows"), to: "/workflows" }]}
      soft={t("recipes.about")}
    >
      <Title order={2}>{t("recipes.ready")}</Title>
      {recipes.isPending && <Skeleton height={180} />}
      {recipes.isError && <Failed error={recipes.error} retry={() => void recipes.refetch()} />}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {recipes.data?.map((one) => (
          <RecipeCard key={one.key} recipe={one} onChoose={() => setRecipe(one)} />
        ))}
      </SimpleGrid>
      <Title order={2} mt="md">
        {t("recipes.blank")}
      </Title>
      <Text c="dimmed" size="sm">
        {t("recipes.blankAbout")}
      </Text>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
        {Object.entries(TRIGGER_KINDS).map(([type, kind]) => (
          <UnstyledButton key={type} onClick={() => setTrigger(type)}>
            <Paper withBorder p="md" h="100%">
              <Group wrap="nowrap" gap="sm" align="flex-start">
                <ThemeIcon variant="light" color={kind.color} size="lg">
                  <kind.icon size={18} aria-hidden />
                </ThemeIcon>
                <div>
                  <Text fw={600}>{t(`workflows.triggers.${type}` as "workflows.triggers.event")}</Text>
                  <Text size="sm" c="dimmed">
                    {t(`workflows.triggerHints.${type}` as "workflows.triggerHints.event")}
                  </Text>
                </div>
              </Group>
            </Paper>
          </UnstyledButton>
        ))}
      </SimpleGrid>
      {recipe && <Install recipe={recipe} onClose={() => setRecipe(undefined)} onDone={open} />}
      {trigger && <Begin trigger={trigger} onClose={() => setTrigger(undefined)} onDone={open} />}
    </Page>
  );
}

function RecipeCard({ recipe, onChoose }: { recipe: RecipeSeen; onChoose: () => void }) {
  const { t } = useTranslation();
  const definition = read(recipe.definition);
  const begins = triggerKind(definition.trigger.type);
  const shown = definition.steps.slice(0, 7);
  return (
    <Card withBorder padding="md" radius="lg">
      <Stack gap="xs" h="100%">
        <Group gap={4} aria-hidden>
          <ThemeIcon size={26} variant="light" color={begins.color}>
            <begins.icon size={15} />
          </ThemeIcon>
          {shown.map((step) => {
            const kind = stepKind(step.type);
            return (
              <ThemeIcon key={step.id} size={26} variant="light" color={kind.color}>
                <kind.icon size={15} />
              </ThemeIcon>
            );
          })}
          {definition.steps.length > shown.length && (
            <Text size="xs" c="dimmed">
              +{definition.steps.length - shown.length}
            </Text>
          )}
        </Group>
        <Title order={3}>
          {t(`recipes.names.${recipe.key}` as "recipes.names.welcome", { defaultValue: recipe.name })}
        </Title>
        <Text size="sm" c="dimmed" style={{ flex: 1 }}>
          {t(`recipes.abouts.${recipe.key}` as "recipes.abouts.welcome", { defaultValue: recipe.about })}
        </Text>
        <Group justify="space-between">
          <Badge color="gray" tt="none" leftSection={<IconMail size={12} aria-hidden />}>
            {t("recipes.letters", { count: recipe.templates.length })}
          </Badge>
          <Button size="xs" variant="light" onClick={onChoose}>
            {t("recipes.use")}
          </Button>
        </Group>
      </Stack>
    </Card>
  );
}

function Install({
  recipe,
  onClose,
  onDone,
}: {
  recipe: RecipeSeen;
  onClose: () => void;
  onDone: (made: Workflow) => void;
}) {
  const { t } = useTranslation();
  const name = t(`recipes.names.${recipe.key}` as "recipes.names.welcome", { defaultValue: recipe.name });
  return (
    <NameDialog
      title={name}
      act={t("recipes.install")}
      label={t("recipes.nameLabel")}
      name={name}
      send={(chosen) =>
        ask(
          api.POST("/syncom/v1/workflow-recipes/{recipe}/install", {
            params: { path: { recipe: recipe.key } },
            body: { name: chosen },
          }),
        )
      }
      onDone={(made) => {
        tellDone(t("recipes.installed"));
        onDone(made);
      }}
      onClose={onClose}
    >
      <Text size="sm">
        {t(`recipes.abouts.${recipe.key}` as "recipes.abouts.welcome", { defaultValue: recipe.about })}
      </Text>
      <div>
        <Text size="sm" fw={600}>
          {t("recipes.brings")}
        </Text>
        <ul style={{ margin: 0, paddingInlineStart: 20, fontSize: 14 }}>
          {recipe.templates.map((letter) => (
            <li key={letter.key}>{t("recipes.bringsLetter", { name: letter.name })}</li>
          ))}
          {recipe.segments.map((segment) => (
            <li key={segment}>{t("recipes.bringsSegment", { name: segment })}</li>
          ))}
          {recipe.fields.map((field) => (
            <li key={field}>{t("recipes.bringsField", { name: field })}</li>
          ))}
        </ul>
      </div>
      <Text size="xs" c="dimmed">
        {t("recipes.nobodyYet")}
      </Text>
    </NameDialog>
  );
}

function Begin({
  trigger,
  onClose,
  onDone,
}: {
  trigger: string;
  onClose: () => void;
  onDone: (made: Workflow) => void;
}) {
  const { t } = useTranslation();
  return (
    <NameDialog
      title={t("recipes.blankTitle")}
      act={t("common.create")}
      label={t("recipes.nameLabel")}
      placeholder={t("recipes.namePlaceholder")}
      send={(name) => begun(name, trigger)}
      onDone={onDone}
      onClose={onClose}
    >
      <Group gap={8}>
        <IconPencil size={16} aria-hidden />
        <Text size="sm">
          {t("recipes.beginsWith", {
            name: t(`workflows.triggers.${trigger}` as "workflows.triggers.event"),
          })}
        </Text>
      </Group>
    </NameDialog>
  );
}

/** The server keeps only workflows that can run, so the first version does nothing; what is written is its draft. */
async function begun(name: string, trigger: string): Promise<Workflow> {
  const made = await ask(
    api.POST("/syncom/v1/workflows", {
      body: { name, definition: { trigger: { type: "api" }, steps: [{ type: "stop", id: "stop" }] } },
    }),
  );
  await ask(
    api.PUT("/syncom/v1/workflows/{workflow_id}/draft", {
      params: { path: { workflow_id: made.workflow_id } },
      body: { definition: { format: 2, trigger: { type: trigger }, steps: [] } },
    }),
  );
  return made;
}
