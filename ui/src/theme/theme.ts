import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const syncom: MantineColorsTuple = [
  "#eef2ff",
  "#e0e7ff",
  "#c7d2fe",
  "#a5b4fc",
  "#818cf8",
  "#6366f1",
  "#4f46e5",
  "#4338ca",
  "#3730a3",
  "#312e81",
];

export const theme = createTheme({
  primaryColor: "syncom",
  // White on it has 6.3:1.
  primaryShade: { light: 6, dark: 6 },
  colors: { syncom },
  defaultRadius: "md",
  cursorType: "pointer",
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  headings: {
    fontWeight: "650",
    sizes: { h1: { fontSize: "1.5rem" }, h2: { fontSize: "1.15rem" }, h3: { fontSize: "1rem" } },
  },
  autoContrast: true,
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 300 } },
    Modal: { defaultProps: { centered: true, radius: "lg" } },
    // Theirs is a <header> below <body>: one more banner of the page to assistive technology.
    ModalHeader: { defaultProps: { role: "presentation" } },
    DrawerHeader: { defaultProps: { role: "presentation" } },
    Badge: { defaultProps: { variant: "light", radius: "sm" } },
    Paper: { defaultProps: { radius: "lg" } },
    Table: { defaultProps: { verticalSpacing: "xs", highlightOnHover: true } },
  },
});

/** Mantine's own soft text has 3.3:1; WCAG 2.2 AA asks for 4.5:1. */
export const contrast: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#586174",
    "--mantine-color-placeholder": "#6b7385",
    "--mantine-color-error": "#c92a2a",
    "--syncom-ground": "#f7f8fa",
    "--syncom-line": "#e4e7ec",
    "--mantine-color-anchor": "#4338ca",
    // White on Mantine's own red has 3.3:1.
    "--mantine-color-red-filled": "#c92a2a",
    "--mantine-color-red-filled-hover": "#b02525",
    // Text on their own light ground has 4.3:1 and less.
    "--mantine-color-teal-light-color": "#066649",
    "--mantine-color-yellow-light-color": "#8a4a00",
    "--mantine-color-orange-light-color": "#8f3405",
  },
  dark: {
    "--mantine-color-dimmed": "#a6aebd",
    "--mantine-color-placeholder": "#949cab",
    "--mantine-color-error": "#ff8787",
    "--mantine-color-red-filled": "#c92a2a",
    "--mantine-color-red-filled-hover": "#b02525",
    "--syncom-ground": "#15171c",
    "--syncom-line": "#2c313a",
    "--mantine-color-anchor": "#a5b4fc",
    "--mantine-color-body": "#1a1d23",
  },
});
