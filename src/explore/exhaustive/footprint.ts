/**
 * What an event can have touched while it fired and its promise reactions ran, and with that, which events commute. A
 * footprint is a set of bits: one per isolated part (a runner that shares nothing), and one for making end-of-instant
 * events.
 *
 * Two events are independent only if both were made on the clocks of isolated parts, of different ones, and no code but
 * that of the parts has run in either. Why that is sound:
 *
 * - An isolated runner has nothing from outside but its world: options that are plain values, and execer, filer,
 *   outputs and directories that it has made itself. It draws from its world's random stream only by forks, which leave
 *   the stream as it is. So an event of its clock reads and writes its own state, as long as nobody else's code runs in
 *   it.
 * - Somebody else's code can run in it in six ways, and each is seen: a waiter is freed (the store traces it before it
 *   settles the promise); the service status changes (predicates of waits look at it); a release completes (so all
 *   events of a released runner count); a script function is called (`noteOutside`); the execer or the store was handed
 *   out, which lead to the runner's clock (`dissolve`, from then on); a property is checked after each event
 *   (`noteObserver`). Calls of a runner's methods settle in the events of their callers.
 * - End-of-instant events fire in the order of their making. Two events that make some do not commute, even if what
 *   they make is cancelled later.
 * - The default oracles judge the events of each name together, so they see no difference between equivalent orders:
 *   runners of one name have one bit. Oracles that a scenario brings along may compare runners; then whatever is
 *   traced touches everything.
 * - The event with which an execution ends touches everything: what is still due does not fire any more.
 *
 * What cannot be known touches everything, and events that touch everything commute with nothing.
 */
import { type Clock, fireEvent, type Timer } from '../../kernel/clock.ts';
import type { Label } from '../../kernel/question.ts';
import type { IsolatedPart, Isolator } from '../../model/isolation.ts';
import type { TraceEvent } from '../../model/trace-event.ts';

/** The footprint of an event that may have touched anything. */
export const EVERYTHING = -1;
const LATE = 1 << 30;
/** Number of parts with a bit of their own; all others touch everything. */
const PARTS_MAX = 30;

/** True if events with these footprints must not be swapped. */
export function areDependent(one: number, other: number): boolean {
  return (one & other) !== 0;
}

/** Measures the footprint of one event after the other. */
export class FootprintMeter implements Isolator {
  readonly #tracesTouchAll: boolean;
  /** The number of each name. */
  readonly #parts = new Map<string, number>();
  #released = new Set<string>();
  #footprint = 0;
  #owner: PartClock | undefined;

  /** `tracesTouchAll`: true if the scenario has oracles of its own. */
  constructor(tracesTouchAll: boolean) {
    this.#tracesTouchAll = tracesTouchAll;
  }

  /** Forgets the parts of the previous execution. */
  begin(): void {
    this.#parts.clear();
    this.#released = new Set();
    this.open();
  }

  /** Called when an event is about to fire. */
  open(): void {
    this.#footprint = 0;
    this.#owner = undefined;
  }

  /** Returns the footprint of the event whose reactions have just run. */
  close(): number {
    if (this.#owner === undefined || this.#released.has(this.#owner.name)) return EVERYTHING;
    return this.#footprint;
  }

  isolate(clock: Clock, name: string): IsolatedPart {
    const index = this.#parts.get(name) ?? this.#parts.size;
    this.#parts.set(name, index);
    const part = new PartClock(this, clock, name, index);
    return { clock: part, noteOutside: () => this.touchAll(), dissolve: () => part.dissolve() };
  }

  noteObserver(): void {
    this.touchAll();
  }

  touchAll(): void {
    this.#footprint = EVERYTHING;
  }

  /** Observes a trace event. */
  watch(event: TraceEvent): void {
    if (event.type === 'released') this.#released.add(event.runner);
    const isSeen =
      this.#tracesTouchAll ||
      event.type === 'service' ||
      (event.type === 'freed' && event.resource === 'waiter') ||
      event.runner !== this.#owner?.name;
    if (isSeen) this.touchAll();
  }

  /** Called when an event of `part` begins to run. */
  enter(part: PartClock): void {
    this.#owner = part;
    this.#footprint |= part.footprint;
  }

  noteLate(): void {
    this.#footprint |= LATE;
  }
}

/** The clock of an isolated part. */
class PartClock implements Clock {
  readonly epochMs: number;
  readonly name: string;
  footprint: number;
  readonly #meter: FootprintMeter;
  readonly #clock: Clock;

  constructor(meter: FootprintMeter, clock: Clock, name: string, index: number) {
    this.epochMs = clock.epochMs;
    this.name = name;
    this.footprint = index < PARTS_MAX ? 1 << index : EVERYTHING;
    this.#meter = meter;
    this.#clock = clock;
  }

  dissolve(): void {
    this.footprint = EVERYTHING;
    this.#meter.touchAll();
  }

  now(): number {
    return this.#clock.now();
  }

  timer(label: Label, ms: number, fire: () => void): Timer {
    return this.#clock.timer(label, ms, this.#entered(fire));
  }

  post(label: Label, fire: () => void): Timer {
    return this.#clock.post(label, this.#entered(fire));
  }

  endOfInstant(label: Label, ms: number, fire: () => void): Timer {
    this.#meter.noteLate();
    return this.#clock.endOfInstant(label, ms, this.#entered(fire));
  }

  #entered(fire: () => void): () => void {
    return () => {
      this.#meter.enter(this);
      fireEvent(fire);
    };
  }
}
