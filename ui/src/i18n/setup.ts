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

type File = { default: Record<string, unknown> };
// Each language is one file; vite.config.ts makes two parts of it, so that the first page does not wait for all.
const first = import.meta.glob<File>("./*.json", { query: "?first" });
const rest = import.meta.glob<File>("./*.json", { query: "?rest" });
const KEY = "syncom-language";

/** Codes of the languages that there are files of, each with its own name for itself. */
export const languages: readonly { code: string; name: string }[] = Object.keys(first)
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

let wantsAll = false;
const complete = new Set<string>();

async function load(code: string): Promise<void> {
  const file = first[`./${code}.json`];
  if (file && !i18next.hasResourceBundle(code, "words")) {
    i18next.addResourceBundle(code, "words", (await file()).default);
  }
  if (wantsAll) await loadRest(code);
  document.documentElement.lang = code;
}

async function loadRest(code: string): Promise<void> {
  const file = rest[`./${code}.json`];
  if (!file || complete.has(code)) return;
  i18next.addResourceBundle(code, "words", (await file()).default, true);
  complete.add(code);
}

/** The words of every page, in the language that is shown and in those chosen later. */
export async function allWords(): Promise<void> {
  wantsAll = true;
  await loadRest(i18next.language);
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
