import { Anchor, List, Text, ThemeIcon } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { percent } from "~/ui/format";
import { type Check, checksOf } from "../../checks";
import type { Draft, When } from "../../draft";
import { useKnown } from "./useKnown";

export function Checks({ draft, when }: { draft: Draft; when: When }) {
  const { t } = useTranslation();
  const known = useKnown(draft);
  const found = checksOf(draft, when, known);
  if (found.length === 0)
    return (
      <Line severity="ok">
        <Text size="sm">{t("campaigns.checksOk")}</Text>
      </Line>
    );
  return (
    <List spacing="xs" listStyleType="none" styles={{ itemWrapper: { width: "100%" } }}>
      {found.map((check, place) => (
        <List.Item key={place}>
          <Line severity={check.severity}>
            <Words check={check} />
          </Line>
        </List.Item>
      ))}
    </List>
  );
}

function Line({ severity, children }: { severity: "ok" | "error" | "warning"; children: ReactNode }) {
  const color = severity === "ok" ? "teal" : severity === "error" ? "red" : "orange";
  return (
    <div style={{ display: "flex", gap: 10, alignItems: "flex-start" }}>
      <ThemeIcon size={22} radius="xl" variant="light" color={color} aria-hidden>
        {severity === "ok" ? (
          <IconCheck size={14} />
        ) : severity === "error" ? (
          <IconX size={14} />
        ) : (
          <IconAlertTriangle size={14} />
        )}
      </ThemeIcon>
      <div style={{ minWidth: 0, overflowWrap: "anywhere" }}>{children}</div>
    </div>
  );
}

function Words({ check }: { check: Check }) {
  const { t } = useTranslation();
  const fix = (path: string, label: string) => (
    <Anchor size="sm" renderRoot={(props) => <Link {...props} to={path as "/"} />}>
      {label}
    </Anchor>
  );
  switch (check.kind) {
    case "lack":
      return <Text size="sm">{t(`campaigns.lacks.${check.lack}`)}</Text>;
    case "nobody":
      return <Text size="sm">{t("campaigns.checkNobody")}</Text>;
    case "past":
      return <Text size="sm">{t("campaigns.checkPast")}</Text>;
    case "many":
      return <Text size="sm">{t("campaigns.checkMany", { share: percent(check.share, 0) })}</Text>;
    case "finding":
      return (
        <Text size="sm" component="div">
          {check.message} {fix(`/templates/${check.template}`, t("campaigns.openTemplate"))}
        </Text>
      );
    case "sender":
      return (
        <Text size="sm" component="div">
          {t("campaigns.checkSender", { name: check.name, problem: check.problem })}{" "}
          {fix("/settings", t("nav.settings"))}
        </Text>
      );
    case "domain":
      return (
        <Text size="sm" component="div">
          {t("campaigns.checkDomain", { domain: check.domain })} {fix("/settings", t("nav.settings"))}
        </Text>
      );
    case "inbox":
      return <Text size="sm">{t("campaigns.checkInbox")}</Text>;
  }
}
