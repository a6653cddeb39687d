import { Select, SimpleGrid, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Account } from "~/api/schema";
import { accountQuery } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { useServerForm } from "~/ui/useServerForm";
import type { StepProps } from "../pages/WelcomePage";
import { Step } from "./Step";

export function AccountStep({ account, search, go }: StepProps & { account: Account }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const here = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      name: account.name,
      // UTC is what an account begins with; where the browser is says more.
      time_zone: account.time_zone === "UTC" ? here : account.time_zone,
    },
    send: (values) => ask(api.PATCH("/syncom/v1/account", { body: values })),
    onDone: (answer) => {
      client.setQueryData(accountQuery.queryKey, answer);
      go({ ...search, step: "sender" });
    },
  });
  const zones = [
    ...new Set([...Intl.supportedValuesOf("timeZone"), "UTC", here, form.getValues().time_zone]),
  ];
  return (
    <Step
      title={t("welcome.account.title")}
      text={t("welcome.account.text")}
      act={t("common.next")}
      busy={sending}
      onSubmit={submit}
    >
      {failure !== undefined && <Failed error={failure} />}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput label={t("welcome.account.name")} required dir="auto" {...form.getInputProps("name")} />
        <Select
          label={t("welcome.account.zone")}
          searchable
          allowDeselect={false}
          limit={60}
          data={zones}
          {...form.getInputProps("time_zone")}
        />
      </SimpleGrid>
    </Step>
  );
}
