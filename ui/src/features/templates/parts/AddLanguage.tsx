import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

/** Which language a version is for: a code such as uk or pt-BR. */
export function AddLanguage({
  known,
  onAdd,
  onClose,
}: {
  known: string[];
  onAdd: (code: string) => void;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const [wrong, setWrong] = useState("");
  const add = () => {
    let usual: string | undefined;
    try {
      [usual] = Intl.getCanonicalLocales(code.trim());
    } catch {
      usual = undefined;
    }
    if (!usual) setWrong(t("editor.languageWrong"));
    else if (known.includes(usual)) setWrong(t("editor.languageThere"));
    else onAdd(usual);
  };
  return (
    <Modal opened onClose={onClose} title={t("editor.addLanguageTitle")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <Stack>
          <TextInput
            label={t("editor.languageCode")}
            description={t("editor.languageCodeHint")}
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
            error={wrong || undefined}
            maxLength={35}
            data-autofocus
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit">{t("common.add")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
