import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { ContactList } from "~/api/schema";
import { confirm } from "~/ui/confirm";
import { number } from "~/ui/format";
import { tellDone, tellFailed } from "~/ui/tell";

/** Asks, and deletes a list. */
export function useListDeletion(onDone?: () => void): (list: ContactList) => void {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { mutate } = useMutation({
    mutationFn: (list: ContactList) =>
      ask(api.DELETE("/syncom/v1/lists/{list_id}", { params: { path: { list_id: list.list_id } } })),
    onSuccess: (_, list) => {
      onDone?.();
      client.removeQueries({ queryKey: ["list", list.list_id] });
      void client.invalidateQueries({ queryKey: ["list"] });
      tellDone(t("lists.deleted", { name: list.name.slice(0, 80) }));
    },
    onError: tellFailed,
  });
  return useCallback(
    (list) =>
      confirm({
        title: t("lists.delete"),
        text: t("lists.deleteWhat", { name: list.name, count: list.size, shown: number(list.size) }),
        act: t("lists.delete"),
        onYes: () => mutate(list),
      }),
    [t, mutate],
  );
}
