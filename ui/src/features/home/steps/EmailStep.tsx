import { Alert, Radio, SimpleGrid, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { TemplateInput } from "~/api/schema";
import { Failed, useFailureText } from "~/ui/Failed";
import { MailFrame } from "~/ui/MailFrame";
import { useServerForm } from "~/ui/useServerForm";
import { DESIGNS, type Design, design } from "../designs";
import type { StepProps } from "../pages/WelcomePage";
import { keep, kept } from "./kept";
import { Step } from "./Step";

export function EmailStep({ search, go }: StepProps) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const failureText = useFailureText();
  const first = { first_name: "{{ first_name }}" };
  const { form, submit, sending, failure } = useServerForm({
    initialValues: kept("email", {
      design: "letter" as Design,
      subject: t("welcome.email.begin.subject"),
      heading: t("welcome.email.begin.heading"),
      text: t("welcome.email.begin.text", first),
      button: "",
      link: "",
    }),
    onValuesChange: (values) => keep("email", values),
    validate: {
      subject: (subject) => (subject.trim() === "" ? t("welcome.email.noSubject") : null),
      link: (link, { button }) =>
        button.trim() !== "" && !/^https?:\/\/\S+$/.test(link.trim()) ? t("welcome.email.noLink") : null,
    },
    send: async (values): Promise<number> => {
      const body = template(values);
      const saved = search.template
        ? await ask(
            api.PUT("/syncom/v1/templates/{template_id}", {
              params: { path: { template_id: search.template } },
              body,
            }),
          )
        : await ask(api.POST("/syncom/v1/templates", { body }));
      return saved.template_id;
    },
    onDone: (made) => {
      void client.invalidateQueries({ queryKey: ["template"] });
      go({ ...search, step: "send", template: made });
    },
  });
  const values = form.getValues();
  const template = (of: typeof values): TemplateInput => ({
    name: t("welcome.email.name"),
    subject: of.subject.trim(),
    format: "mjml",
    language: i18n.language,
    source: design(
      of.design,
      { ...of, button: of.button.trim(), link: of.link.trim() },
      { why: t("welcome.email.why"), unsubscribe: t("welcome.email.unsubscribe") },
    ),
  });
  const [settled] = useDebouncedValue(JSON.stringify(template(values)), 400);
  const preview = useQuery({
    queryKey: ["welcome-preview", settled],
    queryFn: ({ signal }) =>
      ask(api.POST("/syncom/v1/templates/preview", { body: JSON.parse(settled) as TemplateInput, signal })),
    placeholderData: keepPreviousData,
    staleTime: 600_000,
    retry: false,
  });
  return (
    <Step
      title={t("welcome.email.title")}
      text={t("welcome.email.intro")}
      act={t("common.next")}
      busy={sending}
      onSubmit={submit}
      onBack={() => go({ ...search, step: "contacts" })}
    >
      {failure !== undefined && <Failed error={failure} />}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Stack>
          <Radio.Group label={t("welcome.email.design")} {...form.getInputProps("design")}>
            <SimpleGrid cols={3} mt={6} spacing="xs">
              {DESIGNS.map((one) => (
                <Radio key={one} value={one} label={t(`welcome.email.designs.${one}`)} />
              ))}
            </SimpleGrid>
          </Radio.Group>
          <TextInput
            label={t("welcome.email.subject")}
            required
            dir="auto"
            {...form.getInputProps("subject")}
          />
          <TextInput label={t("welcome.email.heading")} dir="auto" {...form.getInputProps("heading")} />
          <Textarea
            label={t("welcome.email.text")}
            description={t("welcome.email.textHint")}
            autosize
            minRows={5}
            maxRows={16}
            dir="auto"
            {...form.getInputProps("text")}
          />
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput
              label={t("welcome.email.button")}
              description={t("welcome.email.buttonHint")}
              dir="auto"
              {...form.getInputProps("button")}
            />
            <TextInput
              label={t("welcome.email.link")}
              description="https://…"
              inputMode="url"
              {...form.getInputProps("link")}
            />
          </SimpleGrid>
        </Stack>
        <Stack gap="xs">
          <Text size="sm" fw={500}>
            {t("welcome.email.preview")}
          </Text>
          {preview.isError && <Alert color="orange">{failureText(preview.error)}</Alert>}
          {preview.data?.url && (
            <MailFrame src={preview.data.url} title={t("welcome.email.preview")} height={420} />
          )}
        </Stack>
      </SimpleGrid>
    </Step>
  );
}
