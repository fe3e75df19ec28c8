/**
 * Tracks who holds which lock, and who waits for whom: the events of a trace that have owners. Invariants: for a lock
 * that is handed to a waiter, the reported place is where the wait began, since the event that hands it over belongs to
 * nobody's code; resources are identified by their name and the node that they are on.
 */
import { SCENARIO_OWNER } from '../model/world.ts';
import type { OngoingWait } from '../model/wait-watch.ts';
import { type Owned, ownedText, ownedName, type ResourceEvent, waitText } from '../model/resource-text.ts';
import { type FailureFact, placedAt } from './failure-fact.ts';

/** A resource event with an owner. */
export type OwnedEvent = ResourceEvent & { readonly owner: string };

/** True for an event that the graph tracks. */
export function hasOwner(event: ResourceEvent): event is OwnedEvent {
  return event.owner !== undefined;
}

interface Entry {
  readonly owned: Owned;
  readonly atMs: number;
  readonly place: Error | undefined;
  readonly expected?: string;
}

/** A wait, and an owner that could end it. */
interface Edge {
  readonly wait: Entry;
  readonly to: string;
}

const CIRCLES_MAX = 3;
/** Longer circles are shown without their middle. */
const STEPS_SHOWN_MAX = 12;
const UNNAMED: FailureFact = Object.freeze({
  kind: 'hint',
  text: `several tasks of the scenario are called "${SCENARIO_OWNER}": give each its own owner to see which of them wait for each other`,
});

/** Locks and waits by owner. */
export class WaitGraph {
  readonly #capturePlaces: boolean;
  readonly #locks = new Entries();
  readonly #waits = new Entries();
  /** Sources of waits that are not in the trace. */
  readonly #sources: (() => Iterable<OngoingWait>)[] = [];
  /** The wait that ended last: if its owner acquires the same resource next, it had waited for that. */
  #endedWait: Entry | undefined;

  constructor(capturePlaces: boolean) {
    this.#capturePlaces = capturePlaces;
  }

  /** Number of held locks and ongoing waits. */
  get count(): number {
    return this.#locks.count + this.#waits.count;
  }

  addSource(source: () => Iterable<OngoingWait>): void {
    this.#sources.push(source);
  }

  watch(event: OwnedEvent): void {
    const entries = event.resource === 'waiter' ? this.#waits : this.#locks;
    if (event.type === 'acquired') {
      entries.add({ owned: event, atMs: event.at, place: this.#placeOf(event) });
      return;
    }
    const ended = entries.remove(event);
    this.#endedWait = event.resource === 'waiter' && event.type === 'freed' ? ended : undefined;
  }

  /** Who waits for what, and who holds it; owners that wait for each other come first. */
  describeWaits(): FailureFact[] {
    const all = this.#allWaits();
    const owed = new Set(all.flatMap((wait) => (wait.expected === undefined ? [] : [ownedText(wait.owned)])));
    // If two sources know the same wait, the one that says what should have ended it is shown.
    const isSaid = ({ owned, expected }: Entry): boolean =>
      expected === undefined && owed.has(ownedText(owned));
    const shownWaits = all.filter((wait) => !isSaid(wait));
    const waits = shownWaits.map(({ owned, atMs, expected, place }): FailureFact => {
      const wait = `${ownedText(owned)} since ${atMs} ms${this.#holdersText(owned)}`;
      return {
        kind: 'wait',
        text: waitText(wait, expected),
        isOwed: expected !== undefined,
        ...placedAt(place),
      };
    });
    const { circles, isUnnamed } = this.#findCircles();
    const shown = circles.slice(0, CIRCLES_MAX).map(circleFact);
    return [...shown, ...waits, ...(isUnnamed ? [UNNAMED] : [])];
  }

  /** Who holds what. */
  describeLocks(): FailureFact[] {
    return [...this.#locks.all()].map(({ owned, atMs, place }) => ({
      kind: 'other',
      text: `${ownedText(owned)} since ${atMs} ms`,
      ...placedAt(place),
    }));
  }

