import { MantineProvider } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { queryClient } from "~/api/queries";
import { contrast, theme } from "~/theme/theme";
import { Entrance } from "./Entrance";
import { router } from "./router";

/** Of this answer; Mantine's own style elements carry it (CSP). */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";

export function Application() {
  const { t } = useTranslation();
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={contrast}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queryClient}>
        <ModalsProvider labels={{ confirm: t("common.yes"), cancel: t("common.cancel") }}>
          <Notifications position="bottom-right" limit={4} />
          <Entrance>
            <RouterProvider router={router} />
          </Entrance>
        </ModalsProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}
