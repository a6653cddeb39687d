/** Rows of one choice: lists, segments, categories, channels, domains of email addresses. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { categoriesQuery } from "~/api/categories";
import { listsQuery } from "~/api/lists";
import { segmentsQuery } from "~/api/segments";
import { Choice, Picker, Several } from "../inputs";
import { changed, type Tree } from "../tree";
import { useWords } from "../words";

type Props = { tree: Tree; onChange: (tree: Tree) => void };

export function ListRow({ tree, onChange }: Props) {
  const { t } = useTranslation();
  const { data = [] } = useQuery(listsQuery);
  return (
    <Picker
      label={t("conditions.kinds.list")}
      value={tree.list === null ? null : String(tree.list)}
      options={data.map((one) => ({ value: String(one.list_id), label: one.name }))}
      onChange={(id) => id !== null && onChange({ list: Number(id) })}
    />
  );
}

export function SegmentRow({ tree, onChange }: Props) {
  const { t } = useTranslation();
  const { data = [] } = useQuery(segmentsQuery);
  return (
    <Picker
      label={t("conditions.kinds.segment")}
      value={tree.segment === null ? null : String(tree.segment)}
      options={data.map((one) => ({ value: String(one.segment_id), label: one.name }))}
      onChange={(id) => id !== null && onChange({ segment: Number(id) })}
    />
  );
}

export function CategoryRow({ tree, onChange }: Props) {
  const { t } = useTranslation();
  const { data = [] } = useQuery(categoriesQuery);
  return (
    <Picker
      label={t("conditions.kinds.category")}
      value={String(tree.category)}
      options={data.map((one) => ({ value: one.key, label: one.name || one.key }))}
      onChange={(key) => key !== null && onChange({ category: key })}
    />
  );
}

export function SubscriptionRow({ tree, onChange }: Props) {
  const { t } = useTranslation();
  const words = useWords();
  return (
    <>
      <Choice
        label={t("conditions.channel")}
        value={String(tree.subscription)}
        options={["email", "sms", "webpush"].map((one) => ({ value: one, label: words("channels", one) }))}
        onChange={(subscription) => onChange(changed(tree, { subscription }))}
      />
      <span>—</span>
      <Choice
        label={t("conditions.state")}
        value={String(tree.is)}
        options={["subscribed", "unsubscribed", "unconfirmed", "none"].map((one) => ({
          value: one,
          label: words("states", one),
        }))}
        onChange={(is) => onChange(changed(tree, { is }))}
      />
    </>
  );
}

const USUAL = [
  "gmail.com",
  "ukr.net",
  "outlook.com",
  "yahoo.com",
  "icloud.com",
  "hotmail.com",
  "i.ua",
  "meta.ua",
];

export function DomainRow({ tree, onChange }: Props) {
  const { t } = useTranslation();
  const given = tree.email_domain;
  return (
    <Several
      label={t("conditions.kinds.email_domain")}
      value={Array.isArray(given) ? given : [String(given)]}
      options={USUAL}
      onChange={(domains) => onChange({ email_domain: domains })}
    />
  );
}
