import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = `http://127.0.0.1:${process.env.SYNCOM_PORT ?? "8080"}`;

export default defineConfig({
  // Built files are served below /ui/; see src/syncom/http/ui/app.py.
  base: "/ui/",
  plugins: [react()],
  resolve: { alias: { "~": fileURLToPath(new URL("./src", import.meta.url)) } },
  html: { cspNonce: "__CSP_NONCE__" },
  css: {
    postcss: {
      plugins: [
        (await import("postcss-preset-mantine")).default(),
        (await import("postcss-simple-vars")).default({
          variables: {
            "mantine-breakpoint-xs": "36em",
            "mantine-breakpoint-sm": "48em",
            "mantine-breakpoint-md": "62em",
            "mantine-breakpoint-lg": "75em",
            "mantine-breakpoint-xl": "88em",
          },
        }),
      ],
    },
  },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    // The email designer is 284 + 344 kB by nature, and its own document.
    chunkSizeWarningLimit: 2500,
    rollupOptions: { input: { index: "index.html", editor: "editor.html" } },
  },
  server: {
    proxy: Object.fromEntries(
      ["/syncom", "/membrane", "/t", "/inbox", "/login", "/assets"].map((path) => [path, server]),
    ),
  },
  test: { environment: "jsdom", setupFiles: ["src/setup.test-env.ts"], restoreMocks: true },
});
