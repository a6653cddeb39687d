import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Words of the frame and the first pages; all others are fetched before another page is shown. */
const FIRST = ["common", "nav", "palette", "signIn", "home", "welcome"];

/** `en.json?first` and `en.json?rest`: a language is one file, fetched in two parts. */
const words: Plugin = {
  name: "words",
  enforce: "pre",
  load(id) {
    const [path, part] = id.split("?");
    if (!path?.endsWith(".json") || (part !== "first" && part !== "rest")) return undefined;
    this.addWatchFile(path);
    const all = Object.entries(JSON.parse(readFileSync(path, "utf-8")) as Record<string, unknown>);
    const wanted = Object.fromEntries(all.filter(([name]) => FIRST.includes(name) === (part === "first")));
    return { code: `export default ${JSON.stringify(wanted)}`, moduleType: "js" };
  },
};

/** GrapesJS asks for the global object in a way that the policy refuses; modern engines have a name for it. */
const globals: Plugin = {
  name: "globals",
  transform(code, id) {
    if (!id.includes("grapesjs") || !code.includes('Function("return this")()')) return undefined;
    return { code: code.replace(/(?:new )?Function\("return this"\)\(\)/g, "globalThis"), map: null };
  },
};

const server = `http://127.0.0.1:${process.env.SYNCOM_PORT ?? "8080"}`;

export default defineConfig({
  // Built files are served below /ui/; see src/syncom/http/ui/app.py.
  base: "/ui/",
  plugins: [words, globals, react()],
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
