/**
 * Whether what a read or a wait came to is what the contract says (R24–R43, R49, R84): which runs, in which order, at which time, and which of the
 * outcomes of a wait. Invariant: of what can be ordered in several ways within an instant, each way is allowed.
 */
import { roundedMs } from '../../kernel/microseconds.ts';
import { isRunnerError, messageOf } from '../../kernel/errors.ts';
import type { Query } from '../../model/query.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import { ALL_MASK, maskForState, maskMatches } from '../../model/state-mask.ts';
import type { QueryResult } from '../../model/status-reader.ts';
import type { BookedRun, RunBook } from './run-book.ts';
import type { RunnerReach } from './runner-reach.ts';
import type { WorkloadHost } from './workload-host.ts';

/** A read, from its call on. */
export interface AskedRead {
  readonly call: string;
  /** As it was when it was asked. */
  readonly query: Query;
  readonly timeoutMs: number;
  readonly sinceMs: number;
  /** How many times `run` had been called. */
  readonly offers: number;
  /** The mark of the book. */
  readonly mark: number;
  /** Whether an id was listed that the runner cannot know. */
  readonly listsUnknown: boolean;
  /** When its signal was aborted; `Infinity` if it was not. */
  readonly cancelledAtMs: () => number;
}

const PENDING = maskForState('PENDING');
const RUNNING = maskForState('RUNNING');

/** Judges reads against a book. */
export class ReadJudge {
  readonly #host: Pick<WorkloadHost, 'check' | 'now'>;
  readonly #book: RunBook;
  readonly #reach: RunnerReach;
  readonly #seesAll: boolean;

  /** `seesAll`: waits see every state, in its instant. */
  constructor(
    host: Pick<WorkloadHost, 'check' | 'now'>,
    book: RunBook,
    reach: RunnerReach,
    { seesAll }: { readonly seesAll: boolean },
  ) {
    this.#host = host;
    this.#book = book;
    this.#reach = reach;
    this.#seesAll = seesAll;
  }

  /** A read begins. */
  ask(call: string, query: Query, timeoutMs: number, cancelledAtMs = (): number => Infinity): AskedRead {
    const { runs = [] } = query;
    const listsUnknown = runs.some((runId) => this.#book.isUnknown(runId));
    const { offers, mark } = this.#book;
    return { call, query, timeoutMs, sinceMs: this.#host.now(), offers, mark, listsUnknown, cancelledAtMs };
  }

  /** It returned. */
  answered(asked: AskedRead, { statuses, service }: QueryResult): void {
    const { call, timeoutMs, sinceMs } = asked;
    const now = this.#host.now();
    this.#book.reckon();
    this.#demand(!asked.listsUnknown, 'R26', `${call} lists a run that is not known, and returned`);
    this.#checkService(call, service, sinceMs);
    this.#checkList(asked, statuses);
    // On a machine even an answer at once takes its time.
    const isWait = this.#book.terms.isExact && timeoutMs > 0 && now > sinceMs;
    if (isWait) {
      this.#checkInTime(asked);
      this.#checkMet(asked, statuses);
    } else if (timeoutMs === 0 || statuses.length !== 1) this.#checkComplete(asked, statuses);
    if (this.#isExact && timeoutMs === 0) {
      this.#demand(now === sinceMs, 'R25 R30', `${call} took ${now - sinceMs} ms`);
    }
    if (statuses.length === 0) this.#checkEmpty(asked);
    const knownSinceMs = isWait && this.#isExact && this.#seesAll ? now : sinceMs;
    this.#keep(asked, statuses, isWait, knownSinceMs);
  }

  #keep(
    { call, query, mark }: AskedRead,
    statuses: readonly RunStatus[],
    isWait: boolean,
    knownSinceMs: number,
  ): void {
    for (const status of statuses) this.#book.saw(call, status, knownSinceMs);
    if (query.allRuns === true && query.states === ALL_MASK && !isWait) {
      this.#book.sawAll(
        statuses.map(({ runId }) => runId),
        mark,
      );
    }
  }

