/**
 * What comes of what a scenario has left, if it goes on for a while: a timer that throws when it fires. Invariant: it is no part of the
 * execution, whose decisions, trace and time have ended before.
 */
import { isEarlyEnd } from '../kernel/decisions.ts';
import type { Drain, DrainHooks, StepResult } from '../kernel/drain-run.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import type { Processes } from './processes.ts';
import type { UncaughtErrors } from './uncaught-errors.ts';

/** So many events are waited for: what is left may go on for ever. */
const EVENTS_MAX = 100;

/** What was thrown, and when. */
export interface LateError {
  readonly error: unknown;
  /** Virtual time. */
  readonly atMs: number;
}

/** What an aftermath happens in. */
export interface AftermathParts {
  readonly clock: VirtualClock;
  readonly drain: Drain;
  readonly turns: DrainHooks;
  readonly processes: Processes;
  readonly uncaught: UncaughtErrors;
}

/** Lets go on what is pending, until the first error that nobody catches; undefined if there is none. */
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
  // Rejections of the last turn are announced at its end.
  await drain.run(() => 'stop');
  noteUncaught(uncaught, Infinity, note);
  return found[0];
}

/** What a node leaves uncaught ends the node, and nothing else. */
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
