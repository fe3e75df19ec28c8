/**
 * Lets what a scenario left behind go on for a while, to find errors such as a timer that throws when it fires.
 * Invariant: this is not part of the execution, whose decisions, trace and time have ended before.
 */
import { isEarlyEnd } from '../kernel/decisions.ts';
import type { Drain, DrainHooks, StepResult } from '../kernel/drain-run.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import type { Processes } from './processes.ts';
import type { UncaughtErrors } from './uncaught-errors.ts';

/** The aftermath ends after this many events, because leftovers may go on forever. */
const EVENTS_MAX = 100;

/** An error that something left behind threw. */
export interface LateError {
  readonly error: unknown;
  /** Virtual time at which it was thrown. */
  readonly atMs: number;
}

/** The parts of the simulation in which an aftermath runs. */
export interface AftermathParts {
  readonly clock: VirtualClock;
  readonly drain: Drain;
  readonly turns: DrainHooks;
  readonly processes: Processes;
  readonly uncaught: UncaughtErrors;
}

/** Fires pending events until the first uncaught error; undefined if there is none. */
export async function lateErrorIn(parts: AftermathParts): Promise<LateError | undefined> {
  const { clock, drain, turns, processes, uncaught } = parts;
  const found: LateError[] = [];
  const note = (error: unknown, atMs: number): void => {
    if (!isEarlyEnd(error)) found.push({ error, atMs });
  };
  let fired = 0;
  const step = (): StepResult => {
    processes.leave();
    noteUncaught(uncaught, clock.pendingEvents(1)[0]?.atMs ?? Infinity, note);
    if (found.length > 0 || fired >= EVENTS_MAX) return 'stop';
    fired += 1;
    return clock.step() ? true : 'stop';
  };
  try {
    await drain.run(step, turns);
  } catch (error) {
    note(error, clock.now());
  }
  // Node reports the rejections of the last turn when that turn ends.
  await drain.run(() => 'stop');
  noteUncaught(uncaught, Infinity, note);
  return found[0];
}

/** Skips errors that a node leaves uncaught: they end that node and nothing else. */
function noteUncaught(
  uncaught: UncaughtErrors,
  untilMs: number,
  note: (error: unknown, atMs: number) => void,
): void {
  for (let first = uncaught.first(untilMs); first !== undefined; first = uncaught.first(untilMs)) {
    uncaught.forget(first);
    if (first.process?.parts.catches !== true) note(first.reason, first.atMs);
  }
}
