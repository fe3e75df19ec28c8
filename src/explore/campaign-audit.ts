/**
 * The determinism audit of a campaign: one execution in every `every` is run again from its log at once, and the first
 * of these again later, also when a failure has ended the campaign: a failure that earlier executions have caused then
 * shows in an execution that held before. Their hashes must be equal (R209), and so must their outcome (held, or how it
 * failed), which is not part of the trace. Invariant: executions run only for the audit are not seen by any strategy or
 * coverage meter.
 */
import type { Decision } from '../kernel/decisions.ts';
import { replayDecisions } from '../kernel/replay-decisions.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { diffEvents } from '../trace/trace-differ.ts';
import type { AuditDifference, AuditReport } from './campaign-report.ts';
import type { ExecutionOrigin, Rerun } from './event-budget.ts';
import type { ExecutionRequest, Executor } from './executor.ts';
import { failureKey } from './failure-key.ts';

/** Options of {@link CampaignAudit}. */
export interface AuditOptions {
  /** Runs one execution in this many again; 0 for none. */
  readonly every: number;
  /** True once the campaign has to end: an execution that was cut off is not compared. */
  readonly mustStop: () => boolean;
  readonly onDifference: (difference: AuditDifference) => void;
  /** Called with the results so far, after each execution that was run again. */
  readonly onAudit: (audit: AuditReport) => void;
  /** Where the execution that was requested comes from. */
  readonly originOf: () => ExecutionOrigin;
  readonly rerun: Rerun;
}

/** An execution that has ended, with all that a later one is compared with. */
interface EarlyExecution {
  readonly execution: number;
  readonly held: boolean;
  readonly outcome: string;
  readonly traceHash: string;
  readonly decisions: readonly Decision[];
  readonly trace: readonly TraceEvent[];
}

/** One that is run again later. */
interface KeptExecution extends EarlyExecution {
  readonly origin: ExecutionOrigin;
}

/** An execution with more trace events than this is not kept for a late comparison. */
const EARLY_EVENTS_MAX = 50_000;

/** An executor that runs a sample of the requested executions twice. */
export class CampaignAudit implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #options: AuditOptions;
  readonly #differences: AuditDifference[] = [];
  #executions = 0;
  #repeated = 0;
  #rerunLater = 0;
  #early: KeptExecution | undefined;

  constructor(executor: Executor, options: AuditOptions) {
    this.scenario = executor.scenario;
    this.#executor = executor;
    this.#options = options;
  }

  async execute(request: ExecutionRequest): Promise<Verdict> {
    const execution = this.#executions;
    this.#executions += 1;
    const { every } = this.#options;
    if (every === 0 || execution % every !== 0) return this.#executor.execute(request);
    const verdict = await this.#executor.execute({ ...request, keepTrace: true });
    await this.#compare(execution, verdict, request);
    return verdict;
  }

  report(): AuditReport {
    return { repeated: this.#repeated, rerunLater: this.#rerunLater, differences: this.#differences };
  }

  async #compare(execution: number, verdict: Verdict, request: ExecutionRequest): Promise<void> {
    const { mustStop, originOf } = this.#options;
    if (mustStop() || !hasOwnEnd(verdict)) return;
    const one = earlyExecution(execution, verdict);
    const again = await this.#again(one.decisions, request);
    if (!hasOwnEnd(again)) return;
    this.#repeated += 1;
    this.#judge('repeat', one, again);
    const early = this.#early;
    if (early === undefined) {
      if (one.trace.length <= EARLY_EVENTS_MAX) this.#early = { ...one, origin: originOf() };
      return;
    }
    if (!mustStop()) await this.#rerun(early, request);
  }

  /** Must be called when the campaign has found a failure and ends. */
  async finish({ onTurn }: Pick<ExecutionRequest, 'onTurn'>): Promise<void> {
    const { mustStop } = this.#options;
    const early = this.#early;
    if (early?.held === true && this.#differences.length === 0 && !mustStop()) {
      await this.#rerun(early, { onTurn });
    }
  }

  async #rerun(early: KeptExecution, request: Pick<ExecutionRequest, 'onTurn'>): Promise<void> {
    const late = await this.#options.rerun(early.origin, () => this.#again(early.decisions, request));
    if (!hasOwnEnd(late)) return;
    this.#rerunLater += 1;
    this.#judge('leak', early, late);
  }

  #again(decisions: readonly Decision[], { onTurn }: Pick<ExecutionRequest, 'onTurn'>): Promise<Verdict> {
    const source = replayDecisions(decisions);
    return this.#executor.execute({ source, keepTrace: true, ...(onTurn === undefined ? {} : { onTurn }) });
  }

  #judge(kind: AuditDifference['kind'], one: EarlyExecution, again: Verdict): void {
    // A difference that occurs each time would be reported each time; and one found at once explains one that shows
    // later.
    const difference = this.#differences.length > 0 ? undefined : differenceOf(kind, one, again);
    if (difference !== undefined) {
      this.#differences.push(difference);
      this.#options.onDifference(difference);
    }
    this.#options.onAudit(this.report());
  }
}

/** What a later execution is compared with; the verdict must have its trace. */
export function earlyExecution(execution: number, verdict: Verdict): EarlyExecution {
  return {
    execution,
    held: verdict.held,
    outcome: outcomeOf(verdict),
    traceHash: verdict.traceHash,
    decisions: verdict.decisions(),
    trace: verdict.trace(),
  };
}

/** How an execution of the same log differs from an earlier one; undefined if it does not. */
export function differenceOf(
  kind: AuditDifference['kind'],
  one: EarlyExecution,
  again: Verdict,
): AuditDifference | undefined {
  if (one.traceHash === again.traceHash && one.outcome === outcomeOf(again)) return undefined;
  const { execution, held: heldFirst, decisions } = one;
  const { failure } = again;
  const later = failure === undefined ? {} : { laterKey: failureKey(failure) };
  return { kind, execution, text: textOf(one, again), decisions, heldFirst, ...later };
}

/** False for an execution that was cut off: it has no end to compare, and with another budget it would have gone on. */
function hasOwnEnd({ failure }: Verdict): boolean {
  return failure === undefined || !['abandoned', 'interrupted', 'budget'].includes(failure.kind);
}

/** Equal for equal failures. */
function outcomeOf({ failure }: Verdict): string {
  return failure === undefined ? 'it held' : `it failed: ${failureKey(failure)}`;
}

function textOf(one: EarlyExecution, again: Verdict): string {
  const events = diffEvents(one.trace, again.trace());
  if (events !== undefined) return events.text;
  const other = again.decisions();
  const at = one.decisions.findIndex(
    ({ question, n, answer }, index) =>
      other[index]?.question.key !== question.key || other[index].n !== n || other[index].answer !== answer,
  );
  if (at >= 0) return `decision ${at} differs: first ${asked(one.decisions[at])}, second ${asked(other[at])}`;
  const outcome = outcomeOf(again);
  if (one.outcome !== outcome) return `the end differs: first ${one.outcome}, second ${outcome}`;
  return 'the events are the same, but the times or the number of events of the clock are not';
}

function asked(decision: Decision | undefined): string {
  if (decision === undefined) return 'the end';
  return `${JSON.stringify(decision.question.text)} out of ${decision.n}, answered ${decision.answer}`;
}
