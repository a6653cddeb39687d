/** The picture of a workflow with what happens in it now, and its draft while it is changed. */
import { Alert, Badge, Button, Group, Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { WorkflowSeen } from "~/api/schema";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { read } from "../model/definition";
import { litBy } from "../model/lit";
import { draftQuery, stepsQuery, versionQuery } from "../queries";
import type { WorkflowLook } from "../routes";
import type { Which } from "./Counts";
import { Editor } from "./Editor";
import { Followed, useFollowed } from "./Followed";
import { LifeMenu } from "./LifeMenu";
import { StatusBadge } from "./StatusBadge";
import { StepList } from "./StepList";
import { useSentences } from "./sentences";

const Canvas = lazy(() => import("./Canvas"));

export type TabProps = {
  workflow: WorkflowSeen;
  look: WorkflowLook;
  go: (look: Partial<WorkflowLook>) => void;
  tabs: ReactNode;
};

export default function CanvasTab(props: TabProps) {
  const mayWrite = useMay("write_campaigns");
  const { workflow, look } = props;
  // What ran before, and the way of one contact, are looked at; the newest is written.
  const writes = mayWrite && look.version === undefined && look.contact === undefined;
  const draft = useQuery({ ...draftQuery(workflow.workflow_id), enabled: writes });
  if (!writes) return <Shown {...props} />;
  if (draft.isError) return <Failed error={draft.error} retry={() => void draft.refetch()} />;
  if (draft.data === undefined) return <Skeleton height={420} />;
  return <Editor {...props} draft={draft.data} />;
}

/** The list of people behind a number. */
export function peopleOf(step: string, which: Which): Partial<WorkflowLook> {
  return which === "passed"
    ? { tab: "people", through: step, step: undefined, state: undefined }
    : { tab: "people", step, through: undefined, state: which };
}

function Shown({ workflow, look, go, tabs }: TabProps) {
  const { t } = useTranslation();
  const phone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const id = workflow.workflow_id;
  const followed = useFollowed(id, look.contact);
  const version = look.version ?? followed?.version ?? workflow.version;
  const older = useQuery({ ...versionQuery(id, version), enabled: version !== workflow.version });
  const given = version === workflow.version ? workflow.definition : older.data?.definition;
  const definition = useMemo(() => (given ? read(given) : undefined), [given]);
  const figures = useQuery(stepsQuery(id, version === workflow.version ? undefined : version));
  const sentences = useSentences(definition);
  const lit = useMemo(
    () =>
      followed
        ? litBy(
            followed.path.map((one) => one.step_id),
            followed.state === "finished",
          )
        : undefined,
    [followed],
  );
  const shared = definition && {
    definition,
    sentences,
    figures: figures.data,
    lit,
    chosen: new Set(look.part ? [look.part] : []),
    onChoose: (part: string | null) => go({ part: part ?? undefined }),
    onPeople: (step: string, which: Which) =>
      go({ ...peopleOf(step, which), contact: undefined, version: look.version }),
  };
  return (
    <Page
      wide
      title={workflow.name}
      crumbs={[{ label: t("nav.workflows"), to: "/workflows" }]}
      soft={<StatusBadge status={workflow.status} />}
      actions={<LifeMenu workflow={workflow} />}
    >
      {tabs}
      {look.version !== undefined && (
        <Alert color="blue" p="xs">
          <Group justify="space-between">
            <Badge tt="none">{t("workflows.version", { number: look.version })}</Badge>
            <Button size="xs" variant="default" onClick={() => go({ version: undefined })}>
              {t("workflows.backToNewest")}
            </Button>
          </Group>
        </Alert>
      )}
      {look.contact !== undefined && (
        <Followed workflow={workflow} contact={look.contact} journey={followed} go={go} />
      )}
      {!shared ? (
        <Skeleton height={420} />
      ) : phone ? (
        <StepList {...shared} />
      ) : (
        <Suspense fallback={<Skeleton height={420} />}>
          <Canvas {...shared} height="calc(100dvh - 260px)" />
        </Suspense>
      )}
    </Page>
  );
}
