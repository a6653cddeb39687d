import { Select, SimpleGrid, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import { FormDialog } from "~/ui/FormDialog";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { renewContacts } from "../queries";

/** One person by hand. Whether they agreed to messages is asked, never taken for granted. */
export function NewContactDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const go = useNavigate();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { email: "", phone: "", first_name: "", last_name: "", consent: "" },
    validate: (values) => ({
      email: values.email.trim() === "" && values.phone.trim() === "" ? t("contacts.sayAddress") : null,
      consent: values.consent === "" ? t("contacts.sayConsent") : null,
    }),
    send: async ({ consent, ...values }) => {
      const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ""));
      const key = given.email ? "email" : "phone";
      const found = await ask(
        api.GET("/syncom/v1/contacts", { params: { query: { [key]: given[key] } as never } }),
      );
      if (found.items.length > 0)
        throw new Failure(409, "conflict", "", t("contacts.isThere"), {
          errors: [{ field: key, reason: t("contacts.isThere") }],
        } as never);
      return ask(api.PUT("/syncom/v1/contacts", { params: { query: { key, consent } }, body: given }));
    },
    onDone: ({ contact_id }) => {
      renewContacts(client);
      tellDone(t("contacts.added"));
      onClose();
      void go({ to: "/contacts/$id", params: { id: String(contact_id) } });
    },
  });
  return (
    <FormDialog
      title={t("contacts.add")}
      act={t("contacts.add")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput label={t("contacts.email")} type="email" data-autofocus {...form.getInputProps("email")} />
      <TextInput
        label={t("contacts.phone")}
        type="tel"
        placeholder="+380…"
        {...form.getInputProps("phone")}
      />
      <SimpleGrid cols={2}>
        <TextInput
          label={t("contacts.members.first_name")}
          dir="auto"
          {...form.getInputProps("first_name")}
        />
        <TextInput label={t("contacts.members.last_name")} dir="auto" {...form.getInputProps("last_name")} />
      </SimpleGrid>
      <Select
        label={t("contacts.didAgree")}
        placeholder={t("common.choose")}
        data={[
          { value: "subscribed", label: t("contacts.agreed") },
          { value: "unconfirmed", label: t("contacts.notYet") },
          { value: "none", label: t("contacts.notAsked") },
        ]}
        {...form.getInputProps("consent")}
      />
    </FormDialog>
  );
}
