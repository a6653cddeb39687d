/** A form as its editor holds it. */
import type { FormInput } from "~/api/schema";

/** Members of a contact that a form may ask for. */
export const STANDARD = [
  "email",
  "phone",
  "first_name",
  "last_name",
  "country",
  "region",
  "city",
  "address",
  "postcode",
] as const;

export function valuesOf(given: FormInput) {
  return {
    name: given.name,
    title: given.title ?? "",
    text: given.text ?? "",
    fields: (given.fields ?? [{ key: "email", label: "", required: true }]).map((one) => ({
      key: one.key,
      label: one.label,
      required: one.required ?? false,
    })),
    consent_text: given.consent_text ?? "",
    consent_required: given.consent_required ?? false,
    button: given.button ?? "",
    language: given.language ?? "en",
    categories: [...(given.categories ?? [])],
    lists: (given.lists ?? []).map(String),
    double_opt_in: given.double_opt_in ?? true,
    success: given.success ?? "",
    redirect_url: given.redirect_url ?? "",
    confirmed_url: given.confirmed_url ?? "",
    domains: [...(given.domains ?? [])],
    refused_domains: [...(given.refused_domains ?? [])],
    disposable: (given.disposable ?? "allow") as string,
    proof_of_work: given.proof_of_work ?? false,
    look: {
      accent: given.look?.accent ?? "#2456d6",
      text: given.look?.text ?? "#1b1f27",
      background: given.look?.background ?? "#ffffff",
      radius: (given.look?.radius ?? 8) as number | string,
    },
    popup: {
      trigger: (given.popup?.trigger ?? "delay") as string,
      after: (given.popup?.after ?? 10) as number | string,
      every_days: (given.popup?.every_days ?? 30) as number | string,
    },
  };
}

/** What the server is sent; what this editor does not know of a stored form stays as it is. */
export function inputOf(values: ReturnType<typeof valuesOf>, stored: FormInput): FormInput {
  return {
    ...stored,
    ...values,
    lists: values.lists.map(Number),
    disposable: values.disposable as FormInput["disposable"],
    look: { ...values.look, radius: Number(values.look.radius) },
    popup: {
      trigger: values.popup.trigger as "delay" | "scroll" | "exit",
      after: Number(values.popup.after),
      every_days: Number(values.popup.every_days),
    },
  };
}
