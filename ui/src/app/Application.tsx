import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { queryClient } from "~/api/queries";
import { contrast, theme } from "~/theme/theme";
import { Questions } from "~/ui/confirm";
import { Entrance } from "./Entrance";
import { router } from "./router";

/** Of this answer; Mantine's own style elements carry it (CSP), and by this global name those of dialogs, which keep the page
 *  behind them from scrolling (get-nonce, used by react-remove-scroll). */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
Object.assign(globalThis, { __webpack_nonce__: nonce });

export function Application() {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={contrast}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" limit={4} />
        <Questions />
        <Entrance>
          <RouterProvider router={router} />
        </Entrance>
      </QueryClientProvider>
    </MantineProvider>
  );
}