  /** It was refused. False if nothing of this explains it. */
  refused(asked: AskedRead, error: unknown): boolean {
    if (!isRunnerError(error)) return false;
    this.#book.reckon();
    const { call, query, timeoutMs, sinceMs } = asked;
    const now = this.#host.now();
    const { runs = [], allRuns = false } = query;
    if (error.code === 'RUNNER_UNKNOWN_RUN') {
      const named = runs.filter((runId) => this.#book.mayBeUnknown(runId));
      this.#demand(named.length > 0, 'R26', `${call} calls a run unknown, and all it lists are known`);
      const isNamed = named.some((runId) => messageOf(error).includes(`unknown run id ${runId}`));
      this.#demand(isNamed, 'R23', `${call} was refused with ${JSON.stringify(messageOf(error))}`);
      if (asked.listsUnknown && this.#isExact) {
        this.#demand(now === sinceMs, 'R26', `${call} took ${now - sinceMs} ms to say that a run is unknown`);
      }
      return true;
    }
    this.#demand(
      !asked.listsUnknown,
      'R26',
      `${call} lists an unknown run, and was refused with ${error.code}`,
    );
    if (timeoutMs === 0 || (runs.length === 0 && !allRuns)) return false;
    this.#checkInTime(asked);
    return this.#isWaitOutcome(asked, error.code);
  }

