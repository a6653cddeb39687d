import {
  ActionIcon,
  Alert,
  AppShell,
  Badge,
  Box,
  Burger,
  Group,
  Kbd,
  Menu,
  NavLink,
  ScrollArea,
  Text,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
  VisuallyHidden,
} from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import {
  IconLanguage,
  IconLogout,
  IconMoon,
  IconSearch,
  IconShieldLock,
  IconSun,
  IconUserCircle,
} from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouter, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { accountQuery, sessionQuery, useSession } from "~/api/session";
import { changeLanguage, languages } from "~/i18n/setup";
import { tellFailed } from "~/ui/tell";
import { Brand } from "./Brand";
import { useKeys } from "./keys";
import { useLost } from "./live";
import { type Place, sections } from "./places";
import { visited } from "./recent";

const Palette = lazy(() => import("./Palette"));
const Shortcuts = lazy(() => import("./Shortcuts"));

/** Where a second factor is set up. */
const SECURITY = "/settings/security";

export function Shell() {
  const { t } = useTranslation();
  const [opened, menu] = useDisclosure(false);
  const [searching, setSearching] = useState(false);
  const [helping, setHelping] = useState(false);
  useHotkeys([["mod+K", () => setSearching(true)]], []);
  const places = usePlaces().flatMap((section) => section.places);
  useKeys(
    places.map((place) => place.path),
    () => setHelping(true),
  );
  useRecent();
  const bound = useBound();
  const account = useQuery({ ...accountQuery, enabled: !bound });
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 228, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={{ base: "sm", sm: "lg" }}
    >
      <a href="#content" className="skip">
        {t("common.skip")}
      </a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={opened}
              onClick={menu.toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={t("nav.menu")}
            />
            <Link to="/" style={{ color: "inherit", textDecoration: "none" }}>
              <Brand />
            </Link>
            {account.data && (
              <Badge color="gray" visibleFrom="sm" maw={220} tt="none">
                {account.data.name}
              </Badge>
            )}
          </Group>
          <Group gap={4} wrap="nowrap">
            <SearchButton onOpen={() => setSearching(true)} />
            <Appearance />
            <Person />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t("nav.menu")}>
        <ScrollArea type="never">
          <Places onGo={menu.close} />
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Connection />
        <Suspense fallback={null}>{bound !== "elsewhere" && <Outlet />}</Suspense>
      </AppShell.Main>
      {searching && (
        <Suspense fallback={null}>
          <Palette onClose={() => setSearching(false)} onHelp={() => setHelping(true)} />
        </Suspense>
      )}
      {helping && (
        <Suspense fallback={null}>
          <Shortcuts places={places} onClose={() => setHelping(false)} />
        </Suspense>
      )}
    </AppShell>
  );
}

/** Whether the account asks for a second factor that is not there yet: then nothing but setting one up is allowed, and
 *  whoever is elsewhere is led there. */
function useBound(): false | "there" | "elsewhere" {
  const router = useRouter();
  const session = useSession();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const bound = session.data?.must_enrol_two_factor ?? false;
  const elsewhere = bound && path !== SECURITY;
  useEffect(() => {
    if (elsewhere) void router.navigate({ to: SECURITY as "/", replace: true });
  }, [elsewhere, router]);
  if (!bound) return false;
  return elsewhere ? "elsewhere" : "there";
}

/** Said over the page while the server cannot be heard. */
function Connection() {
  const { t } = useTranslation();
  const lost = useLost();
  return (
    <div role="status">
      {lost && (
        <Alert color="orange" mb="md" py="xs">
          {t("nav.lost")}
        </Alert>
      )}
    </div>
  );
}

/** Remembers where one was, for the palette: by the title that a page gave itself. */
function useRecent(): void {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const { data } = useSession();
  const account = data?.account_id;
  useEffect(() => {
    if (account === undefined || path === "/") return;
    return () => {
      // Of the page that is left: the next one has not named itself yet.
      const title = document.title.replace(/ · Syncom$/, "");
      if (title !== "" && title !== "Syncom") visited(account, { path, title });
    };
  }, [path, account]);
}

/** The patterns of all addresses there are, such as `/contacts/$id`. */
export function usePaths(): ReadonlySet<string> {
  const router = useRouter();
  return useMemo(
    () => new Set(Object.keys(router.routesByPath).map((path) => path.replace(/(.)\/$/, "$1"))),
    [router],
  );
}

