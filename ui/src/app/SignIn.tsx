import { Button, Center, Code, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import { Failed } from "~/ui/Failed";
import { useServerForm } from "~/ui/useServerForm";
import { Brand } from "./Brand";

export default function SignIn({ onDone, inside = false }: { onDone: () => void; inside?: boolean }) {
  const { t } = useTranslation();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { email: "", password: "" },
    send: (values) => ask(api.POST("/syncom/v1/session", { body: values })),
    onDone,
  });
  const wrong = failure instanceof Failure && failure.status === 401 ? failure.message : undefined;
  const content = (
    <form onSubmit={submit}>
      <Stack>
        {failure !== undefined && !wrong && <Failed error={failure} />}
        <TextInput
          label={t("signIn.email")}
          type="text"
          inputMode="email"
          autoComplete="username"
          required
          autoFocus
          {...form.getInputProps("email")}
        />
        <PasswordInput
          label={t("signIn.password")}
          autoComplete="current-password"
          required
          {...form.getInputProps("password")}
          error={wrong ?? form.errors.password}
        />
        <Button type="submit" loading={sending} fullWidth>
          {t("signIn.act")}
        </Button>
        <Text size="xs" c="dimmed">
          {t("signIn.forgotten")} <Code>syncom user password EMAIL</Code>
        </Text>
      </Stack>
    </form>
  );
  if (inside) return content;
  return (
    <Center mih="100dvh" p="md" component="main">
      <Paper withBorder p="xl" w={380} shadow="sm">
        <Stack>
          <Brand />
          <Title order={1} fz="h2">
            {t("signIn.title")}
          </Title>
          {content}
        </Stack>
      </Paper>
    </Center>
  );
}
