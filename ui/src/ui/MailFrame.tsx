import { Box } from "@mantine/core";

/** Somebody's HTML, shown by its address: it has its own policy there, runs nothing and reaches nothing of ours.
 *  Never use `srcdoc`: it inherits the policy of this page, which drops a mail's own styles. */
export function MailFrame({
  src,
  title,
  width = "100%",
  height = 640,
  dark = false,
}: {
  src: string;
  title: string;
  width?: number | string;
  height?: number | string;
  /** Tells the mail that its reader's device is in dark mode. */
  dark?: boolean;
}) {
  return (
    <Box
      style={{
        border: "1px solid var(--syncom-line)",
        borderRadius: 8,
        overflow: "hidden",
        background: "#fff",
      }}
      w={width}
      maw="100%"
      mx="auto"
    >
      <iframe
        src={src}
        title={title}
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        referrerPolicy="no-referrer"
        style={{ width: "100%", height, border: 0, display: "block", colorScheme: dark ? "dark" : "light" }}
      />
    </Box>
  );
}
