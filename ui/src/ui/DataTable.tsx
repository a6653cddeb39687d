/** A table of any length: rows come in pages as one scrolls, and only those in sight are drawn. */
import {
  ActionIcon,
  Box,
  Card,
  Checkbox,
  Group,
  Loader,
  Menu,
  Skeleton,
  Stack,
  Text,
  UnstyledButton,
  VisuallyHidden,
} from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowDown, IconArrowUp, IconColumns3 } from "@tabler/icons-react";
import {
  type ColumnDef,
  columnVisibilityFeature,
  rowSelectionFeature,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import classes from "./DataTable.module.css";
import { Failed } from "./Failed";

export type Column<Row> = {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** A CSS grid width, such as `2fr` or `120px`; 1fr. */
  width?: string;
  /** Numbers stand right. */
  numeric?: boolean;
  /** The header is for assistive technology only: a column of buttons. */
  quiet?: boolean;
  /** Not shown until it is chosen. */
  hidden?: boolean;
  sortable?: boolean;
};

export type Sort = { by: string; descending: boolean };

type Props<Row> = {
  /** What the table lists, for assistive technology. */
  label: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** The first rows are on their way. */
  loading?: boolean;
  error?: unknown;
  retry?: () => void;
  /** There are more rows; `more` fetches them. */
  hasMore?: boolean;
  loadingMore?: boolean;
  more?: () => void;
  /** Opens a row; make its first cell a link as well, so that it can be opened in a new tab. */
  open?: (row: Row) => void;
  /** Keys of chosen rows; without it rows cannot be chosen. */
  selected?: ReadonlySet<string>;
  onSelect?: (keys: ReadonlySet<string>) => void;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** Shown instead of rows when there are none. */
  empty?: ReactNode;
  /** Remembers chosen columns under this name. */
  remember?: string;
  height?: number | string;
};

const ROW = 44;
const features = tableFeatures({ columnVisibilityFeature, rowSelectionFeature });
const NOTHING: readonly never[] = [];

export function DataTable<Row extends object>(props: Props<Row>) {
  const { t } = useTranslation();
  const phone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const [picked, setPicked] = useState<Record<string, boolean>>(() => chosen(props.remember));
  // Columns may come later than the first rows: the account's own fields.
  const visibility = useMemo(() => ({ ...usual(props.columns), ...picked }), [props.columns, picked]);
  const columns = useMemo(
    () =>
      props.columns.map(
        (column) => ({ id: column.id, header: column.header }) as ColumnDef<typeof features, Row>,
      ),
    [props.columns],
  );
  const rows = props.rows ?? NOTHING;
  const selection = useMemo(
    () => Object.fromEntries([...(props.selected ?? [])].map((key) => [key, true as const])),
    [props.selected],
  );
  const table = useTable({
    features,
    columns,
    data: rows as Row[],
    getRowId: props.rowKey,
    state: { columnVisibility: visibility, rowSelection: selection },
    onColumnVisibilityChange: (change) => {
      const next = typeof change === "function" ? change(visibility) : change;
      setPicked(next);
      keep(props.remember, next);
    },
  });
  const shown = table
    .getVisibleLeafColumns()
    .flatMap((column) => props.columns.filter((one) => one.id === column.id));
  const selectable = props.onSelect !== undefined;
  const template = [
    ...(selectable ? ["36px"] : []),
    ...shown.map((column) => `minmax(0, ${column.width ?? "1fr"})`),
  ].join(" ");

  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (phone ? 40 + shown.length * 26 : ROW),
    overscan: 12,
    getItemKey: (index) => {
      const row = rows[index];
      return row ? props.rowKey(row) : index;
    },
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { hasMore, loadingMore, more } = props;
  useEffect(() => {
    if (hasMore && !loadingMore && rows.length > 0 && last >= rows.length - 20) more?.();
  }, [hasMore, loadingMore, last, rows.length, more]);

  if (props.error) return <Failed error={props.error} retry={props.retry} />;
  if (props.loading) return <Waiting label={props.label} />;
  if (rows.length === 0 && props.empty) return props.empty;

  const all = selectable && rows.length > 0 && rows.every((row) => props.selected?.has(props.rowKey(row)));
  const some = selectable && !all && (props.selected?.size ?? 0) > 0;
  const toggle = (key: string) => {
    const next = new Set(props.selected);
    if (!next.delete(key)) next.add(key);
    props.onSelect?.(next);
  };

  return (
    <Stack gap={4}>
      {props.remember && !phone && (
        <Group justify="flex-end">
          <Menu closeOnItemClick={false} position="bottom-end" withinPortal>
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" aria-label={t("common.columns")}>
                <IconColumns3 size={18} aria-hidden />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown mah={360} style={{ overflowY: "auto" }}>
              {table.getAllLeafColumns().map((column) => (
                <Menu.CheckboxItem
                  key={column.id}
                  checked={column.getIsVisible()}
                  onChange={() => column.toggleVisibility()}
                >
                  {props.columns.find((one) => one.id === column.id)?.header}
                </Menu.CheckboxItem>
              ))}
            </Menu.Dropdown>
          </Menu>
        </Group>
      )}
      <div
        ref={scroller}
        className={classes.scroller}
        style={{ maxHeight: props.height ?? "calc(100dvh - 260px)" }}
        role="table"
        aria-label={props.label}
        aria-rowcount={hasMore ? -1 : rows.length + 1}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroll area must be reachable by keyboard (axe scrollable-region-focusable)
        tabIndex={0}
      >
        {!phone && (
          <div role="rowgroup" className={classes.head}>
            <div role="row" className={classes.row} style={{ gridTemplateColumns: template }}>
              {selectable && (
                <div role="columnheader">
                  <Checkbox
                    size="xs"
                    aria-label={t("common.chooseAll")}
                    checked={all}
                    indeterminate={some}
                    onChange={() => props.onSelect?.(all ? new Set() : new Set(rows.map(props.rowKey)))}
                  />
                </div>
              )}
              {shown.map((column) => (
                <Head key={column.id} column={column} sort={props.sort} onSort={props.onSort} />
              ))}
            </div>
          </div>
        )}
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {items.map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            const key = props.rowKey(row);
            const place = { transform: `translateY(${item.start}px)` };
            const open = props.open;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the link in the first cell is the way by keyboard
              <div
                key={item.key}
                ref={phone ? virtual.measureElement : undefined}
                data-index={item.index}
                role="row"
                aria-rowindex={item.index + 2}
                className={phone ? classes.card : `${classes.row} ${classes.body}`}
                data-opens={open ? true : undefined}
                style={phone ? place : { ...place, gridTemplateColumns: template, height: ROW }}
                onClick={open && ((event) => isPlain(event.target) && open(row))}
              >
                {phone ? (
                  <AsCard row={row} columns={shown} />
                ) : (
                  <>
                    {selectable && (
                      <div role="cell">
                        <Checkbox
                          size="xs"
                          aria-label={t("common.choose")}
                          checked={props.selected?.has(key) ?? false}
                          onChange={() => toggle(key)}
                        />
                      </div>
                    )}
                    {shown.map((column) => (
                      <div
                        key={column.id}
                        role="cell"
                        className={column.numeric ? classes.numeric : classes.cell}
                      >
                        {column.cell(row)}
                      </div>
                    ))}
                  </>
                )}
              </div>
            );
          })}
        </div>
      </div>
      {loadingMore && (
        <Group justify="center" p="xs">
          <Loader size="xs" aria-label={t("common.loading")} />
        </Group>
      )}
    </Stack>
  );
}

