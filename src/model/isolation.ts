/**
 * How an exploration learns which events cannot affect each other. A part of a world (a runner with its queue, store,
 * execer and logs) that shares nothing with anything else asks to be isolated when it is created, and uses the clock
 * that it gets back. Invariant: a part asks only if everything it uses is its own; a part that does not ask may touch
 * everything.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Tracer } from './trace-event.ts';

/** What decides whether a part can be isolated: only the simulation's own clock and tracer are known to be safe. */
export interface PartContext {
  readonly clock: Clock;
  readonly tracer?: Tracer;
}

/** A part that shares nothing with the rest of the world. */
export interface IsolatedPart {
  /** Shows the simulation's time; events queued on it are known to belong to the part. */
  readonly clock: Clock;
  /** Reports that the event that is firing runs code that does not belong to the part. */
  noteOutside(): void;
  /** Reports that something inside the part was handed out: from now on any of its events may run foreign code. */
  dissolve(): void;
}

/** Isolates a part, if possible; `name` is the one under which it records its trace. */
export type Isolate = (context: PartContext, name: string) => IsolatedPart | undefined;

/** Tracks the isolated parts of one simulation after another. */
export interface Isolator {
  /** Isolates a part on the simulation's own clock. */
  isolate(clock: Clock, name: string): IsolatedPart;
  /**
   * Reports that something inspects the whole state after the event that is firing, such as a property that must always
   * hold.
   */
  noteObserver(): void;
}
