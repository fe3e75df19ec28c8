/**
 * Checks whether the outcome of a read or a wait is what the contract says (R24–R43, R49, R84): which runs, in which
 * order, at which time, and which of the outcomes of a wait. Invariant: where simultaneous events can be ordered in
 * several ways, each order is allowed.
 */
import { roundedMs } from '../../kernel/microseconds.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import { isRunnerError, messageOf } from '../../kernel/errors.ts';
import type { Query } from '../../model/query.ts';
import { isTerminal } from '../../model/run-state.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import { ALL_MASK, formatMask, maskForState, maskMatches } from '../../model/state-mask.ts';
import type { QueryResult } from '../../model/status-reader.ts';
import { CLOCK_ROUNDING_MS } from '../clock-rounding.ts';
import { checkServiceStatus, expectedService } from './expected-health.ts';
import { overText, owedAnswer, owedByRelease } from './owed-answers.ts';
import type { LedgerRun, RunLedger } from './run-ledger.ts';
import type { RunnerReach } from './runner-reach.ts';
import type { WorkloadHost } from './workload-host.ts';

/** The facts about a read when it was called. */
export interface AskedRead {
  readonly call: string;
  /** A copy of the query at the time of the call. */
  readonly query: Query;
  readonly timeoutMs: number;
  readonly sinceMs: number;
  /** How many times `run` had been called by then. */
  readonly offers: number;
  /** The ledger's mark at that time. */
  readonly mark: number;
  /** Whether a release had returned before. */
  readonly isAfterRelease: boolean;
  /** Whether an end that certainly cost the runner its health had been seen before. */
  readonly isLost: boolean;
  /** Whether it lists an id that the runner cannot know. */
  readonly listsUnknown: boolean;
  /** When its signal was aborted; `Infinity` if it was not. */
  readonly cancelledAtMs: () => number;
}

const PENDING = maskForState('PENDING');
const RUNNING = maskForState('RUNNING');

/** Checks reads against a ledger. */
export class ReadJudge {
  readonly #host: Pick<WorkloadHost, 'check' | 'now'>;
  readonly #ledger: RunLedger;
  readonly #reach: RunnerReach;
  readonly #seesAll: boolean;

  /** `seesAll`: waits see every state, in the instant in which it is entered. */
  constructor(
    host: Pick<WorkloadHost, 'check' | 'now'>,
    ledger: RunLedger,
    reach: RunnerReach,
    { seesAll }: { readonly seesAll: boolean },
  ) {
    this.#host = host;
    this.#ledger = ledger;
    this.#reach = reach;
    this.#seesAll = seesAll;
  }

