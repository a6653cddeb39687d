/** The workflow as a picture. React Flow is fetched when the first one is shown: import this lazily. */
import "@xyflow/react/dist/base.css";
import { ActionIcon, Group, Text, ThemeIcon, Tooltip, useComputedColorScheme } from "@mantine/core";
import { IconFocusCentered, IconMinus, IconPlus } from "@tabler/icons-react";
import {
  Background,
  BaseEdge,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  getSmoothStepPath,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { StepFigures, VersionFigures } from "~/api/schema";
import { short } from "~/ui/format";
import type { Definition, Step, Way } from "../model/definition";
import type { Lit } from "../model/lit";
import classes from "./Canvas.module.css";
import { Counts } from "./Counts";
import { stepKind, triggerKind } from "./kinds";
import { HEIGHT, laidOut, stepOf, WIDTH } from "./layout";
import type { Sentences } from "./sentences";

type Props = {
  definition: Definition;
  sentences: Sentences;
  /** Live counts; those of steps that are not in them yet are none. */
  figures?: VersionFigures;
  /** `trigger`, or ids of steps. */
  chosen: ReadonlySet<string>;
  /** `more`: beside what is chosen already. */
  onChoose: (part: string | null, more?: boolean) => void;
  onPeople?: (step: string, which: "waiting" | "passed" | "exited" | "failed") => void;
  /** What stands at the "+" of a way; without it nothing can be put there. */
  adder?: (from: string, way: Way) => ReactNode;
  /** Parts that have something wrong, with what. */
  wrong?: ReadonlyMap<string, string>;
  /** The way of one contact. */
  lit?: Lit;
  height?: number | string;
};

type Shown = Props & { byId: ReadonlyMap<string, Step>; counts: ReadonlyMap<string, StepFigures> };
const Look = createContext<Shown | null>(null);

export default function Canvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Drawn {...props} />
    </ReactFlowProvider>
  );
}

const nodeTypes = { trigger: TriggerNode, step: StepNode, end: EndNode };
const edgeTypes = { way: WayEdge };
/** Numbers on nodes are buttons of at least 24 pixels from here on (WCAG 2.2, 2.5.8). */
const READABLE = 0.8;
/** `beside`: by how much the label stands beside the others of the same two steps; `shared`: others come to its target. */
type WayData = { from: string; way: Way; contacts: number | undefined; beside: number; shared: boolean };

