/** The result of a simulation. A verdict is data: a property that failed does not throw. */
import type { Decision } from '../kernel/decisions.ts';
import type { RunState } from '../model/run-state.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { FailureFact } from './failure-fact.ts';

/** Kinds of failures. */
export type FailureKind =
  /** `sim.check` got a false condition. */
  | 'check'
  /** A property of `sim.always` was false, or threw, after an event. */
  | 'always'
  /** A property of `sim.eventually` did not come true in time, although faults had ended. */
  | 'eventually'
  /** The scenario, or a callback of the clock, threw. */
  | 'error'
  /** An oracle found a rule broken. */
  | 'rule'
  /** Nothing is queued and the scenario has not ended (R211). */
  | 'deadlock'
  /**
   * Only periodic work fires while the scenario waits; `details` names the waits and what would repeat forever (R211).
   */
  | 'stall'
  /** The scenario has ended and left something behind (R204). */
  | 'leftovers'
  /** The scenario waits for real I/O or a real timer, which no simulation can reproduce. */
  | 'escape'
  /**
   * More events fired than the budget allows: perhaps a livelock; `details` shows the cycle if the last events repeat.
   */
  | 'budget'
  /** A replay reached a decision that does not match its log. */
  | 'diverged'
  /**
   * A turn of its code was ended from outside: a loop that never ends nor waits. Only tools that guard turns report it;
   * `simulate` does not.
   */
  | 'hang'
  /** Ended from outside before its end, by a signal or a time limit: how it would have ended is unknown. */
  | 'interrupted'
  /**
   * The source of decisions has abandoned the execution, because it can show nothing new: not a failure of the
   * scenario.
   */
  | 'abandoned';

/** Reports a failure to the engine; only the first one counts. */
export type ReportFailure = (
  kind: FailureKind,
  message: string,
  cause?: unknown,
  facts?: readonly FailureFact[],
) => void;

/** Why a simulation failed. */
export interface Failure {
  readonly kind: FailureKind;
  /** The broken rule, for kind `rule`. */
  readonly rule?: string;
  /** One sentence. */
  readonly message: string;
  /** Virtual time at which the failure was noticed. */
  readonly atMs: number;
  /** Details, one per line: leftovers, and who waits for what. */
  readonly details: readonly string[];
  /** The details as data, for explanations; absent if the simulation did not create them. */
  readonly facts?: readonly FailureFact[];
  /** For a deadlock or a stall, also one that followed the error of a hook: what stands still and why. */
  readonly standstill?: Standstill;
  /** The thrown value, if there was one. */
  readonly cause?: unknown;
}

/** What stands still in a deadlock or a stall and why, as parts of sentences. */
export interface Standstill {
  /** The first part of the sentence: `Deadlock: nothing is due any more`. */
  readonly what: string;
  /** Why: owners wait for each other; something is held or awaited; or the reason is unknown. */
  readonly wait: 'circle' | 'held' | 'unknown';
}

/** The kind of a failure in one word, and the rule if there is one. */
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
  /** The conditions named by `sim.sometimes`: true if reached. */
  readonly sometimes: Readonly<Record<string, boolean>>;
  /** Virtual time that passed, in milliseconds. */
  readonly virtualMs: number;
  /** Number of clock events that fired. */
  readonly firedEvents: number;
  /** How many decisions had more than one alternative. */
  readonly decisionCount: number;
  /**
   * Rolling hash of the trace and the decisions, 16 hexadecimal digits: the same seed gives the same hash on every
   * machine (R209).
   */
  readonly traceHash: string;
  /** The decisions, or the first `max` of them, for a replay; the list is created on each call. */
  decisions(max?: number): Decision[];
  /** The trace if `keepTrace` was set; else empty. */
  trace(): readonly TraceEvent[];
}