  /** Records that a read begins. */
  ask(call: string, query: Query, timeoutMs: number, cancelledAtMs = (): number => Infinity): AskedRead {
    const { runs = [] } = query;
    const listsUnknown = runs.some((runId) => this.#ledger.isUnknown(runId));
    const { offers, mark, releasedAtMs } = this.#ledger;
    return {
      call,
      query,
      timeoutMs,
      sinceMs: this.#host.now(),
      offers,
      mark,
      isAfterRelease: releasedAtMs < Infinity,
      isLost: this.#ledger.lostBy() !== undefined,
      listsUnknown,
      cancelledAtMs,
    };
  }

  /** Checks the answer of a read. */
  answered(asked: AskedRead, { statuses, service }: QueryResult): void {
    const { call, timeoutMs, sinceMs } = asked;
    const now = this.#host.now();
    this.#ledger.updateTimes();
    this.#demand(
      !asked.listsUnknown,
      'R26',
      `${call} of an unknown run: expected RUNNER_UNKNOWN_RUN, got statuses`,
    );
    this.#checkList(asked, statuses);
    if (asked.query.allRuns === true) this.#ledger.checkCounts(call, statuses);
    if (asked.isAfterRelease) this.#checkAllOver(call, statuses);
    // On a machine, even an immediate answer takes some time.
    const isWait = this.#ledger.terms.hasExactTimes && timeoutMs > 0 && now > sinceMs;
    if (isWait) {
      this.#checkInTime(asked);
      this.#checkMet(asked, statuses);
    } else if (timeoutMs === 0 || statuses.length !== 1) this.#checkComplete(asked, statuses);
    if (this.#knowsTimes && timeoutMs === 0) {
      this.#demand(
        now === sinceMs,
        'R25 R30',
        `${call}: expected an answer at ${sinceMs} ms, got it at ${now} ms`,
      );
    }
    if (statuses.length === 0) this.#checkEmpty(asked);
    const knownSinceMs = isWait && this.#knowsTimes && this.#seesAll ? now : sinceMs;
    this.#keep(asked, statuses, isWait, knownSinceMs);
    this.#checkService(asked, service, statuses);
  }

  #keep(
    { call, query, mark }: AskedRead,
    statuses: readonly RunStatus[],
    isWait: boolean,
    knownSinceMs: number,
  ): void {
    for (const status of statuses) this.#ledger.saw(call, status, knownSinceMs);
    if (query.allRuns === true && query.states === ALL_MASK && !isWait) {
      this.#ledger.sawAll(
        statuses.map(({ runId }) => runId),
        mark,
      );
    }
  }

  /** Checks the refusal of a read. False if nothing explains it. */
  refused(asked: AskedRead, error: unknown): boolean {
    if (!isRunnerError(error)) return false;
    this.#ledger.updateTimes();
    const { call, query, timeoutMs, sinceMs } = asked;
    const now = this.#host.now();
    const { runs = [], allRuns = false } = query;
    if (error.code === 'RUNNER_UNKNOWN_RUN') {
      const named = runs.filter((runId) => this.#ledger.mayBeUnknown(runId));
      this.#demand(
        named.length > 0,
        'R26',
        `${call}: expected statuses, since every run that it lists is known, got RUNNER_UNKNOWN_RUN`,
      );
      const isNamed = named.some((runId) => endsWithId(messageOf(error), runId));
      this.#demand(
        isNamed,
        'R23',
        `${call}: expected "unknown run id ${named[0] ?? ''}" in the error, got ${JSON.stringify(messageOf(error))}`,
      );
      this.#checkNotForgotten(asked);
      if (asked.listsUnknown && this.#knowsTimes) {
        this.#demand(
          now === sinceMs,
          'R26',
          `${call} of an unknown run: expected the refusal at ${sinceMs} ms, got it at ${now} ms`,
        );
      }
      return true;
    }
    this.#demand(
      !asked.listsUnknown,
      'R26',
      `${call} of an unknown run: expected RUNNER_UNKNOWN_RUN, got ${error.code}`,
    );
    if (timeoutMs === 0 || (runs.length === 0 && !allRuns)) return false;
    this.#checkInTime(asked);
    return this.#isWaitOutcome(asked, error.code);
  }

  /** The answer that a call in flight should have got, once nothing is left to happen; undefined if it is owed none. */
  owed(call: ServiceCall, sinceMs: number): string | undefined {
    const ledger = this.#ledger;
    ledger.updateTimes();
    if (call.method === 'query') return this.#owedWait(call.args[0], call.args[1].timeoutMs, sinceMs);
    const run = call.method === 'abort' ? ledger.find(call.args[0]) : undefined;
    const isInstant = call.method !== 'run' || ledger.terms.hasExactTimes;
    return owedAnswer(
      call,
      isInstant ? sinceMs : undefined,
      run === undefined
        ? undefined
        : { runId: run.runId, overMs: run.end, rule: ledger.abortRule(run.runId, sinceMs) },
    );
  }

  #owedWait(query: Query, timeoutMs: number, sinceMs: number): string | undefined {
    const now = this.#host.now();
    if ((query.runs ?? []).length === 0 && query.allRuns !== true) {
      return `an answer at ${sinceMs} ms, since it asks for no run (R28)`;
    }
    const met = this.#subjects(query).find(({ ends, end }) => (ends & ~query.states) === 0 && end.hi <= now);
    if (met !== undefined) {
      const state = met.ended?.state ?? 'over';
      return `an answer once run ${met.runId} is ${state}${overText(met.end)} (R31 R54)`;
    }
    if (timeoutMs < Infinity) return `an answer at its deadline, ${roundedMs(sinceMs + timeoutMs)} ms (R31)`;
    if (this.#ledger.releasedAtMs === Infinity) return undefined;
    return owedByRelease(this.#ledger.releasedAtMs);
  }

  /** The expected outcome of a read that was refused. */
  expectedOf({ listsUnknown, query, timeoutMs }: AskedRead): string {
    if (listsUnknown) return 'RUNNER_UNKNOWN_RUN';
    const isWait = timeoutMs > 0 && ((query.runs ?? []).length > 0 || query.allRuns === true);
    if (!isWait) return 'statuses';
    return this.#ledger.isReleaseAsked
      ? 'statuses or RUNNER_RELEASED'
      : 'statuses, or a reason of a wait to end';
  }

  #isWaitOutcome(asked: AskedRead, code: string): boolean {
    const { call, sinceMs, cancelledAtMs } = asked;
    const now = this.#host.now();
    const cancelledMs = cancelledAtMs();
    // Whatever else ends a wait, what matches at the call is its answer (R29); if calls take time, the answer may still
    // be on its way when the wait is cancelled, or the service released.
    const isOwed =
      this.#ledger.terms.hasExactTimes ||
      (code === 'RUNNER_WAIT_CANCELLED' ? cancelledMs < sinceMs : asked.isAfterRelease);
    if (isOwed) this.#checkComplete(asked, []);
    if (code === 'RUNNER_WAIT_CANCELLED' && cancelledMs <= now) {
      this.#checkNotMetNow(asked, 'cancelled');
      return true;
    }
    if (code === 'RUNNER_CANNOT_HAPPEN') {
      const open = this.#canStillHappen(asked);
      this.#demand(
        open === undefined,
        'R36',
        `${call}: expected it to go on, since ${open === undefined ? '' : this.#openText(open)}, got RUNNER_CANNOT_HAPPEN`,
      );
      this.#reach.note(now > sinceMs ? 'wait that can no longer be met' : 'wait that cannot be met');
      return true;
    }
    if (code !== 'RUNNER_RELEASED' || !this.#ledger.isReleaseAsked) return false;
    const left = this.#ledger.runs.find(({ end, ended }) => ended === undefined && end.lo > now);
    this.#demand(
      left === undefined,
      'R84',
      `${call}: expected it to go on while run ${left?.runId} does, got RUNNER_RELEASED`,
    );
    this.#checkOnlyNewRuns(asked);
    return true;
  }

  /**
   * A release ends the waits that only a new run could meet; all others are met or become impossible with the ends of
   * the runs (R84, R85).
   */
  #checkOnlyNewRuns({ call, query }: AskedRead): void {
    if (!this.#ledger.terms.hasExactTimes || !this.#seesAll) return;
    const subjects = this.#subjects(query);
    const met = subjects.find(({ ends, memory }) => memory === 'kept' && (ends & ~query.states) === 0);
    this.#demand(
      met === undefined,
      'R84 R85',
      `${call}: expected the status of run ${met?.runId}, which meets it as "${met === undefined ? '' : formatMask(met.ends)}", got RUNNER_RELEASED`,
    );
    const isListed = query.allRuns !== true && subjects.every(({ memory }) => memory === 'kept');
    this.#demand(
      !isListed,
      'R36 R84',
      `${call}: expected RUNNER_CANNOT_HAPPEN once its runs are over, since no new run can meet it, got RUNNER_RELEASED`,
    );
  }

  #openText(run: LedgerRun | 'new runs'): string {
    return run === 'new runs' ? 'new runs can meet it' : `run ${run.runId} can still meet it`;
  }

  #canStillHappen({ query, sinceMs }: AskedRead): LedgerRun | 'new runs' | undefined {
    if (query.allRuns === true) return 'new runs';
    const now = this.#host.now();
    return this.#listed(query).find(
      (run) =>
        run.memory === 'kept' &&
        (run.end.lo > now || (run.ends & ~query.states) === 0 || this.#ranSince(run, query, sinceMs)),
    );
  }

  /** Whether a run was certainly RUNNING at some moment after a call that asks for it, perhaps for no time. */
  #ranSince(run: LedgerRun, { states }: Query, sinceMs: number): boolean {
    const isAsked = (states & RUNNING) !== 0 && this.#knowsTimes && this.#seesAll;
    return isAsked && run.turn.lo > sinceMs && run.turn.hi <= this.#host.now() && isAnnounced(run);
  }

  get #knowsTimes(): boolean {
    return this.#ledger.knowsTimes;
  }

  // Contents of the list.

  #checkList({ call, query }: AskedRead, statuses: readonly RunStatus[]): void {
    const { runs = [], allRuns = false, states } = query;
    const ids = statuses.map(({ runId }) => runId);
    this.#demand(
      new Set(ids).size === ids.length,
      'R37',
      `${call}: expected each run once, got the runs ${ids.join(', ')}`,
    );
    for (const { runId, state } of statuses) {
      const isAsked = allRuns || runs.includes(runId);
      this.#demand(isAsked, 'R24', `${call}: expected only runs that were asked for, got run ${runId}`);
      this.#demand(
        maskMatches(states, state),
        'R24',
        `${call}: expected only runs in "${formatMask(states)}", got run ${runId} as ${state}`,
      );
    }
    const isInOrder = allRuns ? this.#isInOrder(ids) : isInOrderOf(runs, ids);
    this.#demand(
      isInOrder,
      'R37',
      `${call}: expected the runs in "${allRuns ? 'the order of acceptance' : `the order ${runs.join(', ')} of the query`}", got ${ids.join(', ')}`,
    );
  }

  /** Whether no run is shown before one that was certainly accepted earlier. */
  #isInOrder(ids: readonly RunID[]): boolean {
    const ledger = this.#ledger;
    if (ledger.terms.isOrdered === false) return true;
    const shown = ids.flatMap((runId) => ledger.find(runId) ?? []);
    let last: LedgerRun | undefined;
    for (const run of shown) {
      if (last !== undefined && ledger.isBefore(run, last)) return false;
      if (last === undefined || run.offeredMark > last.offeredMark) last = run;
    }
    return true;
  }

  /** Whether the runner must have had the run when the read was called. */
  #wasThere({ order, acceptedMark }: LedgerRun, { offers, mark }: AskedRead): boolean {
    return this.#ledger.terms.hasExactTimes ? order <= offers : acceptedMark <= mark;
  }

  /** An answer contains all runs that match from its call until now (R29). */
  #checkComplete(asked: AskedRead, statuses: readonly RunStatus[]): void {
    const { call, query, sinceMs } = asked;
    const shown = new Set(statuses.map(({ runId }) => runId));
    const now = this.#host.now();
    for (const run of this.#subjects(query)) {
      if (shown.has(run.runId) || !this.#wasThere(run, asked)) continue;
      // An offer in flight may have taken its place.
      if (this.#ledger.mayBeUnknown(run.runId)) continue;
      const outside = this.#ledger.states(run, sinceMs, now) & ~query.states;
      this.#demand(
        outside !== 0,
        'R24 R29',
        `${call}: expected run ${run.runId} to be in the answer, since it is in "${formatMask(query.states)}", got ${idsText(statuses)}`,
      );
    }
  }

  #checkEmpty(asked: AskedRead): void {
    const { call, query, timeoutMs, sinceMs } = asked;
    const now = this.#host.now();
    const isOfNone = (query.runs ?? []).length === 0 && query.allRuns !== true;
    if (isOfNone) {
      if (this.#knowsTimes) {
        this.#demand(
          now === sinceMs,
          'R28',
          `${call} of no runs: expected an answer at ${sinceMs} ms, got it at ${now} ms`,
        );
      }
      return;
    }
    if (timeoutMs === 0) return;
    const deadlineMs = roundedMs(sinceMs + timeoutMs);
    const { hasExactTimes } = this.#ledger.terms;
    if (!hasExactTimes) {
      this.#demand(timeoutMs < Infinity, 'R32', `${call} without a deadline: expected a status, got none`);
    }
    this.#demand(
      hasExactTimes ? now === deadlineMs : now >= deadlineMs - CLOCK_ROUNDING_MS,
      'R31',
      `${call}: expected no empty answer before its deadline at ${deadlineMs} ms, got one at ${now} ms`,
    );
    if (!hasExactTimes) this.#checkNotMetBefore(asked, deadlineMs - CLOCK_ROUNDING_MS);
    this.#checkNotMetNow(asked, 'timed out');
    this.#checkNotWrittenNow(asked);
    this.#reach.note('wait timed out');
  }

  // End of a wait.

  /** Once a release has returned, nothing is left running (R85). */
  #checkAllOver(call: string, statuses: readonly RunStatus[]): void {
    const left = statuses.find(({ state }) => !isTerminal(state));
    this.#demand(
      left === undefined,
      'R85',
      `${call} after a release has returned: expected run ${left?.runId} to be over, got ${left?.state}`,
    );
  }

  /** A wait that took time returns one status, in the instant in which it was written (R31). */
  #checkMet({ call, timeoutMs, sinceMs }: AskedRead, statuses: readonly RunStatus[]): void {
    if (statuses.length === 0) return;
    const now = this.#host.now();
    this.#demand(
      statuses.length === 1 || !this.#seesAll,
      'R31',
      `${call} that has waited: expected one run, got ${idsText(statuses)}`,
    );
    if (timeoutMs < Infinity && roundedMs(sinceMs + timeoutMs) === now) {
      this.#reach.note('wait met in the instant of its deadline');
    }
    const [status] = statuses;
    const run = status === undefined ? undefined : this.#ledger.find(status.runId);
    if (run === undefined || status === undefined || !this.#knowsTimes || !this.#seesAll) return;
    const { acceptedAtMs, turn, end } = run;
    const at =
      status.state === 'PENDING'
        ? { lo: acceptedAtMs, hi: acceptedAtMs }
        : status.state === 'RUNNING'
          ? turn
          : end;
    this.#demand(
      at.lo <= now && now <= at.hi,
      'R31 R54',
      `${call}: expected its answer at ${at.lo} ms, when run ${run.runId} became ${status.state}, got it at ${now} ms`,
    );
  }

  /** Checks that nothing should have ended the wait earlier. */
  #checkInTime(asked: AskedRead): void {
    const { call, timeoutMs, sinceMs, cancelledAtMs } = asked;
    const now = this.#host.now();
    if (!this.#ledger.terms.hasExactTimes || !this.#seesAll || now === sinceMs) return;
    const deadlineMs = roundedMs(sinceMs + timeoutMs);
    this.#demand(
      now <= deadlineMs,
      'R31',
      `${call}: expected its end at its deadline, ${deadlineMs} ms, at the latest, got it at ${now} ms`,
    );
    const cancelledMs = Math.max(sinceMs, cancelledAtMs());
    this.#demand(
      now <= cancelledMs,
      'R34',
      `${call}: expected its end when it was cancelled, at ${cancelledMs} ms, got it at ${now} ms`,
    );
    const releasedMs = this.#ledger.releasedAtMs;
    this.#demand(
      now <= releasedMs,
      'R84',
      `${call}: expected its end when the runner was released, at ${releasedMs} ms, got it at ${now} ms`,
    );
    this.#checkNotForgotten(asked);
    if (!this.#knowsTimes) return;
    const met = this.#subjects(asked.query).find((run) => this.#hasMatched(run, asked, now));
    this.#demand(
      met === undefined,
      'R31 R54',
      `${call}: expected its end when run ${met?.runId} met it, before ${now} ms, got it at ${now} ms`,
    );
    const listed = this.#listed(asked.query);
    const isDoomed =
      asked.query.allRuns !== true &&
      listed.length > 0 &&
      listed.every(
        ({ ends, end, memory }) => memory === 'kept' && (ends & asked.query.states) === 0 && end.hi < now,
      );
    this.#demand(
      !isDoomed,
      'R36',
      `${call}: expected RUNNER_CANNOT_HAPPEN before ${now} ms, when nothing could meet it any more, got its end at ${now} ms`,
    );
  }

  /** A wait ends as soon as a run that it lists is forgotten (R49). */
  #checkNotForgotten({ call, query, timeoutMs, listsUnknown }: AskedRead): void {
    if (timeoutMs === 0 || listsUnknown || !this.#ledger.terms.hasExactTimes || !this.#seesAll) return;
    const now = this.#host.now();
    const gone = this.#listed(query).find(({ goneAtMs }) => goneAtMs < now);
    this.#demand(
      gone === undefined,
      'R49',
      `${call}: expected RUNNER_UNKNOWN_RUN at ${gone?.goneAtMs} ms, when run ${gone?.runId} was forgotten, got its end at ${now} ms`,
    );
  }

  /** Whether a run was certainly in a requested state at some moment after the call and before now. */
  #hasMatched(run: LedgerRun, asked: AskedRead, now: number): boolean {
    const { states } = asked.query;
    if (run.memory !== 'kept') return false;
    if ((states & PENDING) !== 0 && wasPending(run, asked, now)) return true;
    if ((states & RUNNING) !== 0 && wasRunning(run, asked, now)) return true;
    return (run.ends & ~states) === 0 && run.end.hi < now;
  }

  /** A match in the instant of the deadline or of the cancel wins (R35). */
  #checkNotMetNow({ call, query, sinceMs }: AskedRead, how: string): void {
    if (!this.#knowsTimes || !this.#seesAll) return;
    const now = this.#host.now();
    if (this.#ledger.releaseAskedAtMs <= now) return;
    const met = this.#subjects(query).find(
      ({ turn, end, ends, stopAskedAtMs, memory }) =>
        memory === 'kept' &&
        end.lo === now &&
        end.hi === now &&
        turn.hi < now &&
        stopAskedAtMs > now &&
        sinceMs < now &&
        (ends & ~query.states) === 0,
    );
    this.#demand(
      met === undefined,
      'R35',
      `${call}: expected the status of run ${met?.runId}, which met it in this instant, got it ${how}`,
    );
  }

  /** A run that was seen over before the deadline meets a wait, whenever the wait has reached the service (R31). */
  #checkNotMetBefore({ call, query }: AskedRead, deadlineMs: number): void {
    const met = this.#subjects(query).find(
      ({ ended, endSeenAtMs, memory }) =>
        ended !== undefined &&
        memory === 'kept' &&
        maskMatches(query.states, ended.state) &&
        endSeenAtMs < deadlineMs,
    );
    this.#demand(
      met === undefined,
      'R31 R54',
      `${call}: expected the status of run ${met?.runId}, which was seen as ${met?.ended?.state} at ${met?.endSeenAtMs} ms, got no status at its deadline`,
    );
  }

  /** A run that is accepted, or starts, in the instant of the deadline meets the wait (R35). */
  #checkNotWrittenNow({ call, query, sinceMs, offers }: AskedRead): void {
    const now = this.#host.now();
    if (!this.#knowsTimes || !this.#seesAll || sinceMs >= now || this.#ledger.releaseAskedAtMs <= now) return;
    const { states } = query;
    const met = this.#subjects(query).find((run) => {
      const { acceptedAtMs, drawn, memory, order, turn } = run;
      if (memory !== 'kept' || drawn.kind === 'malformed') return false;
      const isAccepted = (states & PENDING) !== 0 && order > offers && acceptedAtMs === now;
      const isStarted = (states & RUNNING) !== 0 && turn.lo === now && turn.hi === now && isAnnounced(run);
      return isAccepted || isStarted;
    });
    this.#demand(
      met === undefined,
      'R35',
      `${call}: expected the status of run ${met?.runId}, which was accepted or started in this instant, got it timed out`,
    );
  }

  #subjects(query: Query): readonly LedgerRun[] {
    return query.allRuns === true ? this.#ledger.runs : this.#listed(query);
  }

  #listed({ runs = [] }: Query): readonly LedgerRun[] {
    return runs.flatMap((runId) => this.#ledger.find(runId) ?? []);
  }

  // Status of the service.

  /** R38, R60, R81, R82: unhealthy from the end that makes it so on, and not before. */
  #checkService(
    { call, sinceMs, isLost }: AskedRead,
    service: ServiceStatus,
    statuses: readonly RunStatus[],
  ): void {
    const now = this.#host.now();
    const { unhealthy } = this.#ledger;
    const lostBy = this.#ledger.lostBy();
    if (isLost || statuses.some(({ runId, state }) => runId === lostBy && isTerminal(state))) {
      const { initialized } = service;
      checkServiceStatus(this.#host, call, service, { ...expectedService(true), initialized });
    }
    const isShown = statuses.some(({ runId, state }) => runId === unhealthy?.runId && isTerminal(state));
    const isOpen = unhealthy !== undefined && unhealthy.lo <= now && unhealthy.hi >= sinceMs;
    if (!this.#knowsTimes || (isOpen && !isShown)) return;
    checkServiceStatus(
      this.#host,
      call,
      service,
      expectedService(unhealthy !== undefined && unhealthy.lo <= now),
    );
  }

  #demand(condition: boolean, rule: string, message: string): void {
    if (!condition) this.#host.check(false, `${rule} ${message}`);
  }
}

