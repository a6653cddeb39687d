/** Turning the second factor on (password, code of the app, recovery codes), renewing its codes, turning it off. */
import { Box, Button, Checkbox, Group, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Enrolment } from "~/api/schema";
import { Copy } from "~/ui/Copy";
import { FormDialog } from "~/ui/FormDialog";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { sessionsQuery, twoFactorQuery } from "../queries";

export type Deed = "enable" | "renew" | "disable";

export function TwoFactorDialog({ deed, onClose }: { deed: Deed; onClose: () => void }) {
  const [enrolment, setEnrolment] = useState<Enrolment>();
  const [codes, setCodes] = useState<string[]>();
  const client = useQueryClient();
  const renew = () => {
    for (const { queryKey } of [twoFactorQuery, sessionsQuery]) void client.invalidateQueries({ queryKey });
  };
  if (codes)
    return (
      <Codes
        codes={codes}
        onClose={() => {
          onClose();
          // Only now: with the session renewed, one who had to set it up is let on.
          void client.invalidateQueries({ queryKey: ["session"] });
        }}
      />
    );
  const got = (found: string[]) => {
    renew();
    setCodes(found);
  };
  if (deed !== "enable") return <Proven deed={deed} onClose={onClose} onCodes={got} onOff={renew} />;
  if (enrolment) return <Scan enrolment={enrolment} onClose={onClose} onCodes={got} />;
  return <Begin onClose={onClose} onBegun={setEnrolment} />;
}

function Begin({ onClose, onBegun }: { onClose: () => void; onBegun: (found: Enrolment) => void }) {
  const { t } = useTranslation();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { password: "" },
    send: (body) => ask(api.POST("/syncom/v1/session/two-factor", { body })),
    onDone: onBegun,
  });
  return (
    <FormDialog
      title={t("security.enable")}
      act={t("common.next")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <Text size="sm">{t("security.beginHint")}</Text>
      <PasswordInput
        label={t("security.current")}
        autoComplete="current-password"
        required
        data-autofocus
        {...form.getInputProps("password")}
      />
    </FormDialog>
  );
}

function Scan({
  enrolment,
  onClose,
  onCodes,
}: {
  enrolment: Enrolment;
  onClose: () => void;
  onCodes: (codes: string[]) => void;
}) {
  const { t } = useTranslation();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { code: "" },
    send: ({ code }) =>
      ask(api.POST("/syncom/v1/session/two-factor/confirm", { body: { code: code.trim() } })),
    onDone: (answer) => onCodes(answer.recovery_codes),
  });
  return (
    <FormDialog
      title={t("security.scan")}
      act={t("security.turnOn")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <Text size="sm">{t("security.scanHint")}</Text>
      <Box bg="white" p="xs" mx="auto" style={{ borderRadius: 8, lineHeight: 0 }}>
        {/* As an image: what is in it is drawn and never run. */}
        <img
          src={`data:image/svg+xml,${encodeURIComponent(enrolment.qr_svg)}`}
          alt={t("security.qr")}
          width={200}
          height={200}
        />
      </Box>
      <div>
        <Text size="sm" c="dimmed">
          {t("security.byHand")}
        </Text>
        <Copy text={enrolment.secret} />
      </div>
      <CodeInput {...form.getInputProps("code")} />
    </FormDialog>
  );
}

function Proven({
  deed,
  onClose,
  onCodes,
  onOff,
}: {
  deed: "renew" | "disable";
  onClose: () => void;
  onCodes: (codes: string[]) => void;
  onOff: () => void;
}) {
  const { t } = useTranslation();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { password: "", code: "" },
    send: async ({ password, code }) => {
      const body = { password, code: code.trim() };
      if (deed === "renew")
        return (await ask(api.POST("/syncom/v1/session/two-factor/recovery-codes", { body }))).recovery_codes;
      await ask(api.POST("/syncom/v1/session/two-factor/disable", { body }));
      return undefined;
    },
    onDone: (codes) => {
      if (codes) return onCodes(codes);
      onOff();
      tellDone(t("security.isOff"));
      onClose();
    },
  });
  return (
    <FormDialog
      title={t(deed === "renew" ? "security.renew" : "security.disable")}
      act={t(deed === "renew" ? "security.renew" : "security.disable")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
      danger={deed === "disable"}
    >
      <Text size="sm">{t(deed === "renew" ? "security.renewHint" : "security.disableHint")}</Text>
      <PasswordInput
        label={t("security.current")}
        autoComplete="current-password"
        required
        data-autofocus
        {...form.getInputProps("password")}
      />
      <CodeInput {...form.getInputProps("code")} />
    </FormDialog>
  );
}

function CodeInput(props: object) {
  const { t } = useTranslation();
  return <TextInput label={t("security.code")} autoComplete="one-time-code" required {...props} />;
}

/** The recovery codes, shown this once. */
function Codes({ codes, onClose }: { codes: string[]; onClose: () => void }) {
  const { t } = useTranslation();
  const [kept, setKept] = useState(false);
  const text = codes.join("\n");
  return (
    <Modal
      opened
      onClose={onClose}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
      title={t("security.codes")}
    >
      <Stack>
        <Text size="sm">{t("security.codesHint")}</Text>
        <Copy text={text} block />
        <Group>
          <Button
            variant="default"
            size="xs"
            component="a"
            href={`data:text/plain;charset=utf-8,${encodeURIComponent(`${text}\n`)}`}
            download="syncom-recovery-codes.txt"
          >
            {t("security.saveCodes")}
          </Button>
        </Group>
        <Checkbox
          label={t("security.codesKept")}
          checked={kept}
          onChange={(event) => setKept(event.currentTarget.checked)}
        />
        <Group justify="flex-end">
          <Button disabled={!kept} onClick={onClose}>
            {t("settings.done")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
