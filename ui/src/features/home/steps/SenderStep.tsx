import { Alert, PasswordInput, Radio, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { EMAIL } from "~/api/channels";
import { api, ask } from "~/api/client";
import type { SenderInput } from "~/api/schema";
import { sendersQuery } from "~/api/senders";
import { Failed } from "~/ui/Failed";
import { useServerForm } from "~/ui/useServerForm";
import type { StepProps } from "../pages/WelcomePage";
import { keep, kept } from "./kept";
import { Step } from "./Step";

export function SenderStep({ search, go }: StepProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const senders = useQuery(sendersQuery);
  const there = senders.data?.filter((one) => one.channel === EMAIL && one.kind !== "inbox") ?? [];
  const inbox = senders.data?.find((one) => one.channel === EMAIL && one.kind === "inbox");
  const { form, submit, sending, failure } = useServerForm({
    initialValues: kept("sender", {
      choice: "inbox",
      from_name: "",
      from_email: "",
      host: "",
      port: "587",
      security: "starttls",
      username: "",
      password: "",
    }),
    onValuesChange: ({ password: _, ...rest }) => keep("sender", rest),
    fieldOf: (field) => field.replace(/^config\./, ""),
    send: async (values): Promise<number> => {
      const chosen = there.find((one) => String(one.sender_id) === values.choice);
      if (chosen) return chosen.sender_id;
      if (values.choice === "inbox" && inbox) return inbox.sender_id;
      const body: SenderInput =
        values.choice === "inbox"
          ? {
              name: t("welcome.sender.inboxName"),
              kind: "inbox",
              from_email: "demo@localhost.localdomain",
              from_name: t("welcome.sender.inboxName"),
            }
          : {
              name: values.from_email,
              kind: "smtp",
              from_email: values.from_email,
              from_name: values.from_name,
              password: values.password,
              config: {
                host: values.host,
                port: Number(values.port),
                security: values.security as "starttls",
                username: values.username,
              },
            };
      return (await ask(api.POST("/syncom/v1/senders", { body }))).sender_id;
    },
    onDone: (sender) => {
      void client.invalidateQueries({ queryKey: ["sender"] });
      go({ ...search, step: "contacts", sender });
    },
  });
  const own = form.getValues().choice === "smtp";
  return (
    <Step
      title={t("welcome.sender.title")}
      text={t("welcome.sender.text")}
      act={t("common.next")}
      busy={sending || senders.isPending}
      onSubmit={submit}
      onBack={() => go({ ...search, step: "account" })}
    >
      {failure !== undefined && <Failed error={failure} />}
      {senders.isError && <Failed error={senders.error} retry={() => void senders.refetch()} />}
      <Radio.Group label={t("welcome.sender.from")} {...form.getInputProps("choice")}>
        <Stack gap="xs" mt="xs">
          <Radio
            value="inbox"
            label={t("welcome.sender.inbox")}
            description={t("welcome.sender.inboxHint")}
          />
          {there.map((one) => (
            <Radio
              key={one.sender_id}
              value={String(one.sender_id)}
              label={one.name}
              description={one.from_email}
            />
          ))}
          <Radio value="smtp" label={t("welcome.sender.smtp")} description={t("welcome.sender.smtpHint")} />
        </Stack>
      </Radio.Group>
      {own && (
        <>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput label={t("welcome.sender.fromName")} dir="auto" {...form.getInputProps("from_name")} />
            <TextInput
              label={t("welcome.sender.fromEmail")}
              inputMode="email"
              required
              {...form.getInputProps("from_email")}
            />
            <TextInput
              label={t("welcome.sender.host")}
              placeholder="smtp.example.com"
              required
              {...form.getInputProps("host")}
            />
            <SimpleGrid cols={2}>
              <TextInput
                label={t("welcome.sender.port")}
                inputMode="numeric"
                required
                {...form.getInputProps("port")}
              />
              <Select
                label={t("welcome.sender.security")}
                allowDeselect={false}
                data={[
                  { value: "starttls", label: "STARTTLS" },
                  { value: "tls", label: "TLS" },
                  { value: "plain", label: t("welcome.sender.plain") },
                ]}
                {...form.getInputProps("security")}
              />
            </SimpleGrid>
            <TextInput
              label={t("welcome.sender.username")}
              autoComplete="off"
              {...form.getInputProps("username")}
            />
            <PasswordInput
              label={t("welcome.sender.password")}
              autoComplete="off"
              {...form.getInputProps("password")}
            />
          </SimpleGrid>
          <Alert color="gray">{t("welcome.sender.domain")}</Alert>
        </>
      )}
    </Step>
  );
}
