/**
 * Tracks the resources of a trace from `acquired` to `freed`, so that leftovers and waits can be named (R204, R211).
 */
import { heldText } from '../model/resource-text.ts';
import type { ResourceKind } from '../model/trace-event.ts';
import type { OngoingWait, WaitWatch } from '../model/wait-watch.ts';
import { ENDED_ROW, STARTED_ROW } from '../model/undisturbed-run.ts';
import { countedAlike, type FailureFact, factText, placedAt } from './failure-fact.ts';
import { type OwnedEvent, WaitGraph } from './wait-graph.ts';

const DROPPED_MAX = 64;
/** The resources of an undisturbed run. */
const HELD = STARTED_ROW.flatMap((step) => (step.call === 'acquired' ? [step] : []));
const HELD_COUNT = HELD.length;
const PROCESS = { resource: 'process', name: 'process' } as const;

/** A held resource. Objects are reused, because most resources are given back soon. */
interface Holding {
  /**
   * One resource, or all resources of an undisturbed run, before or after the end of its process; then `name` is that
   * of the checkout.
   */
  kind: 'one' | 'run' | 'run without process';
  resource: ResourceKind;
  name: string;
  atMs: number;
  /** Where it was acquired, if places are captured: a stack, which is formatted only when it is described. */
  place: Error | undefined;
  next: Holding | undefined;
}

/** A pool of unused `Holding` objects. */
class HoldingPool {
  #first: Holding | undefined;

  take(resource: ResourceKind, name: string, atMs: number, place?: Error): Holding {
    const thing = this.#first;
    if (thing === undefined) return { kind: 'one', resource, name, atMs, place, next: undefined };
    this.#first = thing.next;
    thing.kind = 'one';
    thing.resource = resource;
    thing.name = name;
    thing.atMs = atMs;
    thing.place = place;
    thing.next = undefined;
    return thing;
  }

  put(thing: Holding): void {
    thing.next = this.#first;
    this.#first = thing;
  }
}

/** What one run holds, or what no run holds under one name, in the order it was acquired. */
class Holdings {
  key: string;
  first: Holding | undefined;
  #last: Holding | undefined;

  constructor(key: string) {
    this.key = key;
  }

