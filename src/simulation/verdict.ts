/** What a simulation says at its end. A verdict is data: nothing is thrown for a property that failed. */
import type { Decision } from '../kernel/decisions.ts';
import type { RunState } from '../model/run-state.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { FailureFact } from './failure-fact.ts';

/** What kind of thing went wrong. */
export type FailureKind =
  /** `sim.check` was given something false. */
  | 'check'
  /** A property of `sim.always` was false, or threw, after an event. */
  | 'always'
  /** A property of `sim.eventually` has not come true in time, although faults had ended. */
  | 'eventually'
  /** The scenario, or a callback of the clock, threw. */
  | 'error'
  /** A watcher saw a rule broken. */
  | 'rule'
  /** Nothing is queued and the scenario has not ended (R211). */
  | 'deadlock'
  /** Nothing but periodic work fires, and the scenario waits; `details` names the waits and what would repeat forever (R211). */
  | 'stall'
  /** The scenario has ended, but something of it is left (R204). */
  | 'leftovers'
  /** The scenario waits for real I/O or a real timer, which no simulation can reproduce. */
  | 'escape'
  /** More events than the budget: perhaps a livelock; `details` shows the cycle if the last events repeat. */
  | 'budget'
  /** A replay met a decision that does not fit. */
  | 'diverged'
  /** Ended from outside before its end, by a signal or a limit of time: nothing is known of how it would have ended. */
  | 'interrupted'
  /** The source of decisions has given the execution up, because it can show nothing new: no failure of the scenario. */
  | 'abandoned';

/** How a failure is reported to the engine; the first one counts. */
export type ReportFailure = (
  kind: FailureKind,
  message: string,
  cause?: unknown,
  facts?: readonly FailureFact[],
) => void;

/** Why a simulation did not hold. */
export interface Failure {
  readonly kind: FailureKind;
  /** The rule that was broken, for kind `rule`. */
  readonly rule?: string;
  /** One sentence. */
  readonly message: string;
  /** Virtual time at which the failure was noticed. */
  readonly atMs: number;
  /** Details, one per line: what is left, who waits for what. */
  readonly details: readonly string[];
  /** What the details say, as data, for explanations; absent if they were not made by the simulation. */
  readonly facts?: readonly FailureFact[];
  /** What a deadlock or a stall came to. */
  readonly standstill?: Standstill;
  /** What was thrown, if something was. */
  readonly cause?: unknown;
}

/** What a deadlock or a stall came to, in parts, from which sentences are made. */
export interface Standstill {
  /** What does not go on: `Deadlock: nothing is due any more`. */
  readonly what: string;
  /** Why: owners wait for each other; something is held or awaited; or nothing that is known is. */
  readonly wait: 'circle' | 'held' | 'unknown';
}

/** What failed, in one word, and the rule if it is one. */
export function kindText({ kind, rule }: Pick<Failure, 'rule'> & { readonly kind: string }): string {
  return rule === undefined ? kind : `${kind} (${rule})`;
}

/** The result of one simulation. */
export interface Verdict {
  /** True if nothing failed. */
  readonly held: boolean;
  /** The first failure. */
  readonly failure?: Failure;
  readonly scenario: string;
  readonly seed: string;
  /** How many runs were accepted. */
  readonly runs: number;
  /** How many runs ended in each state; states that did not occur are absent. */
  readonly endStates: Readonly<Partial<Record<RunState, number>>>;
  /** How many faults were injected. */
  readonly faults: number;
  /** What `sim.sometimes` named: true if it was reached. */
  readonly sometimes: Readonly<Record<string, boolean>>;
  /** Virtual time that passed. */
  readonly virtualMs: number;
  /** Events of the clock that fired. */
  readonly firedEvents: number;
  /** How many decisions had more than one alternative. */
  readonly decisionCount: number;
  /** Rolling hash of the trace and the decisions, 16 hexadecimal characters: the same seed gives the same hash anywhere (R209). */
  readonly traceHash: string;
  /** The decisions, for a replay, or the first `max` of them. Made when asked for. */
  decisions(max?: number): Decision[];
  /** The trace, if `keepTrace` was set; else empty. */
  trace(): readonly TraceEvent[];
}