/** The places that are there and that one may see. */
export function usePlaces(): { name: string; places: Place[] }[] {
  const { data } = useSession();
  const there = usePaths();
  if (data?.must_enrol_two_factor) return [];
  return sections
    .map((section) => ({
      name: section.name,
      places: section.places.filter(
        (place) => there.has(place.path) && (!place.needs || data?.permissions.includes(place.needs)),
      ),
    }))
    .filter((section) => section.places.length > 0);
}

function Places({ onGo }: { onGo: () => void }) {
  const { t } = useTranslation();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const found = usePlaces();
  // Of a place and one below it, the lower one.
  const here = found
    .flatMap((section) => section.places.map((place) => place.path))
    .filter((place) => path === place || (place !== "/" && path.startsWith(`${place}/`)))
    .sort((a, b) => b.length - a.length)[0];
  return (
    <>
      {found.map((section) => (
        <Box key={section.name} mb={6}>
          {section.name !== "" && (
            <Text size="xs" c="dimmed" fw={600} px="sm" pt={8} pb={2}>
              {t(`nav.${section.name}` as "nav.audience")}
            </Text>
          )}
          {section.places.map((place) => (
            <NavLink
              key={place.path}
              label={t(`nav.${place.name}` as "nav.home")}
              leftSection={<place.icon size={18} aria-hidden />}
              active={place.path === here}
              onClick={onGo}
              py={6}
              style={{ borderRadius: 8 }}
              renderRoot={(props) => (
                // A link above the place one is at would say that it is the current page as well.
                <Link {...props} to={place.path as "/"} activeOptions={{ exact: place.path !== here }} />
              )}
            />
          ))}
        </Box>
      ))}
    </>
  );
}

function SearchButton({ onOpen }: { onOpen: () => void }) {
  const { t } = useTranslation();
  return (
    <UnstyledButton
      onClick={onOpen}
      px="sm"
      py={5}
      aria-keyshortcuts="Control+K"
      style={{ border: "1px solid var(--syncom-line)", borderRadius: 8 }}
    >
      <Group gap={8} wrap="nowrap">
        <IconSearch size={16} aria-hidden />
        <VisuallyHidden hiddenFrom="sm">{t("palette.open")}</VisuallyHidden>
        <Text size="sm" c="dimmed" visibleFrom="sm">
          {t("palette.open")}
        </Text>
        <Kbd size="xs" visibleFrom="sm">
          {/Mac/.test(navigator.userAgent) ? "⌘" : "Ctrl"} K
        </Kbd>
      </Group>
    </UnstyledButton>
  );
}

function Appearance() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <Tooltip label={t(`nav.${other}`)}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        onClick={() => setColorScheme(other)}
        aria-label={t(`nav.${other}`)}
      >
        {scheme === "dark" ? <IconSun size={20} aria-hidden /> : <IconMoon size={20} aria-hidden />}
      </ActionIcon>
    </Tooltip>
  );
}

function Person() {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const session = useSession();
  const leave = async () => {
    try {
      await ask(api.DELETE("/syncom/v1/session"));
    } catch (error) {
      tellFailed(error);
      return;
    }
    client.clear();
    client.setQueryData(sessionQuery.queryKey, null);
    window.location.assign("/");
  };
  return (
    <Menu position="bottom-end" width={230} withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("nav.you")}>
          <IconUserCircle size={22} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{session.data?.actor}</Menu.Label>
        <Menu.Divider />
        <Menu.Label>
          <Group gap={6}>
            <IconLanguage size={14} aria-hidden />
            {t("nav.language")}
          </Group>
        </Menu.Label>
        {languages.map((language) => (
          <Menu.RadioItem
            key={language.code}
            value={language.code}
            checked={i18n.language === language.code}
            onChange={() => void changeLanguage(language.code)}
          >
            <span lang={language.code}>{language.name}</span>
          </Menu.RadioItem>
        ))}
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconShieldLock size={16} aria-hidden />}
          renderRoot={(props) => <Link {...props} to={SECURITY as "/"} />}
        >
          {t("nav.security")}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => void leave()}>
          {t("nav.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
