import { Anchor, Breadcrumbs, Group, Stack, Text, Title } from "@mantine/core";
import { Link, type LinkProps } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";

type Crumb = { label: string; to: LinkProps["to"]; params?: Record<string, string> };

export type PageProps = {
  title: string;
  /** A line below the title. */
  soft?: ReactNode;
  crumbs?: Crumb[];
  actions?: ReactNode;
  /** Take the whole width: canvases and editors. */
  wide?: boolean;
  children: ReactNode;
};

/** The frame of a page: where one is, its name, what can be done here. */
export function Page({ title, soft, crumbs = [], actions, wide = false, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Syncom`;
  }, [title]);
  return (
    <Stack gap="md" maw={wide ? undefined : 1280} mx="auto" w="100%">
      <Group justify="space-between" align="flex-end" wrap="wrap" gap="sm">
        <div style={{ minWidth: 0 }}>
          {crumbs.length > 0 && (
            <Breadcrumbs mb={4} separator="›" separatorMargin={6}>
              {crumbs.map((crumb) => (
                <Anchor
                  key={crumb.label}
                  size="sm"
                  renderRoot={(props) => <Link {...props} to={crumb.to} params={crumb.params as never} />}
                >
                  {crumb.label}
                </Anchor>
              ))}
            </Breadcrumbs>
          )}
          <Title order={1} style={{ overflowWrap: "anywhere" }}>
            {title}
          </Title>
          {soft && (
            <Text c="dimmed" size="sm" component="div">
              {soft}
            </Text>
          )}
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}
