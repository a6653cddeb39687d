import { useTranslation } from "react-i18next";
import type { Form } from "../context";

/** An input of one member of a part. */
export type Props = { form: Form; member: string; label?: string; required?: boolean };

export function useLabel(member: string, label?: string): string {
  const { t } = useTranslation();
  return (
    label ?? t(`workflows.form.fields.${member}` as "workflows.form.fields.status", { defaultValue: member })
  );
}
