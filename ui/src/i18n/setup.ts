/** Words in the viewer's language. A language is one file here; `en.json` is the source of the types. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type en from "./en.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "words";
    resources: { words: typeof en };
  }
}

const files = import.meta.glob<{ default: Record<string, unknown> }>("./*.json");
const KEY = "syncom-language";

/** Codes of the languages that there are files of, each with its own name for itself. */
export const languages: readonly { code: string; name: string }[] = Object.keys(files)
  .map((path) => path.slice(2, -5))
  .map((code) => ({ code, name: new Intl.DisplayNames([code], { type: "language" }).of(code) ?? code }));

function wanted(): string {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // Storage may be refused.
  }
  const codes = languages.map((language) => language.code);
  for (const code of [kept, ...navigator.languages]) {
    const plain = code?.split("-")[0];
    if (plain && codes.includes(plain)) return plain;
  }
  return "en";
}

async function load(code: string): Promise<void> {
  const file = files[`./${code}.json`];
  if (file && !i18next.hasResourceBundle(code, "words")) {
    i18next.addResourceBundle(code, "words", (await file()).default);
  }
  document.documentElement.lang = code;
}

export async function startLanguage(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: wanted(),
    fallbackLng: false,
    ns: ["words"],
    defaultNS: "words",
    resources: {},
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  await load(i18next.language);
  await i18next.changeLanguage(i18next.language);
}

export async function changeLanguage(code: string): Promise<void> {
  await load(code);
  await i18next.changeLanguage(code);
  try {
    localStorage.setItem(KEY, code);
  } catch {
    // Then it holds until the page is loaded again.
  }
}