function Head<Row>({
  column,
  sort,
  onSort,
}: {
  column: Column<Row>;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
}) {
  const mine = sort?.by === column.id;
  const name = mine ? (sort.descending ? "descending" : "ascending") : undefined;
  if (!column.sortable || !onSort)
    return (
      <div role="columnheader" className={column.numeric ? classes.numeric : classes.cell}>
        {column.quiet ? <VisuallyHidden>{column.header}</VisuallyHidden> : column.header}
      </div>
    );
  return (
    <div
      role="columnheader"
      aria-sort={name ?? "none"}
      className={column.numeric ? classes.numeric : classes.cell}
    >
      <UnstyledButton
        fz="xs"
        fw={600}
        onClick={() => onSort({ by: column.id, descending: mine ? !sort.descending : false })}
      >
        <Group gap={4} wrap="nowrap">
          {column.header}
          {mine &&
            (sort.descending ? (
              <IconArrowDown size={13} aria-hidden />
            ) : (
              <IconArrowUp size={13} aria-hidden />
            ))}
        </Group>
      </UnstyledButton>
    </div>
  );
}

function AsCard<Row>({ row, columns }: { row: Row; columns: Column<Row>[] }) {
  const [first, ...others] = columns;
  return (
    <Card withBorder padding="xs" radius="md" role="cell">
      <Text fw={600} component="div" truncate>
        {first?.cell(row)}
      </Text>
      {others.map((column) => (
        <Group key={column.id} justify="space-between" wrap="nowrap" gap="xs">
          <Text size="xs" c="dimmed">
            {column.header}
          </Text>
          <Text size="sm" component="div" truncate>
            {column.cell(row)}
          </Text>
        </Group>
      ))}
    </Card>
  );
}

function Waiting({ label }: { label: string }) {
  return (
    <Box aria-busy="true" role="status" aria-label={label}>
      {Array.from({ length: 8 }, (_, index) => (
        <Skeleton key={index} height={28} my={8} radius="sm" />
      ))}
    </Box>
  );
}

/** A click on a button, link or box inside a row means that, not the row. */
function isPlain(target: EventTarget): boolean {
  return target instanceof Element && target.closest("a, button, input, label") === null;
}

function usual<Row>(columns: Column<Row>[]): Record<string, boolean> {
  return Object.fromEntries(columns.filter((column) => column.hidden).map((column) => [column.id, false]));
}

function chosen(name: string | undefined): Record<string, boolean> {
  if (!name) return {};
  try {
    return JSON.parse(localStorage.getItem(`columns:${name}`) ?? "{}");
  } catch {
    return {};
  }
}

function keep(name: string | undefined, visibility: Record<string, boolean>): void {
  if (!name) return;
  try {
    localStorage.setItem(`columns:${name}`, JSON.stringify(visibility));
  } catch {
    // Then it holds until the page is loaded again.
  }
}