  #allWaits(): Entry[] {
    const ongoing = this.#sources.flatMap((source) =>
      Array.from(source(), ({ owner, name, from, sinceMs, place, expected }): Entry => {
        const owned = {
          resource: 'waiter',
          runner: '',
          name,
          owner,
          ...(from === undefined ? {} : { from }),
        } as const;
        return { owned, atMs: sinceMs, place, ...(expected === undefined ? {} : { expected }) };
      }),
    );
    return [...this.#waits.all(), ...ongoing];
  }

  #placeOf({ owner, name, runner }: OwnedEvent): Error | undefined {
    const before = this.#endedWait;
    this.#endedWait = undefined;
    const hasWaited =
      before?.owned.owner === owner && before.owned.name === name && before.owned.runner === runner;
    if (hasWaited) return before.place;
    return this.#capturePlaces ? new Error('place') : undefined;
  }

  #holdersText(wait: Owned): string {
    const held = this.#locks.of(wait).map(({ owned, atMs }) => `${owned.owner} since ${atMs} ms`);
    return held.length === 0 ? '' : `, held by ${held.join(' and ')}`;
  }

  /**
   * Leaves out circles whose waits share a default owner: they may belong to several tasks, none of which waits for
   * itself.
   */
  #findCircles(): { readonly circles: readonly Edge[][]; readonly isUnnamed: boolean } {
    const circles = this.#circles();
    const isOfTasks = ({ wait, to }: Edge): boolean =>
      wait.owned.owner === SCENARIO_OWNER && to === SCENARIO_OWNER && this.#waits.count > 1;
    // The same goes for an owner that is a node: its calls may wait for each other.
    const isOfNode = ({ wait: { owned }, to }: Edge): boolean =>
      owned.owner === to && owned.owner === owned.runner;
    const named = circles.filter((circle) => !circle.some((edge) => isOfTasks(edge) || isOfNode(edge)));
    return { circles: named, isUnnamed: circles.some((circle) => circle.some(isOfTasks)) };
  }

  /** Each owner is in at most one circle, the first one found. */
  #circles(): Edge[][] {
    const edges = new Map<string, Edge[]>();
    for (const wait of this.#allWaits()) {
      const { owner } = wait.owned;
      const to = this.#awaitedBy(wait.owned).map((awaited) => ({ wait, to: awaited }));
      edges.set(owner, [...(edges.get(owner) ?? []), ...to]);
    }
    const circles: Edge[][] = [];
    const done = new Set<string>();
    for (const owner of edges.keys()) {
      const circle = done.has(owner) ? undefined : findCircle(edges, owner, done);
      if (circle !== undefined) circles.push(circle);
    }
    return circles;
  }

  #awaitedBy(wait: Owned): string[] {
    const holders = this.#locks.of(wait).map(({ owned }) => owned.owner);
    return [...new Set(wait.from === undefined ? holders : [...holders, wait.from])];
  }
}

/**
 * Depth-first search from `start`; owners that lead to no circle are added to `done`. It does not recurse, because a
 * chain of waits may be longer than the stack is deep.
 */
function findCircle(
  edges: ReadonlyMap<string, readonly Edge[]>,
  start: string,
  done: Set<string>,
): Edge[] | undefined {
  const path: Edge[] = [];
  const visited = [{ owner: start, next: 0 }];
  /** The number of edges that lead to an owner on the path. */
  const depths = new Map([[start, 0]]);
  for (let top = visited.at(-1); top !== undefined; top = visited.at(-1)) {
    const edge = edges.get(top.owner)?.[top.next];
    top.next += 1;
    if (edge === undefined) {
      done.add(top.owner);
      depths.delete(top.owner);
      visited.pop();
      path.pop();
      continue;
    }
    const depth = depths.get(edge.to);
    if (depth === undefined && done.has(edge.to)) continue;
    path.push(edge);
    if (depth !== undefined) {
      const circle = path.slice(depth);
      for (const { wait } of circle) done.add(wait.owned.owner);
      return circle;
    }
    depths.set(edge.to, visited.length);
    visited.push({ owner: edge.to, next: 0 });
  }
  return undefined;
}

function circleFact(circle: readonly Edge[]): FailureFact {
  const brief = circleText(circle);
  return { kind: 'circle', text: `a circular wait: ${brief}`, brief };
}

/**
 * `a → mutex jobs (b) → mutex results (a)`; starts with the owner that is first in alphabetical order, regardless of
 * who began to wait first.
 */
function circleText(circle: readonly Edge[]): string {
  const owners = circle.map(({ wait }) => wait.owned.owner);
  const first = owners.indexOf([...owners].sort()[0] ?? '');
  const rotated = [...circle.slice(first), ...circle.slice(0, first)];
  const steps = rotated.map(({ wait: { owned }, to }) => {
    // The step already ends with the one who should answer.
    const thing = owned.from === undefined ? ownedName(owned) : owned.name;
    return ` → ${thing} (${to})`;
  });
  return `${owners[first] ?? ''}${withoutMiddle(steps).join('')}`;
}

function withoutMiddle(steps: readonly string[]): readonly string[] {
  const leftOut = steps.length - STEPS_SHOWN_MAX;
  if (leftOut <= 1) return steps;
  const half = STEPS_SHOWN_MAX / 2;
  return [...steps.slice(0, half), ` → … (${leftOut} more)`, ...steps.slice(-half)];
}

/** Held locks or waits by name, in the order they were acquired. */
class Entries {
  count = 0;
  readonly #byName = new Map<string, Entry[]>();

  *all(): Iterable<Entry> {
    for (const entries of this.#byName.values()) yield* entries;
  }

  of(owned: Pick<Owned, 'runner' | 'name'>): readonly Entry[] {
    return this.#byName.get(keyOf(owned)) ?? [];
  }

  add(entry: Entry): void {
    const key = keyOf(entry.owned);
    const entries = this.#byName.get(key);
    if (entries === undefined) this.#byName.set(key, [entry]);
    else entries.push(entry);
    this.count += 1;
  }

  /** Removes the first of several equal entries. */
  remove({ owner, ...thing }: Owned): Entry | undefined {
    const key = keyOf(thing);
    const entries = this.#byName.get(key) ?? [];
    const index = entries.findIndex(({ owned }) => owned.owner === owner);
    if (index < 0) return undefined;
    const [removed] = entries.splice(index, 1);
    if (entries.length === 0) this.#byName.delete(key);
    this.count -= 1;
    return removed;
  }
}

function keyOf({ runner, name }: Pick<Owned, 'runner' | 'name'>): string {
  return `${runner}\n${name}`;
}
