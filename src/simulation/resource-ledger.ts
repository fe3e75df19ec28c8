/** Who holds what: counts the resources of a trace from `acquired` to `freed`, so that leftovers and waits can be named (R204, R211). */
import type { ResourceKind, TraceEvent } from '../model/trace-event.ts';

/** A resource that has not been given back. */
export interface HeldResource {
  readonly resource: ResourceKind;
  readonly runner: string;
  readonly runId: string;
  readonly name: string;
  /** When it was acquired. */
  readonly sinceMs: number;
  /** Stack of where it was acquired, if places are captured. */
  readonly place?: string;
}

/** Watches a trace. A resource given up within the rules counts as given back (R106). */
export class ResourceLedger {
  readonly #held = new Map<string, HeldResource[]>();
  readonly #capturePlaces: boolean;
  #count = 0;

  constructor(capturePlaces = false) {
    this.#capturePlaces = capturePlaces;
  }

  watch(event: TraceEvent): void {
    if (event.type === 'acquired') {
      const { resource, runner, runId, name, at } = event;
      const key = keyOf(event);
      const held = this.#held.get(key);
      const place = this.#capturePlaces ? { place: new Error(name).stack ?? '' } : {};
      const entry: HeldResource = { resource, runner, runId, name, sinceMs: at, ...place };
      if (held === undefined) this.#held.set(key, [entry]);
      else held.push(entry);
      this.#count += 1;
    } else if (event.type === 'freed' || event.type === 'abandoned') {
      const key = keyOf(event);
      const held = this.#held.get(key);
      if (held === undefined) return;
      held.shift();
      this.#count -= 1;
      if (held.length === 0) this.#held.delete(key);
    }
  }

  /** How many are held. */
  get count(): number {
    return this.#count;
  }

  /** All that are held, in the order of acquisition by key. */
  held(): HeldResource[] {
    return [...this.#held.values()].flat();
  }
}

interface ResourceEvent {
  readonly resource: ResourceKind;
  readonly runner: string;
  readonly runId: string;
  readonly name: string;
}

function keyOf({ resource, runner, runId, name }: ResourceEvent): string {
  return `${resource}\n${runner}\n${runId}\n${name}`;
}

/** One line about a resource: what, whose, since when. */
export function describeHeld({ resource, runner, runId, name, sinceMs, place }: HeldResource): string {
  const whose = runId === '' ? `of ${runner}` : `of run ${runId} on ${runner}`;
  const line = `${resource} ${name} ${whose}, since ${sinceMs} ms`;
  return place === undefined ? line : `${line}\n${place}`;
}
