import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Failure } from "~/api/client";
import { isUnloaded } from "./unloaded";

/** What went wrong in plain words, with the next step. */
export function useFailureText(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => {
    if (isUnloaded(error)) return t("common.unloaded");
    if (!(error instanceof Failure)) return t("common.failed");
    if (error.code === "offline") return t("common.offline");
    if (error.fields.length > 0) return error.fields.map((one) => `${one.field}: ${one.reason}`).join("; ");
    return error.message || t("common.failed");
  };
}

/** An error in place of what could not be shown. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  const text = useFailureText();
  const id = error instanceof Failure ? error.requestId : "";
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("common.couldNotShow")} role="alert">
      <Text size="sm">{text(error)}</Text>
      {id !== "" && (
        <Text size="xs" c="dimmed" mt={4}>
          {t("common.requestId", { id })}
        </Text>
      )}
      {retry && (
        <Group mt="sm">
          <Button size="xs" variant="light" color="red" onClick={retry}>
            {t("common.tryAgain")}
          </Button>
        </Group>
      )}
    </Alert>
  );
}
