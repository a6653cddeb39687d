/** Starting, pausing, draining and stopping, each with what it means for those inside. */
import { Button, Group, Menu } from "@mantine/core";
import {
  IconChevronDown,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerStop,
  IconPlayerTrackNext,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { WorkflowSeen } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { tellDone, tellFailed } from "~/ui/tell";

type Verb = "start" | "pause" | "drain" | "stop";

export function useLife(workflow_id: number) {
  const { t } = useTranslation();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (verb: Verb) => {
      const at = { params: { path: { workflow_id } } };
      switch (verb) {
        case "start":
          return ask(api.POST("/syncom/v1/workflows/{workflow_id}/start", at));
        case "pause":
          return ask(api.POST("/syncom/v1/workflows/{workflow_id}/pause", at));
        case "drain":
          return ask(api.POST("/syncom/v1/workflows/{workflow_id}/drain", at));
        case "stop":
          return ask(api.POST("/syncom/v1/workflows/{workflow_id}/stop", at));
      }
    },
    onSuccess: (_, verb) => {
      tellDone(t(`workflows.did.${verb}`));
      void client.invalidateQueries({ queryKey: ["workflow"] });
    },
    onError: tellFailed,
  });
}

export function LifeMenu({ workflow, onStart }: { workflow: WorkflowSeen; onStart?: () => void }) {
  const { t } = useTranslation();
  const life = useLife(workflow.workflow_id);
  const maySend = useMay("send");
  const mayWrite = useMay("write_campaigns");
  const { status } = workflow;
  const inside = workflow.counts.waiting + workflow.counts.paused + workflow.counts.failed;
  const can = {
    start: maySend && status !== "active",
    pause: mayWrite && (status === "active" || status === "draining"),
    drain: mayWrite && (status === "active" || status === "paused"),
    stop: mayWrite && (status === "active" || status === "paused" || status === "draining"),
  };
  const stop = () =>
    confirm({
      title: t("workflows.stopTitle"),
      text: t("workflows.stopText", { count: inside }),
      act: t("workflows.stop"),
      onYes: () => life.mutate("stop"),
    });
  return (
    <Group gap="xs">
      {can.start && (
        <Button
          color="teal.9"
          leftSection={<IconPlayerPlay size={16} aria-hidden />}
          loading={life.isPending}
          onClick={() => (onStart && status !== "paused" ? onStart() : life.mutate("start"))}
        >
          {t(status === "paused" ? "workflows.resume" : "workflows.start")}
        </Button>
      )}
      {(can.pause || can.drain || can.stop) && (
        <Menu position="bottom-end" width={300} withinPortal>
          <Menu.Target>
            <Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
              {t("workflows.hold")}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {can.pause && (
              <Menu.Item
                leftSection={<IconPlayerPause size={16} aria-hidden />}
                onClick={() => life.mutate("pause")}
              >
                <Two title={t("workflows.pause")} text={t("workflows.pauseHint")} />
              </Menu.Item>
            )}
            {can.drain && (
              <Menu.Item
                leftSection={<IconPlayerTrackNext size={16} aria-hidden />}
                onClick={() => life.mutate("drain")}
              >
                <Two title={t("workflows.drain")} text={t("workflows.drainHint")} />
              </Menu.Item>
            )}
            {can.stop && (
              <Menu.Item color="red" leftSection={<IconPlayerStop size={16} aria-hidden />} onClick={stop}>
                <Two title={t("workflows.stop")} text={t("workflows.stopHint")} />
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      )}
    </Group>
  );
}

function Two({ title, text }: { title: string; text: string }) {
  return (
    <div>
      <div style={{ fontWeight: 600 }}>{title}</div>
      <div style={{ fontSize: 12, opacity: 0.85 }}>{text}</div>
    </div>
  );
}
