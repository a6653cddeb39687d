import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";
import { auditSearch, inboxSearch, suppressionSearch } from "./search";

const overview = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/OverviewPage"), "OverviewPage"),
});

const account = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/account",
  component: lazyRouteComponent(() => import("./pages/AccountPage"), "AccountPage"),
});

const users = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/users",
  component: lazyRouteComponent(() => import("./pages/UsersPage"), "UsersPage"),
});

const keys = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/keys",
  component: lazyRouteComponent(() => import("./pages/KeysPage"), "KeysPage"),
});

const security = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/security",
  component: lazyRouteComponent(() => import("./pages/SecurityPage"), "SecurityPage"),
});

const senders = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/senders",
  component: lazyRouteComponent(() => import("./pages/SendersPage"), "SendersPage"),
});

const sender = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/senders/$senderId",
  component: lazyRouteComponent(() => import("./pages/SenderPage"), "SenderPage"),
});

const domains = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/domains",
  component: lazyRouteComponent(() => import("./pages/DomainsPage"), "DomainsPage"),
});

const categories = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/categories",
  component: lazyRouteComponent(() => import("./pages/CategoriesPage"), "CategoriesPage"),
});

const suppressions = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/suppressions",
  validateSearch: suppressionSearch,
  component: lazyRouteComponent(() => import("./pages/SuppressionsPage"), "SuppressionsPage"),
});

const policy = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/policy",
  component: lazyRouteComponent(() => import("./pages/PolicyPage"), "PolicyPage"),
});

const audit = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/audit",
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import("./pages/AuditPage"), "AuditPage"),
});

const privacy = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/privacy",
  component: lazyRouteComponent(() => import("./pages/PrivacyPage"), "PrivacyPage"),
});

const webhooks = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/webhooks",
  component: lazyRouteComponent(() => import("./pages/WebhooksPage"), "WebhooksPage"),
});

const sites = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/sites",
  component: lazyRouteComponent(() => import("./pages/SitesPage"), "SitesPage"),
});

const inbox = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/inbox",
  validateSearch: inboxSearch,
  component: lazyRouteComponent(() => import("./pages/InboxPage"), "InboxPage"),
});

const forms = createRoute({
  getParentRoute: () => rootRoute,
  path: "/forms",
  component: lazyRouteComponent(() => import("./pages/FormsPage"), "FormsPage"),
});

const form = createRoute({
  getParentRoute: () => rootRoute,
  path: "/forms/$formId",
  component: lazyRouteComponent(() => import("./pages/FormPage"), "FormPage"),
});

export const routes = [
  overview,
  account,
  users,
  keys,
  security,
  senders,
  sender,
  domains,
  categories,
  suppressions,
  policy,
  audit,
  privacy,
  webhooks,
  sites,
  inbox,
  forms,
  form,
] as const;
