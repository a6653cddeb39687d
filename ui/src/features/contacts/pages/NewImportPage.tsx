/** A file or pasted rows become contacts: bring it, say where its columns go, say how, and follow it. */
import { Stepper, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ImportStatus } from "~/api/schema";
import { Page } from "~/ui/Page";
import { BringFile } from "../parts/BringFile";
import { type Draft, firstDraft } from "../parts/importDraft";
import { MapColumns } from "../parts/MapColumns";
import { SayHow } from "../parts/SayHow";

export function NewImportPage() {
  const { t } = useTranslation();
  const go = useNavigate();
  const search = useSearch({ from: "/imports/new" });
  const [draft, setDraft] = useState<Draft>();
  const [step, setStep] = useState(0);
  return (
    <Page
      title={t("imports.new")}
      crumbs={[
        { label: t("nav.contacts"), to: "/contacts" },
        { label: t("imports.title"), to: "/imports" },
      ]}
      soft={<Text size="sm">{t("imports.what")}</Text>}
    >
      <Stepper
        active={step}
        onStepClick={(next) => next < step && setStep(next)}
        allowNextStepsSelect={false}
        size="sm"
      >
        <Stepper.Step label={t("imports.steps.file")}>
          <BringFile
            onProposed={(proposal) => {
              setDraft(firstDraft(proposal, search.list));
              setStep(1);
            }}
          />
        </Stepper.Step>
        <Stepper.Step label={t("imports.steps.columns")}>
          {draft && <MapColumns draft={draft} onChange={setDraft} onNext={() => setStep(2)} />}
        </Stepper.Step>
        <Stepper.Step label={t("imports.steps.how")}>
          {draft && (
            <SayHow
              draft={draft}
              onChange={setDraft}
              onBack={() => setStep(1)}
              onStarted={(started: ImportStatus) =>
                void go({ to: "/imports/$id", params: { id: String(started.import_id) } })
              }
            />
          )}
        </Stepper.Step>
      </Stepper>
    </Page>
  );
}
