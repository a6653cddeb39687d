/** Why somebody did not get a message, in words. The server's own words stay as they are: they are a server's answer. */
import { useTranslation } from "react-i18next";

/** What the platform says itself; keys below `campaigns.reasons`. */
const OWN = {
  "excluded by list or segment": "excluded",
  suppressed: "suppressed",
  unsubscribed: "unsubscribed",
  "no email": "noEmail",
  "no phone": "noPhone",
  "no push subscription": "noSubscription",
  "not confirmed": "notConfirmed",
  paused: "paused",
  "frequency cap": "capped",
  "chose other categories": "otherCategories",
  "its time had passed": "late",
  deleted: "deleted",
  erased: "erased",
  "the campaign was cancelled": "cancelled",
} as const;
const DECLINED = "unsubscribed from ";

export function useReason(): (reason: string) => string {
  const { t } = useTranslation();
  return (reason) => {
    if (reason in OWN) return t(`campaigns.reasons.${OWN[reason as keyof typeof OWN]}`);
    if (reason.startsWith(DECLINED))
      return t("campaigns.reasons.declined", { category: reason.slice(DECLINED.length) });
    return reason;
  };
}