  #isWaitOutcome(asked: AskedRead, code: string): boolean {
    const { call, sinceMs, cancelledAtMs } = asked;
    const now = this.#host.now();
    const cancelledMs = cancelledAtMs();
    if (code === 'RUNNER_WAIT_CANCELLED' && cancelledMs <= now) {
      this.#checkNotMetNow(asked, 'cancelled');
      return true;
    }
    if (code === 'RUNNER_CANNOT_HAPPEN') {
      const open = this.#canStillHappen(asked);
      this.#demand(
        open === undefined,
        'R36',
        `${call} was given up as impossible, though ${open === undefined ? '' : this.#openText(open)}`,
      );
      this.#reach.note(now > sinceMs ? 'wait that can no longer be met' : 'wait that cannot be met');
      return true;
    }
    if (code !== 'RUNNER_RELEASED' || !this.#book.isReleaseAsked) return false;
    const left = this.#book.runs.find(({ end, ended }) => ended === undefined && end.lo > now);
    this.#demand(left === undefined, 'R84', `${call} ended by a release while run ${left?.runId} goes on`);
    return true;
  }

  #openText(run: BookedRun | 'new runs'): string {
    return run === 'new runs' ? 'new runs can meet it' : `run ${run.runId} can still meet it`;
  }

  #canStillHappen({ query }: AskedRead): BookedRun | 'new runs' | undefined {
    if (query.allRuns === true) return 'new runs';
    const now = this.#host.now();
    return this.#listed(query).find(
      ({ end, ends, memory }) => memory === 'kept' && (end.lo > now || (ends & ~query.states) === 0),
    );
  }

  get #isExact(): boolean {
    return this.#book.isExact;
  }

  // What is in the list.

  #checkList({ call, query }: AskedRead, statuses: readonly RunStatus[]): void {
    const { runs = [], allRuns = false, states } = query;
    const ids = statuses.map(({ runId }) => runId);
    this.#demand(new Set(ids).size === ids.length, 'R37', `${call} shows a run twice: ${ids.join(', ')}`);
    for (const { runId, state } of statuses) {
      const isAsked = allRuns || runs.includes(runId);
      this.#demand(isAsked, 'R24', `${call} shows run ${runId}, which it was not asked for`);
      this.#demand(maskMatches(states, state), 'R24', `${call} shows run ${runId}, which is ${state}`);
    }
    const isInOrder = allRuns ? this.#isInOrder(ids) : isInOrderOf(runs, ids);
    this.#demand(isInOrder, 'R37', `${call} shows runs out of order: ${ids.join(', ')}`);
  }

  /** Whether no run is shown before one that was surely accepted earlier. */
  #isInOrder(ids: readonly RunID[]): boolean {
    const book = this.#book;
    if (book.terms.isOrdered === false) return true;
    const shown = ids.flatMap((runId) => book.find(runId) ?? []);
    let last: BookedRun | undefined;
    for (const run of shown) {
      if (last !== undefined && book.isBefore(run, last)) return false;
      if (last === undefined || run.offeredMark > last.offeredMark) last = run;
    }
    return true;
  }

  /** Whether the runner must have had a run when the read came. */
  #wasThere({ order, acceptedMark }: BookedRun, { offers, mark }: AskedRead): boolean {
    return this.#book.terms.isExact ? order <= offers : acceptedMark <= mark;
  }

  /** At once, all that match now are there (R29). */
  #checkComplete(asked: AskedRead, statuses: readonly RunStatus[]): void {
    const { call, query, sinceMs } = asked;
    const shown = new Set(statuses.map(({ runId }) => runId));
    const now = this.#host.now();
    for (const run of this.#subjects(query)) {
      if (shown.has(run.runId) || run.memory !== 'kept' || !this.#wasThere(run, asked)) continue;
      const outside = this.#book.states(run, sinceMs, now) & ~query.states;
      this.#demand(outside !== 0, 'R24 R29', `${call} leaves out run ${run.runId}, which matches`);
    }
  }

  #checkEmpty(asked: AskedRead): void {
    const { call, query, timeoutMs, sinceMs } = asked;
    const now = this.#host.now();
    const isOfNone = (query.runs ?? []).length === 0 && query.allRuns !== true;
    if (isOfNone) {
      if (this.#isExact) this.#demand(now === sinceMs, 'R28', `${call} of no runs took ${now - sinceMs} ms`);
      return;
    }
    if (timeoutMs === 0) return;
    const deadlineMs = roundedMs(sinceMs + timeoutMs);
    if (this.#book.terms.isExact) {
      this.#demand(
        now === deadlineMs,
        'R31',
        `${call} returned nothing at ${now} ms; its deadline is ${deadlineMs} ms`,
      );
    } else this.#demand(timeoutMs < Infinity, 'R32', `${call} has no deadline, and returned nothing`);
    this.#checkNotMetNow(asked, 'timed out');
    this.#reach.note('wait timed out');
  }

  // When a wait ends.

  /** A wait that took its time returns one status, in the instant in which it was written (R31). */
  #checkMet({ call, timeoutMs, sinceMs }: AskedRead, statuses: readonly RunStatus[]): void {
    if (statuses.length === 0) return;
    const now = this.#host.now();
    this.#demand(
      statuses.length === 1 || !this.#seesAll,
      'R31',
      `${call} waited, and returned ${statuses.length} runs`,
    );
    this.#reach.note('wait met later');
    if (timeoutMs < Infinity && roundedMs(sinceMs + timeoutMs) === now) {
      this.#reach.note('wait met in the instant of its deadline');
    }
    const [status] = statuses;
    const run = status === undefined ? undefined : this.#book.find(status.runId);
    if (run === undefined || status === undefined || !this.#isExact || !this.#seesAll) return;
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
      `${call} ended at ${now} ms with run ${run.runId} as ${status.state}, which it became at ${at.lo} ms`,
    );
  }

  /** Nothing has ended the wait before now. */
  #checkInTime(asked: AskedRead): void {
    const { call, timeoutMs, sinceMs, cancelledAtMs } = asked;
    const now = this.#host.now();
    if (!this.#book.terms.isExact || !this.#seesAll || now === sinceMs) return;
    const deadlineMs = roundedMs(sinceMs + timeoutMs);
    this.#demand(now <= deadlineMs, 'R31', `${call} ended at ${now} ms; its deadline was ${deadlineMs} ms`);
    const cancelledMs = Math.max(sinceMs, cancelledAtMs());
    this.#demand(
      now <= cancelledMs,
      'R34',
      `${call} ended at ${now} ms; it was cancelled at ${cancelledMs} ms`,
    );
    const releasedMs = this.#book.releasedAtMs;
    this.#demand(
      now <= releasedMs,
      'R84',
      `${call} ended at ${now} ms; the runner was released at ${releasedMs} ms`,
    );
    if (!this.#isExact) return;
    const met = this.#subjects(asked.query).find((run) => this.#hasMatched(run, asked, now));
    this.#demand(
      met === undefined,
      'R31 R54',
      `${call} ended at ${now} ms; run ${met?.runId} had met it before`,
    );
    const listed = this.#listed(asked.query);
    const isDoomed =
      asked.query.allRuns !== true &&
      listed.length > 0 &&
      listed.every(
        ({ ends, end, memory }) => memory === 'kept' && (ends & asked.query.states) === 0 && end.hi < now,
      );
    this.#demand(!isDoomed, 'R36', `${call} ended at ${now} ms; before that it could not be met any more`);
  }

  /** Whether a run was surely in a wanted state at some moment after the call and before now. */
  #hasMatched(run: BookedRun, asked: AskedRead, now: number): boolean {
    const { states } = asked.query;
    if (run.memory !== 'kept') return false;
    if ((states & PENDING) !== 0 && wasPending(run, asked, now)) return true;
    if ((states & RUNNING) !== 0 && wasRunning(run, asked, now)) return true;
    return (run.ends & ~states) === 0 && run.end.hi < now;
  }

  /** A match in the instant of the deadline, or of the cancel, wins (R35). */
  #checkNotMetNow({ call, query, sinceMs }: AskedRead, how: string): void {
    if (!this.#isExact || !this.#seesAll) return;
    const now = this.#host.now();
    if (this.#book.releaseAskedAtMs <= now) return;
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
      `${call} was ${how} in the instant in which run ${met?.runId} met it`,
    );
  }

  #subjects(query: Query): readonly BookedRun[] {
    return query.allRuns === true ? this.#book.runs : this.#listed(query);
  }

  #listed({ runs = [] }: Query): readonly BookedRun[] {
    return runs.flatMap((runId) => this.#book.find(runId) ?? []);
  }

  // The service.

  /** R38, R60, R81, R82. */
  #checkService(call: string, service: ServiceStatus, sinceMs: number): void {
    const now = this.#host.now();
    const { unhealthy } = this.#book;
    const isOpen = unhealthy !== undefined && unhealthy.lo <= now && unhealthy.hi >= sinceMs;
    if (!this.#isExact || isOpen) return;
    const isHealthy = unhealthy === undefined || unhealthy.lo > now;
    const isRight =
      service.initialized && service.isHealthy === isHealthy && (service.error === '') === isHealthy;
    const [rule, which] = isHealthy ? ['R60', 'a healthy'] : ['R81 R82', 'an unhealthy'];
    this.#demand(isRight, rule, `${call} shows the service of ${which} runner as ${serviceText(service)}`);
  }

  #demand(condition: boolean, rule: string, message: string): void {
    if (!condition) this.#host.check(false, `${rule} ${message}`);
  }
}

function isInOrderOf(order: readonly RunID[], ids: readonly RunID[]): boolean {
  const places = ids.map((runId) => order.indexOf(runId)).filter((place) => place !== -1);
  return places.every((place, index) => index === 0 || place > (places[index - 1] ?? -1));
}

function serviceText({ initialized, isHealthy, error }: ServiceStatus): string {
  return JSON.stringify({ initialized, isHealthy, error });
}

function wasPending({ order, acceptedAtMs, turn, end }: BookedRun, asked: AskedRead, now: number): boolean {
  const { offers, sinceMs } = asked;
  if (order > offers) return acceptedAtMs > sinceMs && acceptedAtMs < now;
  return turn.lo > sinceMs && end.lo > sinceMs;
}

function wasRunning(run: BookedRun, { sinceMs }: AskedRead, now: number): boolean {
  const { drawn, isDrained, stopAskedAtMs, turn, end } = run;
  const runs = drawn.starts && !isDrained && stopAskedAtMs > turn.hi;
  return runs && turn.hi < now && end.lo > Math.max(turn.hi, sinceMs);
}