  add(thing: Holding): void {
    if (this.first === undefined) this.first = thing;
    else (this.#last as Holding).next = thing;
    this.#last = thing;
  }

  remove(thing: Holding, previous: Holding | undefined): void {
    if (previous === undefined) this.first = thing.next;
    else previous.next = thing.next;
    if (this.#last === thing) this.#last = previous;
  }

  /** Replaces `run` by the single resources of an undisturbed run; returns the first. */
  list(run: Holding, spare: HoldingPool): Holding {
    const { kind, name: checkout, atMs, next } = run;
    let last: Holding | undefined;
    for (const { resource, name = checkout } of HELD) {
      if (resource === 'process' && kind === 'run without process') continue;
      const thing = last === undefined ? run : spare.take(resource, name, atMs);
      thing.kind = 'one';
      thing.resource = resource;
      thing.name = name;
      if (last !== undefined) last.next = thing;
      last = thing;
    }
    last ??= run;
    last.next = next;
    if (this.#last === run) this.#last = last;
    return run;
  }
}

/** Holdings by key. Invariants: no entry of the table is empty, and the latest holdings are not in it. */
class HoldingsTable {
  /** Number of resources that were inspected so far to find those given back. */
  looks = 0;
  readonly #spare: HoldingPool;
  #table: Map<string, Holdings> | undefined;
  #dropped = 0;
  /** Nearly all events concern the same run as the event before. */
  #latest: Holdings | undefined;

  constructor(spare: HoldingPool) {
    this.#spare = spare;
  }

  /** All held resources with their keys. */
  *things(): Iterable<readonly [key: string, thing: Holding]> {
    const latest = this.#latest === undefined ? [] : [this.#latest];
    for (const holdings of [...(this.#table?.values() ?? []), ...latest]) {
      for (let { first: thing } = holdings; thing !== undefined; thing = thing.next) {
        yield [holdings.key, thing.kind === 'one' ? thing : holdings.list(thing, this.#spare)];
      }
    }
  }

  add(key: string, thing: Holding): void {
    this.#of(key).add(thing);
  }

  /** Removes the first resource that matches; false if it is not held. */
  take(key: string, resource: ResourceKind, name: string): boolean {
    const holdings = this.#of(key);
    let previous: Holding | undefined;
    for (let thing = holdings.first; thing !== undefined; thing = thing.next) {
      this.looks += 1;
      if (thing.kind !== 'one' && resource !== 'waiter') {
        if (thing.kind === 'run' && resource === PROCESS.resource && name === PROCESS.name) {
          thing.kind = 'run without process';
          return true;
        }
        thing = holdings.list(thing, this.#spare);
      }
      if (thing.kind === 'one' && thing.name === name && thing.resource === resource) {
        holdings.remove(thing, previous);
        this.#spare.put(thing);
        return true;
      }
      previous = thing;
    }
    return false;
  }

  /** Removes the resources of an undisturbed run after the end of its process; false if the run holds anything else. */
  takeRun(key: string, checkout: string): boolean {
    const holdings = this.#of(key);
    let previous: Holding | undefined;
    for (let thing = holdings.first; thing !== undefined; thing = thing.next) {
      if (thing.kind === 'run without process' && thing.name === checkout) {
        holdings.remove(thing, previous);
        this.#spare.put(thing);
        return true;
      }
      // Of two equal resources, the one acquired first is given back.
      if (thing.kind !== 'one' || thing.resource !== 'waiter') return false;
      previous = thing;
    }
    return false;
  }

  #of(key: string): Holdings {
    const latest = this.#latest;
    if (latest?.key === key) return latest;
    const found = this.#table?.get(key);
    if (found !== undefined) this.#drop(key);
    if (latest?.first === undefined && latest !== undefined) {
      // Reuse the empty one.
      if (found === undefined) latest.key = key;
      else this.#latest = found;
    } else {
      if (latest !== undefined) (this.#table ??= new Map()).set(latest.key, latest);
      this.#latest = found ?? new Holdings(key);
    }
    return this.#latest as Holdings;
  }

  /**
   * Replaces the map once it is empty, because a map that was used long keeps its old content alive until a full
   * collection.
   */
  #drop(key: string): void {
    this.#table?.delete(key);
    this.#dropped += 1;
    if (this.#table?.size !== 0 || this.#dropped < DROPPED_MAX) return;
    this.#table = undefined;
    this.#dropped = 0;
  }
}

/** What the runs of one runner hold; run ids are unique per runner only. */
class HeldByRunner {
  readonly name: string;
  readonly ofRuns: HoldingsTable;
  readonly #spare: HoldingPool;
  /** Resources without a run, by name; created for the first. */
  #ofNoRun: HoldingsTable | undefined;

  constructor(name: string, spare: HoldingPool) {
    this.name = name;
    this.ofRuns = new HoldingsTable(spare);
    this.#spare = spare;
  }

  get looks(): number {
    return this.ofRuns.looks + (this.#ofNoRun?.looks ?? 0);
  }

  add(runId: string, thing: Holding): void {
    if (runId === '') (this.#ofNoRun ??= new HoldingsTable(this.#spare)).add(thing.name, thing);
    else this.ofRuns.add(runId, thing);
  }

  take(runId: string, resource: ResourceKind, name: string): boolean {
    return runId === ''
      ? this.#ofNoRun?.take(name, resource, name) === true
      : this.ofRuns.take(runId, resource, name);
  }

  describe(): FailureFact[] {
    const describe = (things: Iterable<readonly [string, Holding]>, isOfRun: boolean): FailureFact[] =>
      Array.from(things, ([key, { resource, name, atMs, place }]) => {
        const held = heldText({ resource, name, runner: this.name, runId: isOfRun ? key : '' }, 'on');
        const kind = resource === 'waiter' ? 'wait' : 'other';
        return { kind, text: `${held}, since ${atMs} ms`, ...placedAt(place) };
      });
    return [...describe(this.ofRuns.things(), true), ...describe(this.#ofNoRun?.things() ?? [], false)];
  }
}

/** Watches a trace. A resource given up within the rules counts as given back (R106). */
export class ResourceLedger implements WaitWatch {
  readonly #runners = new Map<string, HeldByRunner>();
  #latest: HeldByRunner | undefined;
  readonly #spare = new HoldingPool();
  readonly capturesPlaces: boolean;
  /** Created for the first lock: most simulations have none. */
  #graph: WaitGraph | undefined;
  #count = 0;

  constructor(capturePlaces = false) {
    this.capturesPlaces = capturePlaces;
  }

  /** Registers a source of waits; it is read when a description asks what is awaited. */
  add(source: () => Iterable<OngoingWait>): void {
    this.#watchGraph().addSource(source);
  }

  /** A lock or wait of an owner other than a run. */
  watch(event: OwnedEvent): void {
    this.#watchGraph().watch(event);
  }

  acquired(at: number, runner: string, runId: string, resource: ResourceKind, name: string): void {
    const place = this.capturesPlaces ? new Error(name) : undefined;
    this.#runner(runner).add(runId, this.#spare.take(resource, name, at, place));
    this.#count += 1;
  }

  /** The resource was given back, or given up. */
  freed(runner: string, runId: string, resource: ResourceKind, name: string): void {
    if (this.#runner(runner).take(runId, resource, name)) this.#count -= 1;
  }

  /** An undisturbed run has started its process. */
  started(at: number, runner: string, runId: string, checkout: string): void {
    const run = this.#spare.take('checkout', checkout, at);
    run.kind = 'run';
    this.#runner(runner).add(runId, run);
    this.#count += HELD_COUNT;
  }

  /** An undisturbed run has ended after its process. */
  ended(runner: string, runId: string, checkout: string): void {
    if (this.#runner(runner).ofRuns.takeRun(runId, checkout)) {
      this.#count -= HELD_COUNT - 1;
      return;
    }
    for (const step of ENDED_ROW) {
      if (step.call === 'freed') this.freed(runner, runId, step.resource, step.name ?? checkout);
    }
  }

  /** Number of held resources. */
  get count(): number {
    return this.#count + (this.#graph?.count ?? 0);
  }

  /** Number of resources that were inspected so far to find those given back; for tests. */
  get looks(): number {
    let looks = 0;
    for (const runner of this.#runners.values()) looks += runner.looks;
    return looks;
  }

  /**
   * The first `limit` held resources, or of those that are waits or are not: what, whose, since when, and the place if
   * places are captured. Resources that are equal in all of this are one fact with a count.
   */
  describe(limit: number, of?: 'waits' | 'things'): FailureFact[] {
    const all = this.#describeAll().filter(
      ({ kind }) => of === undefined || (kind === 'other') === (of === 'things'),
    );
    return countedAlike(all, (fact) => `${fact.kind} ${factText(fact)}`).slice(0, limit);
  }

  #describeAll(): FailureFact[] {
    const graph = this.#graph;
    const owned = graph === undefined ? [] : [...graph.describeWaits(), ...graph.describeLocks()];
    return [...owned, ...Array.from(this.#runners.values(), (runner) => runner.describe()).flat()];
  }

  #watchGraph(): WaitGraph {
    return (this.#graph ??= new WaitGraph(this.capturesPlaces));
  }

  #runner(name: string): HeldByRunner {
    if (this.#latest?.name === name) return this.#latest;
    let runner = this.#runners.get(name);
    if (runner === undefined) {
      runner = new HeldByRunner(name, this.#spare);
      this.#runners.set(name, runner);
    }
    this.#latest = runner;
    return runner;
  }
}
