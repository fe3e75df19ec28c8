/** Who holds what: keeps the resources of a trace from `acquired` to `freed`, so that leftovers and waits can be named (R204, R211). */
import type { TraceEvent } from '../model/trace-event.ts';

/** A resource that has not been given back: the event of its acquisition. */
export type HeldResource = TraceEvent & { readonly type: 'acquired' };

type ResourceEvent = TraceEvent & { readonly type: 'acquired' | 'freed' | 'abandoned' };

/** Watches a trace. A resource given up within the rules counts as given back (R106). */
export class ResourceLedger {
  /** By run, because a run holds few at a time; what belongs to no run is kept by name. */
  readonly #held = new Map<string, HeldResource[]>();
  readonly #places: Map<HeldResource, string> | undefined;
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

  /** A line for each of the first `limit`: what, whose, since when, and the place if places are captured. */
  describe(limit: number): string[] {
    const held = [...this.#held.values()].flat().slice(0, limit);
    return held.map((resource) => {
      const place = this.#places?.get(resource);
      return place === undefined ? describeHeld(resource) : `${describeHeld(resource)}\n${place}`;
    });
  }

  #acquire(event: HeldResource): void {
    const key = keyOf(event);
    const held = this.#held.get(key);
    if (held === undefined) this.#held.set(key, [event]);
    else held.push(event);
    this.#count += 1;
    this.#places?.set(event, new Error(event.name).stack ?? '');
  }

  #free(event: ResourceEvent): void {
    const key = keyOf(event);
    const held = this.#held.get(key);
    if (held === undefined) return;
    const index = held.findIndex((other) => isSame(other, event));
    if (index < 0) return;
    const [freed] = held.splice(index, 1);
    this.#count -= 1;
    if (held.length === 0) this.#held.delete(key);
    if (freed !== undefined) this.#places?.delete(freed);
  }
}

function keyOf({ runId, name }: ResourceEvent): string {
  return runId === '' ? name : runId;
}

function isSame(held: HeldResource, { resource, name, runner, runId }: ResourceEvent): boolean {
  return held.name === name && held.resource === resource && held.runner === runner && held.runId === runId;
}

function describeHeld({ resource, runner, runId, name, at }: HeldResource): string {
  const whose = runId === '' ? `of ${runner}` : `of run ${runId} on ${runner}`;
  return `${resource} ${name} ${whose}, since ${at} ms`;
}
