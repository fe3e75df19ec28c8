/**
 * The lanes of a timeline, in the order in which they first appear, the scenario's own on top. Invariant: the resulting
 * events are sorted by time, and an event that opens a slice comes before those inside it.
 */

/** One event of the Chrome Trace Event format. Times are in microseconds. */
export interface TimelineEvent {
  readonly name: string;
  /**
   * Category: `run`, `state`, `call`, `node`, `lock`, `event`, `cause`, `decision`, `failure`, `gap` (what is not
   * drawn), `__metadata` (names and order of lanes), or the type of a trace event.
   */
  readonly cat: string;
  /** `X` slice, `i` mark, `s` and `f` ends of an arrow, `M` name of a lane. */
  readonly ph: 'X' | 'i' | 's' | 'f' | 'M';
  readonly ts: number;
  readonly pid: number;
  readonly tid: number;
  /** Length of a slice, in microseconds. */
  readonly dur?: number;
  /** Joins the two ends of an arrow. */
  readonly id?: string;
  /** Makes an arrow end at the slice around its end, not at the next one. */
  readonly bp?: 'e';
  /** Extent of a mark: its lane or all lanes. */
  readonly s?: 't' | 'g';
  /** Absent if the name says everything: some viewers show them as part of it. */
  readonly args?: Readonly<Record<string, unknown>>;
}

/** A state ends this much before the next, so that a viewer that adds fractions never sees the two overlap. */
export const GAP_US = 0.001;
const PID = 1;
/** Suffix of the names of lanes of clock events. */
export const OF_EVENTS = ': events';
/** Suffix of the names of lanes with a node's calls. */
export const OF_CALLS = ': calls';

/** A place in one of the lanes of a runner or client. */
export interface Slot {
  readonly owner: string;
  readonly index: number;
  readonly lane: string;
}

/** Before the number of a further lane, instead of a blank: another owner may be called `worker #2`. */
const FURTHER = '\0';

/** Tracks which lanes are taken: overlapping slices get separate lanes, also if their owners have the same name. */
class LaneSlots {
  readonly #taken = new Map<string, Set<number>>();

  /** The first free lane. */
  take(owner: string): Slot {
    const taken = this.#taken.get(owner) ?? new Set<number>();
    this.#taken.set(owner, taken);
    let index = 0;
    while (taken.has(index)) index += 1;
    taken.add(index);
    return { owner, index, lane: index === 0 ? owner : `${owner}${FURTHER}#${index + 1}` };
  }

  free({ owner, index }: Slot): void {
    this.#taken.get(owner)?.delete(index);
  }
}

/** Collects events by the name of their lane. */
export class TimelineLanes {
  readonly slots: LaneSlots = new LaneSlots();
  readonly #events: { readonly lane: string; readonly event: Omit<TimelineEvent, 'pid' | 'tid'> }[] = [];
  /** Names by which lanes are sorted; those of one group stay together. */
  readonly #order = new Map<string, number>();

  constructor(first: string) {
    this.#order.set(first, 0);
  }

  add(lane: string, event: Omit<TimelineEvent, 'pid' | 'tid'>): void {
    if (!this.#order.has(lane)) this.#order.set(lane, this.#order.size);
    const { ts, dur } = event;
    const rounded = { ts: toNanosecond(ts), ...(dur === undefined ? {} : { dur: toNanosecond(dur) }) };
    this.#events.push({ lane, event: { ...event, ...rounded } });
  }

  /** All events, after the names of their lanes. */
  toEvents(process: string): TimelineEvent[] {
    // Lanes of one runner stay together, where the first of them appeared.
    const ranks = new Map<string, number>();
    for (const [name, at] of this.#order) if (!ranks.has(ownerOf(name))) ranks.set(ownerOf(name), at);
    const rankOf = (lane: string): number => ranks.get(ownerOf(lane)) ?? 0;
    const names = [...this.#order.keys()].sort(
      (a, b) =>
        rankOf(a) - rankOf(b) ||
        Number(a.endsWith(OF_EVENTS)) - Number(b.endsWith(OF_EVENTS)) ||
        (this.#order.get(a) ?? 0) - (this.#order.get(b) ?? 0),
    );
    const tids = new Map(names.map((name, index) => [name, index + 1]));
    const events = this.#events.map(({ lane, event }) => ({ ...event, pid: PID, tid: tids.get(lane) ?? 0 }));
    return [
      meta('process_name', 0, { name: process }),
      ...names.flatMap((name, index) => [
        meta('thread_name', index + 1, { name: name.replace(FURTHER, ' ') }),
        meta('thread_sort_index', index + 1, { sort_index: index + 1 }),
      ]),
      ...events.sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0)),
    ];
  }
}

function ownerOf(lane: string): string {
  const [owner = ''] = lane.split(FURTHER, 1);
  return owner.replace(/(: events|: calls)?$/, '');
}

/** Rounded, because sums of fractions could make a slice reach beyond the one around it. */
function toNanosecond(us: number): number {
  return Math.round(us * 1_000) / 1_000;
}

function meta(name: string, tid: number, args: Readonly<Record<string, unknown>>): TimelineEvent {
  return { name, cat: '__metadata', ph: 'M', ts: 0, pid: PID, tid, args };
}

interface NodeState {
  readonly state: string;
  readonly fromTs: number;
}

/** Turns states of nodes into slices: up, paused and down. The slices of one node follow each other, {@link GAP_US} apart. */
export class NodeSlices {
  readonly #lanes: TimelineLanes;
  readonly #open = new Map<string, NodeState>();

  constructor(lanes: TimelineLanes) {
    this.#lanes = lanes;
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

/** A lane name that differs from the runner's, which may have the name of its node. */
export function nodeLane(node: string): string {
  return `node ${node}`;
}
