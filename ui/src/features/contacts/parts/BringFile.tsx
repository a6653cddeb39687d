import { Button, Divider, Group, Paper, Progress, Stack, Text, Textarea } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import "@mantine/dropzone/styles.css";
import { IconClipboardText, IconFileSpreadsheet } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, Failure, failureOf } from "~/api/client";
import type { Proposal, StoredFile } from "~/api/schema";
import { Failed } from "~/ui/Failed";
import { percent } from "~/ui/format";

/** A file dropped or chosen, or rows pasted from a sheet; uploaded, and looked at by the server. */
export function BringFile({ onProposed }: { onProposed: (proposal: Proposal) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [share, setShare] = useState(0);
  const bring = useMutation({
    mutationFn: async (file: File) => {
      setShare(0);
      const stored = await upload(file, setShare);
      return ask(api.POST("/syncom/v1/imports/propose", { body: { upload_id: stored.upload_id } }));
    },
    onSuccess: onProposed,
  });
  return (
    <Stack gap="md" mt="md">
      <Dropzone
        onDrop={(files) => files[0] && bring.mutate(files[0])}
        multiple={false}
        loading={bring.isPending}
        inputProps={{ "aria-label": t("imports.choose") }}
        aria-label={t("imports.choose")}
      >
        <Stack align="center" gap="xs" py="xl" style={{ pointerEvents: "none" }}>
          <IconFileSpreadsheet size={40} stroke={1.5} aria-hidden />
          <Text fw={600}>{t("imports.drop")}</Text>
          <Text size="sm" c="dimmed" ta="center">
            {t("imports.dropHint")}
          </Text>
        </Stack>
      </Dropzone>
      {bring.isPending && (
        <div role="status">
          <Progress value={share * 100} aria-label={t("imports.uploading")} />
          <Text size="sm" c="dimmed" mt={4}>
            {share < 1 ? t("imports.uploaded", { share: percent(share, 0) }) : t("imports.looking")}
          </Text>
        </div>
      )}
      {bring.error && <Failed error={bring.error} />}
      <Divider label={t("imports.or")} />
      <Paper withBorder p="md">
        <Textarea
          label={t("imports.paste")}
          description={t("imports.pasteHint")}
          placeholder={"email\tname\nanna@example.com\tAnna"}
          autosize
          minRows={5}
          maxRows={14}
          dir="auto"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="sm">
          <Button
            disabled={text.trim() === "" || bring.isPending}
            leftSection={<IconClipboardText size={18} aria-hidden />}
            onClick={() => bring.mutate(new File([text], `${t("imports.pasted")}.csv`, { type: "text/csv" }))}
          >
            {t("common.next")}
          </Button>
        </Group>
      </Paper>
    </Stack>
  );
}

/** `fetch` cannot say how much of a body has left. */
function upload(file: File, onShare: (share: number) => void): Promise<StoredFile> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/syncom/v1/imports/files?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && onShare(event.loaded / event.total);
    request.onload = () => {
      let answer: unknown;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        answer = undefined;
      }
      if (request.status >= 200 && request.status < 300 && answer) {
        onShare(1);
        resolve(answer as StoredFile);
      } else reject(failureOf(request.status, answer));
    };
    request.onerror = () => reject(new Failure(0, "offline", "", ""));
    request.send(file);
  });
}
