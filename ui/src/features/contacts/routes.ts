import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";
import { contactSearch, contactsSearch, importSearch, listSearch } from "./searches";

const list = createRoute({
  getParentRoute: () => rootRoute,
  path: "/contacts",
  validateSearch: contactsSearch,
  component: lazyRouteComponent(() => import("./pages/ContactsPage"), "ContactsPage"),
});

const one = createRoute({
  getParentRoute: () => rootRoute,
  path: "/contacts/$id",
  validateSearch: contactSearch,
  component: lazyRouteComponent(() => import("./pages/ContactPage"), "ContactPage"),
});

const duplicates = createRoute({
  getParentRoute: () => rootRoute,
  path: "/contacts/duplicates",
  component: lazyRouteComponent(() => import("./pages/DuplicatesPage"), "DuplicatesPage"),
});

const lists = createRoute({
  getParentRoute: () => rootRoute,
  path: "/lists",
  component: lazyRouteComponent(() => import("./pages/ListsPage"), "ListsPage"),
});

const oneList = createRoute({
  getParentRoute: () => rootRoute,
  path: "/lists/$id",
  validateSearch: listSearch,
  component: lazyRouteComponent(() => import("./pages/ListPage"), "ListPage"),
});

const fields = createRoute({
  getParentRoute: () => rootRoute,
  path: "/fields",
  component: lazyRouteComponent(() => import("./pages/FieldsPage"), "FieldsPage"),
});

const imports = createRoute({
  getParentRoute: () => rootRoute,
  path: "/imports",
  component: lazyRouteComponent(() => import("./pages/ImportsPage"), "ImportsPage"),
});

const newImport = createRoute({
  getParentRoute: () => rootRoute,
  path: "/imports/new",
  validateSearch: importSearch,
  component: lazyRouteComponent(() => import("./pages/NewImportPage"), "NewImportPage"),
});

const oneImport = createRoute({
  getParentRoute: () => rootRoute,
  path: "/imports/$id",
  component: lazyRouteComponent(() => import("./pages/ImportPage"), "ImportPage"),
});

export const routes = [list, one, duplicates, lists, oneList, fields, imports, newImport, oneImport] as const;
