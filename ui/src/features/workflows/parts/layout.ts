/** Where the canvas puts things: from top to bottom, by dagre. */
import { type Definition, END, ordered, START, type Way, ways } from "../model/definition";

// A file of its own: what draws and what places are each fetched while the other is.
const { graphlib, layout: place } = await import("@dagrejs/dagre");

export const WIDTH = 270;
export const HEIGHT = 112;
const DOT = { width: 72, height: 28 };
export const TRIGGER = "::trigger";

export type Placed = {
  nodes: { id: string; x: number; y: number; kind: "trigger" | "step" | "end" }[];
  edges: { id: string; source: string; target: string; from: string; way: Way }[];
};

/** A way that ends has an end of its own, so that one sees where it is and can go on there. */
export function laidOut(definition: Definition): Placed {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 48, ranksep: 74, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const steps = ordered(definition);
  const known = new Set(steps.map((step) => step.id));
  const edges: Placed["edges"] = [];
  graph.setNode(TRIGGER, { width: WIDTH, height: HEIGHT });
  for (const step of steps) graph.setNode(key(step.id), { width: WIDTH, height: HEIGHT });
  const connect = (from: string, source: string, way: Way) => {
    const id = `${source}>${way.member}`;
    const target = known.has(way.to) ? key(way.to) : `end:${id}`;
    if (!known.has(way.to)) graph.setNode(target, { ...DOT });
    graph.setEdge(source, target, {}, id);
    edges.push({ id, source, target, from, way });
  };
  const first = definition.steps[0]?.id ?? END;
  connect(START, TRIGGER, { member: "next", to: first, label: { kind: "plain" } });
  for (const step of steps) for (const way of ways(step)) connect(step.id, key(step.id), way);
  place(graph);
  return {
    nodes: graph.nodes().map((id) => {
      const found = graph.node(id) as { x: number; y: number; width: number; height: number };
      return {
        id,
        x: found.x - found.width / 2,
        y: found.y - found.height / 2,
        kind: id === TRIGGER ? "trigger" : id.startsWith("end:") ? "end" : "step",
      };
    }),
    edges,
  };
}

/** Ids of steps are people's own; nodes have theirs. */
export function key(id: string): string {
  return `step:${id}`;
}

export function stepOf(node: string): string | undefined {
  return node.startsWith("step:") ? node.slice(5) : undefined;
}
