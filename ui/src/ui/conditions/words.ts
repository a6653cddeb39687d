import { useTranslation } from "react-i18next";

/** Words of the builder by group and name, for names that are known only at run time; the name itself where there are none. */
export function useWords(): (group: string, name: string) => string {
  const { t, i18n } = useTranslation();
  return (group, name) => {
    const key = `conditions.${group}.${name}`;
    return i18n.exists(key) ? t(key as "conditions.remove") : name;
  };
}
