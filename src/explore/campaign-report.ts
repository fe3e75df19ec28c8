/**
 * The report of a campaign: plain data that can be sent between threads, stored and merged. Invariant: its size does
 * not grow with the number of executions.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Decision } from '../kernel/decisions.ts';
import { addReached } from '../model/reached-names.ts';
import type { StopCause } from './explorer.ts';
import type { FailingExecution } from './failing-execution.ts';

/** A log that is tried before anything else, because it failed or reached something new in an earlier campaign. */
export interface CorpusEntry {
  readonly id: string;
  /** Key of the failure that it showed; absent for a log that was kept for what it reached. */
  readonly key?: string;
  readonly decisions: readonly Decision[];
}

/** Two executions of one log that differed. */
export interface AuditDifference {
  /** `repeat`: run again at once. `leak`: an early execution, run again after others. */
  readonly kind: 'repeat' | 'leak';
  /** Number of the execution in this campaign, from 0. */
  readonly execution: number;
  /** The first event that differs, as both executions have it, in one line. */
  readonly text: string;
  readonly decisions: readonly Decision[];
  /** True if the earlier execution held. */
  readonly heldFirst: boolean;
  /** Key of the failure of the later execution; absent if that held. */
  readonly laterKey?: string;
}

/** Results of the executions that were run twice. */
export interface AuditReport {
  /** Number of executions that were run twice from one log. */
  readonly repeated: number;
  /** How often an early execution was run again later. */
  readonly rerunLater: number;
  /** The first difference; in a merged report, the first of each kind. */
  readonly differences: readonly AuditDifference[];
}

/** An event that a campaign reports as it happens. */
export type CampaignEvent =
  | { readonly type: 'failure'; readonly failure: FailingExecution }
  /** A log of the corpus that used to fail holds now. */
  | { readonly type: 'fixed'; readonly corpusId: string; readonly key: string }
  /** A log of the corpus that used to fail under `key` now fails under `now`. */
  | { readonly type: 'changed'; readonly corpusId: string; readonly key: string; readonly now: string }
  | { readonly type: 'cut-off'; readonly execution: FailingExecution }
  | { readonly type: 'nondeterministic'; readonly difference: AuditDifference };

/** Results of a campaign. */
export interface CampaignReport {
  readonly stoppedBy: StopCause;
  readonly executions: number;
  /** Executions that ran logs of the corpus; `maxExecutions` does not count these. */
  readonly corpusExecutions: number;
  /** Executions that did not hold. */
  readonly failed: number;
  /** The distinct failures, in the order in which they were found. */
  readonly failures: readonly FailingExecution[];
  /**
   * Executions that were begun and cut off, because the campaign's time or their budget of events was used up; not
   * counted in `executions`. They are neither successes nor failures that can be shrunk, and a campaign that has one is
   * not clean.
   */
  readonly cutOff: readonly FailingExecution[];
  readonly decisions: number;
  readonly firedEvents: number;
  /** Index of the first execution that was not run: where to resume. */
  readonly nextIndex: number;
  /** Names declared with `sim.sometimes`, and whether any execution reached them. */
  readonly sometimes: Readonly<Record<string, boolean>>;
  /** Number of executions that reached something new. */
  readonly novelExecutions: number;
  /** The latest logs that held and reached something new; worth trying first next time. */
  readonly seeds: readonly (readonly Decision[])[];
  readonly audit: AuditReport;
}

/** The report of a campaign that has run nothing. */
export const EMPTY_REPORT: CampaignReport = {
  stoppedBy: 'exhausted',
  executions: 0,
  corpusExecutions: 0,
  failed: 0,
  failures: [],
  cutOff: [],
  decisions: 0,
  firedEvents: 0,
  nextIndex: 0,
  sometimes: {},
  novelExecutions: 0,
  seeds: [],
  audit: { repeated: 0, rerunLater: 0, differences: [] },
};

/** Causes in order of precedence in a merged report, the most informative first. */
const CAUSES: readonly StopCause[] = ['failure', 'stopped', 'executions', 'exhausted'];

/**
 * Merges the reports of campaigns on shards of one whole. Failures with the same key become one; `nextIndex` is the
 * lowest, so that resuming from there leaves nothing out.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an array.
 * @example
 * ```ts
 * import { mergeCampaignReports } from 'dryrunner/explore';
 * if (mergeCampaignReports([]).executions !== 0) throw new Error('nothing was run');
 * ```
 */
export function mergeCampaignReports(reports: readonly CampaignReport[]): CampaignReport {
  check('reports', reports, is.listOf(is.ANY, 'an array of reports'));
  for (const report of reports) check('report', report, is.readable('the report of a campaign'));
  const [first, ...others] = reports;
  return first === undefined ? EMPTY_REPORT : others.reduce(merge, first);
}

function merge(one: CampaignReport, other: CampaignReport): CampaignReport {
  const known = new Set(one.failures.map(({ key }) => key));
  const sometimes = { ...one.sometimes };
  addReached(sometimes, other.sometimes);
  return {
    stoppedBy: CAUSES.find((cause) => cause === one.stoppedBy || cause === other.stoppedBy) ?? one.stoppedBy,
    executions: one.executions + other.executions,
    corpusExecutions: one.corpusExecutions + other.corpusExecutions,
    failed: one.failed + other.failed,
    failures: [...one.failures, ...other.failures.filter(({ key }) => !known.has(key))],
    cutOff: [...one.cutOff, ...other.cutOff],
    decisions: one.decisions + other.decisions,
    firedEvents: one.firedEvents + other.firedEvents,
    nextIndex: Math.min(one.nextIndex, other.nextIndex),
    sometimes,
    novelExecutions: one.novelExecutions + other.novelExecutions,
    seeds: [...one.seeds, ...other.seeds],
    audit: mergeAudits(one.audit, other.audit),
  };
}

function mergeAudits(one: AuditReport, other: AuditReport): AuditReport {
  const kinds = new Set(one.differences.map(({ kind }) => kind));
  return {
    repeated: one.repeated + other.repeated,
    rerunLater: one.rerunLater + other.rerunLater,
    differences: [...one.differences, ...other.differences.filter(({ kind }) => !kinds.has(kind))],
  };
}
