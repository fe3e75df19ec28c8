/** Who holds what: keeps the resources of a trace from `acquired` to `freed`, so that leftovers and waits can be named (R204, R211). */
import { heldText } from '../model/resource-text.ts';
import type { TraceEvent } from '../model/trace-event.ts';

/** A resource that has not been given back: the event of its acquisition. */
export type HeldResource = TraceEvent & { readonly type: 'acquired' };

type ResourceEvent = TraceEvent & { readonly type: 'acquired' | 'freed' | 'abandoned' };

const DROPPED_MAX = 64;

/** What the runs of one runner hold, because the runs of all runners are numbered alike. */
class HeldByRunner {
  readonly name: string;
  /** By run, because a run holds few at a time; what belongs to no run is kept by name. */
  #held = new Map<string, HeldResource[]>();
  #dropped = 0;
  /** An emptied list, for the next who needs one. */
  #spare: HeldResource[] | undefined;

  constructor(name: string) {
    this.name = name;
  }

  resources(): HeldResource[] {
    return [...this.#held.values()].flat();
  }

  add(event: HeldResource): void {
    const key = keyOf(event);
    const held = this.#held.get(key);
    if (held === undefined) this.#begin(key, event);
    else held.push(event);
  }

  /** Takes out what `event` gives back, if it is held. */
  take(event: ResourceEvent): HeldResource | undefined {
    const key = keyOf(event);
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    const freed = takeOut(held, event);
    if (held.length === 0) {
      this.#drop(key);
      this.#spare = held;
    }
    return freed;
  }

  #begin(key: string, event: HeldResource): void {
    const list = this.#spare ?? [];
    this.#spare = undefined;
    list.push(event);
    this.#held.set(key, list);
  }

  /** An empty map is replaced, because one that was used long keeps what was in it alive until a full collection. */
  #drop(key: string): void {
    this.#held.delete(key);
    this.#dropped += 1;
    if (this.#held.size > 0 || this.#dropped < DROPPED_MAX) return;
    this.#held = new Map();
    this.#dropped = 0;
  }
}

/** Watches a trace. A resource given up within the rules counts as given back (R106). */
export class ResourceLedger {
  readonly #runners = new Map<string, HeldByRunner>();
  #latest: HeldByRunner | undefined;
  /** Stacks, which become text only once they are described. */
  readonly #places: Map<HeldResource, Error> | undefined;
  #count = 0;

  constructor(capturePlaces = false) {
    this.#places = capturePlaces ? new Map() : undefined;
  }

  watch(event: TraceEvent): void {
    if (event.type === 'acquired') this.#acquire(event);
    else if (event.type === 'freed' || event.type === 'abandoned') this.#free(event);
  }

  /** How many are held. */
  get count(): number {
    return this.#count;
  }

  /** A line for each of the first `limit`, or for those of them that are waits or are not: what, whose, since when, and the place if places are captured. */
  describe(limit: number, of?: 'waits' | 'things'): string[] {
    const held: HeldResource[] = [];
    for (const runner of this.#runners.values()) {
      if (held.length >= limit) break;
      held.push(...runner.resources());
    }
    const shown = held.slice(0, limit).filter((resource) => of === undefined || of === sortOf(resource));
    return shown.map((resource) => {
      const place = this.#places?.get(resource)?.stack;
      return place === undefined ? describeHeld(resource) : `${describeHeld(resource)}\n${place}`;
    });
  }

  #acquire(event: HeldResource): void {
    this.#runner(event.runner).add(event);
    this.#count += 1;
    this.#places?.set(event, new Error(event.name));
  }

  #free(event: ResourceEvent): void {
    const freed = this.#runner(event.runner).take(event);
    if (freed === undefined) return;
    this.#count -= 1;
    this.#places?.delete(freed);
  }

  #runner(name: string): HeldByRunner {
    // Nearly all events are about the same runner as the one before.
    if (this.#latest?.name === name) return this.#latest;
    let runner = this.#runners.get(name);
    if (runner === undefined) {
      runner = new HeldByRunner(name);
      this.#runners.set(name, runner);
    }
    this.#latest = runner;
    return runner;
  }
}

/** Takes the first that is the same out of the list; a plain loop, because it is walked several times per run. */
function takeOut(held: HeldResource[], event: ResourceEvent): HeldResource | undefined {
  for (let index = 0; index < held.length; index += 1) {
    const resource = held[index] as HeldResource;
    if (!isSame(resource, event)) continue;
    for (let next = index + 1; next < held.length; next += 1) held[next - 1] = held[next] as HeldResource;
    held.pop();
    return resource;
  }
  return undefined;
}

function keyOf({ runId, name }: ResourceEvent): string {
  return runId === '' ? name : runId;
}

function isSame(held: HeldResource, { resource, name, runId }: ResourceEvent): boolean {
  return held.name === name && held.resource === resource && held.runId === runId;
}

function sortOf({ resource }: HeldResource): 'waits' | 'things' {
  return resource === 'waiter' ? 'waits' : 'things';
}

function describeHeld(resource: HeldResource): string {
  return `${heldText(resource, 'on')}, since ${resource.at} ms`;
}
