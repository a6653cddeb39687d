import { Button, Paper, Stepper } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { accountQuery, useSession } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { leave } from "../left";
import { STEPS, type Step, type WelcomeSearch } from "../search";
import { AccountStep } from "../steps/AccountStep";
import { ContactsStep } from "../steps/ContactsStep";
import { DoneStep } from "../steps/DoneStep";
import { EmailStep } from "../steps/EmailStep";
import { SenderStep } from "../steps/SenderStep";
import { SendStep } from "../steps/SendStep";

export type StepProps = {
  search: WelcomeSearch;
  /** To a step, with what was made on the way. */
  go: (next: WelcomeSearch) => void;
};

/** From an empty account to a mail that was sent: five short steps, each of which can be gone back to. */
export function WelcomePage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const session = useSession();
  const account = useQuery(accountQuery);
  const search = useSearch({ strict: false }) as WelcomeSearch;
  const step = reached(search);
  const at = STEPS.indexOf(step);
  const go = (next: WelcomeSearch) => void navigate({ to: "/welcome", search: { ...search, ...next } });
  const out = () => {
    leave(session.data?.account_id ?? 0);
    void navigate({ to: "/" });
  };
  return (
    <Page
      title={t("welcome.title")}
      soft={t("welcome.soft")}
      actions={
        <Button variant="subtle" color="gray" onClick={out}>
          {step === "done" ? t("welcome.toHome") : t("welcome.leave")}
        </Button>
      }
    >
      <Stepper active={at} size="sm" onStepClick={(index) => go({ step: STEPS[index] })} iconSize={30}>
        {SHOWN.map((one, index) => (
          <Stepper.Step
            key={one}
            label={t(`welcome.steps.${one}`)}
            allowStepSelect={index < at && step !== "done"}
            aria-current={index === at ? "step" : undefined}
          />
        ))}
      </Stepper>
      <Paper withBorder p="lg">
        {account.isError && !account.data && (
          <Failed error={account.error} retry={() => void account.refetch()} />
        )}
        {step === "account" && account.data && <AccountStep account={account.data} search={search} go={go} />}
        {step === "sender" && <SenderStep search={search} go={go} />}
        {step === "contacts" && <ContactsStep search={search} go={go} />}
        {step === "email" && <EmailStep search={search} go={go} />}
        {step === "send" && <SendStep search={search} go={go} />}
        {step === "done" && <DoneStep search={search} onOut={out} />}
      </Paper>
    </Page>
  );
}

const SHOWN = ["account", "sender", "contacts", "email", "send"] as const satisfies Step[];

/** The step of an address, or the first one whose needs are not there. */
function reached({ step = "account", list, template, campaign }: WelcomeSearch) {
  const wanted = STEPS.indexOf(step);
  if (wanted > STEPS.indexOf("contacts") && !list) return "contacts";
  if (wanted > STEPS.indexOf("email") && !template) return "email";
  if (step === "done" && !campaign) return "send";
  return step;
}
