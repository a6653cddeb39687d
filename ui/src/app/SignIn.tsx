import { Button, Center, Code, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import { Failed } from "~/ui/Failed";
import { useServerForm } from "~/ui/useServerForm";
import { Brand } from "./Brand";

/** The server's word for: the password is right, now the code. */
const ASKS_SECOND = "two_factor_required";

export default function SignIn({ onDone, inside = false }: { onDone: () => void; inside?: boolean }) {
  const { t } = useTranslation();
  // The password was right and there is a second factor: asked for on the same form, so that nothing is typed twice.
  const [second, setSecond] = useState(false);
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { email: "", password: "", code: "" },
    send: async ({ code, ...values }) => {
      const body = second ? { ...values, code: code.trim() } : values;
      try {
        return await ask(api.POST("/syncom/v1/session", { body }));
      } catch (error) {
        if (error instanceof Failure && error.code === ASKS_SECOND) setSecond(true);
        throw error;
      }
    },
    onDone,
  });
  const refused = failure instanceof Failure && failure.status === 401 ? failure : undefined;
  const wrongCode = refused?.code === "two_factor_wrong" ? refused.message : undefined;
  const wrong = refused && refused.code !== ASKS_SECOND && !wrongCode ? refused.message : undefined;
  const content = (
    <form onSubmit={submit}>
      <Stack>
        {failure !== undefined && !refused && <Failed error={failure} />}
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
        {second && (
          <TextInput
            label={t("signIn.code")}
            description={t("signIn.codeHint")}
            autoComplete="one-time-code"
            required
            autoFocus
            dir="ltr"
            {...form.getInputProps("code")}
            error={wrongCode ?? form.errors.code}
          />
        )}
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