function Drawn(props: Props) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme("light");
  const flow = useReactFlow();
  const { definition, figures } = props;
  const placed = useMemo(() => laidOut(definition), [definition]);
  const shown = useMemo<Shown>(
    () => ({
      ...props,
      byId: new Map(definition.steps.map((step) => [step.id, step])),
      counts: new Map(figures?.steps.map((one) => [one.step_id, one])),
    }),
    [props, definition, figures],
  );
  const nodes = useMemo<Node[]>(
    () =>
      placed.nodes.map((node) => ({
        id: node.id,
        type: node.kind,
        position: { x: node.x, y: node.y },
        data: {},
        draggable: false,
        connectable: false,
        selectable: node.kind !== "end",
        focusable: false,
        ...(node.kind === "end" ? { width: 72, height: 28 } : { width: WIDTH, height: HEIGHT }),
      })),
    [placed],
  );
  const edges = useMemo<Edge[]>(() => {
    const amounts = new Map(
      figures?.ways.map((way) => [`${way.from_step ?? ""}>${way.to_step}`, way.contacts]),
    );
    return placed.edges.map(({ id, source, target, from, way }) => {
      const both = placed.edges.filter((one) => one.source === source && one.target === target);
      const place = both.findIndex((one) => one.id === id);
      const data: WayData = {
        from,
        way,
        // Counts are of pairs of steps: where two ways lead to the same one, which was taken is not known.
        contacts: both.length === 1 ? amounts.get(`${from}>${way.to}`) : undefined,
        beside: (place - (both.length - 1) / 2) * 120,
        shared: placed.edges.some((one) => one.target === target && one.source !== source),
      };
      return { id, source, target, type: "way", data, focusable: false, selectable: false };
    });
  }, [placed, figures]);
  const frame = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    // Large ones are read from their beginning rather than seen whole and too small.
    if (!first.current || !frame.current) return;
    first.current = false;
    const { width, height } = frame.current.getBoundingClientRect();
    const right = Math.max(...placed.nodes.map((node) => node.x + WIDTH));
    const bottom = Math.max(...placed.nodes.map((node) => node.y + HEIGHT));
    const zoom = Math.min(1, Math.max(READABLE, Math.min((width - 48) / right, (height - 48) / bottom)));
    const trigger = placed.nodes.find((node) => node.kind === "trigger");
    const centre = right * zoom <= width - 48 ? right / 2 : (trigger?.x ?? 0) + WIDTH / 2;
    void flow.setViewport({ x: width / 2 - centre * zoom, y: 20, zoom });
  }, [flow, placed]);

  return (
    <Look.Provider value={shown}>
      <section
        ref={frame}
        className={classes.frame}
        style={{ height: props.height }}
        aria-label={t("workflows.canvas")}
      >
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={nodeTypes}
          edgeTypes={edgeTypes}
          colorMode={scheme}
          minZoom={0.15}
          maxZoom={1.6}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          deleteKeyCode={null}
          multiSelectionKeyCode={null}
          selectionKeyCode={null}
          panOnScroll
          zoomOnDoubleClick={false}
          onPaneClick={() => props.onChoose(null)}
          proOptions={{ hideAttribution: true }}
        >
          <Background gap={22} size={1} />
        </ReactFlow>
        <Group gap={4} className={classes.bar}>
          <Control label={t("workflows.zoomIn")} act={() => void flow.zoomIn()}>
            <IconPlus size={16} aria-hidden />
          </Control>
          <Control label={t("workflows.zoomOut")} act={() => void flow.zoomOut()}>
            <IconMinus size={16} aria-hidden />
          </Control>
          <Control label={t("workflows.tidy")} act={() => void flow.fitView({ maxZoom: 1, padding: 0.12 })}>
            <IconFocusCentered size={16} aria-hidden />
          </Control>
        </Group>
      </section>
    </Look.Provider>
  );
}

