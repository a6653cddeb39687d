import { TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { FormDialog } from "~/ui/FormDialog";

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
    <FormDialog
      title={t("editor.addLanguageTitle")}
      act={t("common.add")}
      onClose={onClose}
      onSubmit={(event) => {
        event?.preventDefault();
        add();
      }}
      sending={false}
    >
      <TextInput
        label={t("editor.languageCode")}
        description={t("editor.languageCodeHint")}
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
        error={wrong || undefined}
        maxLength={35}
        data-autofocus
      />
    </FormDialog>
  );
}
