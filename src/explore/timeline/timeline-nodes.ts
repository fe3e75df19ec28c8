/** Nodes as slices of a timeline: up, paused and down. Invariant: the slices of one node follow each other without a gap. */
import type { TimelineLanes } from './timeline-lanes.ts';

interface NodeState {
  readonly state: string;
  readonly fromTs: number;
}

/** So that a reader who adds fractions never sees two overlap. */
const GAP_US = 0.001;

/** Turns states of nodes into slices. */
export class NodeSlices {
  readonly #lanes: TimelineLanes;
  readonly #open = new Map<string, NodeState>();

  constructor(lanes: TimelineLanes) {
    this.#lanes = lanes;
  }

  /** The lane of a node; undefined if there is none of that name. */
  laneOf(node: string): string | undefined {
    return this.#open.has(node) ? nodeLane(node) : undefined;
  }

  become(node: string, state: string, ts: number): void {
    const before = this.#open.get(node);
    if (before?.state === state) return;
    if (before !== undefined) this.#end(node, before, ts);
    this.#open.set(node, { state, fromTs: ts });
  }

  endAll(ts: number): void {
    for (const [node, state] of this.#open) this.#end(node, state, ts);
  }

  #end(node: string, { state, fromTs }: NodeState, ts: number): void {
    const dur = Math.max(0, ts - fromTs - GAP_US);
    this.#lanes.add(nodeLane(node), { name: state, cat: 'node', ph: 'X', ts: fromTs, dur });
  }
}

/** A runner may have the name of its node. */
function nodeLane(node: string): string {
  return `node ${node}`;
}
