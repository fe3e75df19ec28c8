/**
 * How an exploration learns which events cannot touch each other. A part of a world (a runner with its queue, store, execer and logs)
 * that shares nothing with anything else asks to be isolated when it is made, and takes its time from the clock that it gets back.
 * Invariant: a part asks only if all that it uses is its own; what does not ask may touch everything.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Tracer } from './trace-event.ts';

/** What is looked at before a part is isolated: only the clock and the tracer of the simulation itself are known to be safe. */
export interface PartContext {
  readonly clock: Clock;
  readonly tracer?: Tracer;
}

/** A part that shares nothing. */
export interface IsolatedPart {
  /** Shows the same time; what is due on it is known to be the part's own. */
  readonly clock: Clock;
  /** Code that is not the part's own runs in the event that is firing. */
  noteOutside(): void;
  /** What the part is made of was handed out: from now on others may run in any of its events. */
  dissolve(): void;
}

/** Begins a part; `name` is the one under which it records its trace. */
export type Isolate = (context: PartContext, name: string) => IsolatedPart | undefined;

/** Keeps account of the parts of one simulation after another. */
export interface Isolator {
  /** Begins a part on the simulation's own clock. */
  isolate(clock: Clock, name: string): IsolatedPart;
  /** Somebody looks at everything after the event that is firing, such as a property that must always hold. */
  noteObserver(): void;
}
