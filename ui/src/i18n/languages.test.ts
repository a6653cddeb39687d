import { expect, test } from "vitest";
import en from "./en.json";

type Words = { [key: string]: string | Words };
const files = import.meta.glob<{ default: Words }>("./*.json", { eager: true });

/** `contacts.found_one` and `contacts.found_other` are one word with forms. */
const FORM = /_(zero|one|two|few|many|other)$/;

function texts(words: Words, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(words))
    if (typeof value === "string") found.set(path + key, value);
    else for (const [inner, text] of texts(value, `${path}${key}.`)) found.set(inner, text);
  return found;
}

const names = (words: Words) => new Set([...texts(words).keys()].map((key) => key.replace(FORM, "")));
const holes = (text: string) => [...new Set(text.match(/{{\s*\w+/g) ?? [])].sort();
const source = names(en);

test.each(Object.entries(files))("%s has every text, and none that is not used", (_, file) => {
  const there = names(file.default);
  expect([...source].filter((name) => !there.has(name))).toEqual([]);
  expect([...there].filter((name) => !source.has(name))).toEqual([]);
});

test.each(Object.entries(files))("%s has each form of a number that its language has", (path, file) => {
  const forms = new Intl.PluralRules(path.slice(2, -5)).resolvedOptions().pluralCategories;
  const keys = new Set(texts(file.default).keys());
  const counted = new Set([...keys].filter((key) => FORM.test(key)).map((key) => key.replace(FORM, "")));
  const missing = [...counted]
    .flatMap((name) => forms.map((form) => `${name}_${form}`))
    .filter((key) => !keys.has(key));
  expect(missing).toEqual([]);
});

test.each(Object.entries(files))("%s fills in the same values as the source", (_, file) => {
  const english = texts(en);
  for (const [key, text] of texts(file.default)) {
    const of = english.get(key) ?? english.get(key.replace(FORM, "_other"));
    const allowed = of === undefined ? [] : holes(of);
    expect([key, holes(text).filter((hole) => !allowed.includes(hole))]).toEqual([key, []]);
  }
});