function Control({ label, act, children }: { label: string; act: () => void; children: ReactNode }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="default" size={30} onClick={act} aria-label={label}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

function useLook(): Shown {
  const found = useContext(Look);
  if (!found) throw new Error("a node is drawn on a canvas");
  return found;
}

function TriggerNode() {
  const { t } = useTranslation();
  const look = useLook();
  const kind = triggerKind(look.definition.trigger.type);
  const entered = look.figures?.entered;
  return (
    <Box
      part="trigger"
      icon={
        <ThemeIcon size={24} radius="md" variant="light" color={kind.color}>
          <kind.icon size={15} aria-hidden />
        </ThemeIcon>
      }
      title={t(`workflows.triggers.${look.definition.trigger.type}` as "workflows.triggers.event")}
      says={look.sentences.trigger(look.definition.trigger)}
      below={
        entered === undefined ? null : t("workflows.enteredCount", { count: entered, amount: short(entered) })
      }
    />
  );
}

function StepNode({ id }: NodeProps) {
  const { t } = useTranslation();
  const look = useLook();
  const step = look.byId.get(stepOf(id) ?? "");
  if (!step) return null;
  const kind = stepKind(step.type);
  const counts = look.counts.get(step.id);
  return (
    <Box
      part={step.id}
      icon={
        <ThemeIcon size={24} radius="md" variant="light" color={kind.color}>
          <kind.icon size={15} aria-hidden />
        </ThemeIcon>
      }
      title={t(`workflows.kinds.${step.type}` as "workflows.kinds.wait", { defaultValue: step.type })}
      says={look.sentences.step(step)}
      below={
        counts && look.onPeople ? (
          <Counts figures={counts} open={(which) => look.onPeople?.(step.id, which)} />
        ) : null
      }
    />
  );
}

function Box({
  part,
  icon,
  title,
  says,
  below,
}: {
  part: string;
  icon: ReactNode;
  title: string;
  says: string;
  below: ReactNode;
}) {
  const { t } = useTranslation();
  const look = useLook();
  const wrong = look.wrong?.get(part);
  const lit = look.lit && (part === "trigger" || look.lit.steps.has(part));
  return (
    <>
      <Handle type="target" position={Position.Top} className={classes.handle} isConnectable={false} />
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the button inside is the way by keyboard */}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the same */}
      <div
        className={classes.node}
        data-chosen={look.chosen.has(part) || undefined}
        data-wrong={wrong !== undefined || undefined}
        data-lit={lit || undefined}
        data-dim={(look.lit && !lit) || undefined}
        data-part={part}
        onClick={(event) => {
          event.stopPropagation();
          look.onChoose(part, event.shiftKey || event.metaKey || event.ctrlKey);
        }}
      >
        <Group gap={6} wrap="nowrap" mb={4}>
          {icon}
          <button
            type="button"
            data-node={part}
            aria-label={
              wrong ? `${title}: ${says}. ${t("workflows.wrongHere")}: ${wrong}` : `${title}: ${says}`
            }
            style={{ all: "unset", cursor: "pointer", minWidth: 0, flex: 1, outline: "revert" }}
          >
            <Text size="xs" fw={600} c="dimmed" truncate>
              {title}
            </Text>
          </button>
          {wrong && (
            <Tooltip label={wrong} multiline maw={320}>
              <Text size="xs" c="red" fw={600} component="span">
                {t("workflows.wrong")}
              </Text>
            </Tooltip>
          )}
        </Group>
        <div className={classes.says} dir="auto">
          {says}
        </div>
        <div className={classes.counts}>
          {typeof below === "string" ? <span className={classes.count}>{below}</span> : below}
        </div>
      </div>
      <Handle type="source" position={Position.Bottom} className={classes.handle} isConnectable={false} />
    </>
  );
}

function EndNode() {
  const { t } = useTranslation();
  return (
    <>
      <Handle type="target" position={Position.Top} className={classes.handle} isConnectable={false} />
      <div className={classes.end}>{t("workflows.end")}</div>
    </>
  );
}

function WayEdge({ id, sourceX, sourceY, targetX, targetY, data, target }: EdgeProps) {
  const look = useLook();
  const { from, way, contacts, beside, shared } = data as WayData;
  const back = targetY < sourceY;
  const [path, labelX, labelY] = getSmoothStepPath({
    sourceX,
    sourceY,
    targetX,
    targetY,
    sourcePosition: Position.Bottom,
    targetPosition: Position.Top,
    borderRadius: 14,
    // Ways that part go down a little together, then to their sides: the label stands over its own target.
    centerY: back ? undefined : targetY - 44,
  });
  const label = look.sentences.way(way.label);
  const lit = look.lit?.ways.has(`${from}>${stepOf(target) ?? "end"}`);
  const aside = shared && Math.abs(sourceX - targetX) > 40;
  const x = (back ? labelX : aside ? (sourceX + targetX) / 2 : targetX) + beside;
  const y = back ? labelY : aside ? targetY - 44 : targetY - 24;
  return (
    <>
      <BaseEdge
        id={id}
        path={path}
        style={{
          stroke: lit ? "var(--mantine-color-teal-6)" : "var(--mantine-color-gray-5)",
          strokeWidth: lit ? 3 : 1.5,
          opacity: look.lit && !lit ? 0.4 : 1,
        }}
      />
      <EdgeLabelRenderer>
        <div
          className={`${classes.label} nodrag nopan`}
          style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
        >
          {label !== "" && <span>{label}</span>}
          {contacts !== undefined && <span className={classes.amount}>{short(contacts)}</span>}
          {look.adder?.(from, way)}
        </div>
      </EdgeLabelRenderer>
    </>
  );
}