/** Whether a text says which run is unknown, and not another whose id begins in the same way. */
export function endsWithId(text: string, runId: RunID): boolean {
  const says = `unknown run id ${runId}`;
  const at = text.indexOf(says);
  return at !== -1 && !/^[\w-]/.test(text.slice(at + says.length));
}

function idsText(statuses: readonly RunStatus[]): string {
  if (statuses.length === 0) return 'no run';
  const ids = statuses.map(({ runId }) => runId).join(', ');
  return statuses.length === 1 ? `run ${ids}` : `the runs ${ids}`;
}

function isInOrderOf(order: readonly RunID[], ids: readonly RunID[]): boolean {
  const places = ids.map((runId) => order.indexOf(runId)).filter((place) => place !== -1);
  return places.every((place, index) => index === 0 || place > (places[index - 1] ?? -1));
}

/** Whether a run was certainly in the queue at some moment since the read was called. */
function wasPending(run: LedgerRun, asked: AskedRead, now: number): boolean {
  const { order, acceptedAtMs, drawn, turn, end } = run;
  const { offers, sinceMs } = asked;
  // A malformed command may be FAILED at once (R66).
  if (order > offers) return drawn.kind !== 'malformed' && acceptedAtMs > sinceMs && acceptedAtMs < now;
  return turn.lo > sinceMs && end.lo > sinceMs;
}

/** Whether a run is certainly shown as RUNNING, perhaps for no time. */
function isAnnounced({ drawn, isDrained, stopAskedAtMs, turn }: LedgerRun): boolean {
  return drawn.starts && !isDrained && stopAskedAtMs > turn.hi;
}

function wasRunning(run: LedgerRun, { sinceMs }: AskedRead, now: number): boolean {
  const { turn, end } = run;
  return isAnnounced(run) && turn.hi < now && end.lo > Math.max(turn.hi, sinceMs);
}
