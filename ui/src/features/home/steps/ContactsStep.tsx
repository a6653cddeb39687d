import {
  Alert,
  Anchor,
  Checkbox,
  FileInput,
  List,
  SegmentedControl,
  Stack,
  Text,
  Textarea,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, askPlain } from "~/api/client";
import { listsQuery } from "~/api/lists";
import type { ImportStatus, StoredFile } from "~/api/schema";
import { Failed } from "~/ui/Failed";
import { useServerForm } from "~/ui/useServerForm";
import type { StepProps } from "../pages/WelcomePage";
import { csv, read } from "../pasted";
import { keep, kept } from "./kept";
import { Step } from "./Step";

const SAMPLES = [
  { email: "anna@example.com", name: "Anna Adams" },
  { email: "borys@example.com", name: "Борис Бондар" },
  { email: "clara@example.com", name: "Clara Costa" },
];

type Way = "samples" | "paste" | "file";

export function ContactsStep({ search, go }: StepProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [refused, setRefused] = useState<ImportStatus>();
  const listName = t("welcome.contacts.listName");
  const { form, submit, sending, failure } = useServerForm({
    initialValues: kept("contacts", { way: "samples" as Way, text: "", agreed: false, file: "" }),
    onValuesChange: (values) => keep("contacts", { ...values, file: "" }),
    validate: {
      text: (text, { way }) => {
        if (way !== "paste") return null;
        const found = read(text);
        if (found.without.length > 0)
          return t("welcome.contacts.without", { lines: found.without.slice(0, 5).join(", ") });
        return found.contacts.length === 0 ? t("welcome.contacts.nobody") : null;
      },
      file: (_, { way }) => (way === "file" && file === null ? t("welcome.contacts.noFile") : null),
      agreed: (agreed, { way }) => (way !== "samples" && !agreed ? t("welcome.contacts.mustAgree") : null),
    },
    send: async ({ way, text }): Promise<ImportStatus> => {
      setRefused(undefined);
      const sent =
        way === "file" && file
          ? file
          : new File(
              [csv(way === "paste" ? read(text) : { contacts: SAMPLES, without: [] })],
              "contacts.csv",
            );
      const stored = (await (
        await askPlain(`/syncom/v1/imports/files?name=${encodeURIComponent(sent.name)}`, {
          method: "POST",
          body: sent,
        })
      ).json()) as StoredFile;
      const begun = await ask(
        api.POST("/syncom/v1/imports", { body: { upload_id: stored.upload_id, list_name: listName } }),
      );
      return finished(begun);
    },
    onDone: async (status) => {
      await client.invalidateQueries({ queryKey: ["contact"] });
      const items = await client.fetchQuery({ ...listsQuery, staleTime: 0 });
      const list = items.find((one) => one.name === listName);
      const came = status.created + status.updated + status.unchanged;
      if (status.failed > 0 || status.problem !== "" || came === 0 || !list) setRefused(status);
      else go({ ...search, step: "email", list: list.list_id });
    },
  });
  const lists = useQuery(listsQuery);
  const present = lists.data?.find((one) => one.list_id === search.list);
  const { way } = form.getValues();
  return (
    <Step
      title={t("welcome.contacts.title")}
      text={t("welcome.contacts.text")}
      act={t("common.next")}
      busy={sending}
      onSubmit={submit}
      onBack={() => go({ ...search, step: "sender" })}
    >
      {failure !== undefined && <Failed error={failure} />}
      {present && present.size > 0 && (
        <Alert color="teal">
          {t("welcome.contacts.present", { count: present.size })}{" "}
          <Anchor component="button" type="button" size="sm" onClick={() => go({ ...search, step: "email" })}>
            {t("welcome.contacts.goOn")}
          </Anchor>
        </Alert>
      )}
      {refused && (
        <Alert color="orange" role="alert">
          <Text size="sm">
            {refused.problem || t("welcome.contacts.refused", { count: refused.failed })}{" "}
            {refused.failed > 0 && (
              <Anchor size="sm" href={`/syncom/v1/imports/${refused.import_id}/errors`} download>
                {t("welcome.contacts.errors")}
              </Anchor>
            )}
          </Text>
          {present === undefined && refused.created + refused.updated + refused.unchanged > 0 && (
            <Anchor
              component="button"
              type="button"
              size="sm"
              onClick={() => {
                const list = lists.data?.find((one) => one.name === listName);
                if (list) go({ ...search, step: "email", list: list.list_id });
              }}
            >
              {t("welcome.contacts.goOnWithout")}
            </Anchor>
          )}
        </Alert>
      )}
      <SegmentedControl
        aria-label={t("welcome.contacts.way")}
        data={(["samples", "paste", "file"] as const).map((value) => ({
          value,
          label: t(`welcome.contacts.ways.${value}`),
        }))}
        {...form.getInputProps("way")}
      />
      {way === "samples" && (
        <Stack gap={4}>
          <Text size="sm">{t("welcome.contacts.samples")}</Text>
          <List size="sm">
            {SAMPLES.map((one) => (
              <List.Item key={one.email}>
                {one.name}, {one.email}
              </List.Item>
            ))}
          </List>
        </Stack>
      )}
      {way === "paste" && (
        <Textarea
          label={t("welcome.contacts.pasted")}
          description={t("welcome.contacts.pastedHint")}
          placeholder={"anna@example.com, Anna Adams\nborys@example.com"}
          autosize
          minRows={5}
          maxRows={14}
          dir="auto"
          {...form.getInputProps("text")}
        />
      )}
      {way === "file" && (
        <FileInput
          label={t("welcome.contacts.file")}
          description={t("welcome.contacts.fileHint")}
          accept=".csv,.tsv,.txt,.xlsx"
          clearable
          value={file}
          onChange={setFile}
          error={form.errors.file}
        />
      )}
      {way !== "samples" && (
        <Checkbox
          label={t("welcome.contacts.agreed")}
          {...form.getInputProps("agreed", { type: "checkbox" })}
        />
      )}
    </Step>
  );
}

/** The import once it is over; a few contacts take a moment. */
async function finished(begun: ImportStatus): Promise<ImportStatus> {
  let status = begun;
  while (status.finished_at === null) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    status = await ask(
      api.GET("/syncom/v1/imports/{import_id}", { params: { path: { import_id: begun.import_id } } }),
    );
  }
  return status;
}
