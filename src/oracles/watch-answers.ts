/**
 * Checks the answers of a runner against its earlier answers: no run goes back, no end changes, and two runs are never
 * active at once. A decorator, because answers are not in a trace. Invariant: calls pass in the same synchronous call,
 * callers get the runner's own promises, and no extra calls are made, so that timing does not change.
 */
import { ruleOfAbort } from './abort-rule.ts';
import { wrongAnswer } from './answer-form.ts';
import { checkQuery, copyQuery, type Query, type Wait } from '../model/query.ts';
import { canMove, isTerminal } from '../model/run-state.ts';
import { makeRunStatus, STATUS_FIELDS, type RunID, type RunStatus } from '../model/run-status.ts';
import { maskForState, maskMatches } from '../model/state-mask.ts';
import { ServiceReach } from './reach-kinds.ts';
import { type Proceed, InterceptedService } from '../call/intercept-service.ts';
import {
  makeCall,
  queryOf,
  statusesOf,
  type CallOf,
  type QueryCall,
  type ServiceCall,
} from '../call/service-call.ts';
import { check, unreadable } from '../kernel/argument-check.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRunnerError, messageOf, shownText } from '../kernel/errors.ts';
import { WHOLE_SERVICE } from '../model/argument-shapes.ts';
import type { Service, ServiceMethod } from '../model/service.ts';
import type { StatusResult } from '../model/status-reader.ts';
import { type World, WORLD_OF_TIME } from '../model/world.ts';
import type { ReportViolation } from './oracle.ts';

/** A status that was shown, and the mark from which on it counts as known. */
interface Shown {
  readonly status: RunStatus;
  readonly mark: number;
}

/**
 * What the answers of a runner have shown of its runs, and when. Invariant: at most three statuses are kept of each run
 * (PENDING, RUNNING, its end), each with the mark from which on no answer may show less.
 */
class AnswerBook {
  readonly complain: (rule: string, message: string) => void;
  readonly #reach: ServiceReach;
  readonly #runs = new Map<RunID, Shown[]>();
  readonly #accepted = new Set<RunID>();
  readonly #open = new Set<RunID>();
  readonly #active = new Set<RunID>();
  #mark = 0;

  constructor(complain: (rule: string, message: string) => void, reach: ServiceReach) {
    this.complain = complain;
    this.#reach = reach;
  }

  /** Whether the latest known status of any run is RUNNING. */
  get hasActive(): boolean {
    return this.#active.size > 0;
  }

  /** Whether the end of an accepted run is still unknown. */
  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  /** The current point in time: an answer to a call that begins now may not show less than what is known now. */
  mark(): number {
    this.#mark += 1;
    return this.#mark;
  }

  /** Whether the end of a run is known. */
  isOver(runId: RunID): boolean {
    const last = this.#runs.get(runId)?.at(-1);
    return last !== undefined && isTerminal(last.status.state);
  }

  /** Whether the latest known status of a run is RUNNING. */
  isActive(runId: RunID): boolean {
    return this.#active.has(runId);
  }

  /** Whether the latest known status of some run matches this query. */
  matches({ runs, allRuns, states }: Query): boolean {
    const ids = allRuns === true ? [...this.#runs.keys()] : (runs ?? []);
    return ids.some((runId) => {
      const last = this.#runs.get(runId)?.at(-1);
      return last !== undefined && maskMatches(states, last.status.state);
    });
  }

  /** Records that a run was accepted; other callers may have seen it before its own. */
  accept(status: RunStatus, since: number): void {
    if (this.#accepted.has(status.runId)) this.complain('R44', `run id ${status.runId} was given twice`);
    this.#accepted.add(status.runId);
    this.see('run', status, since);
  }

  /** Records a status shown by `call`, which began at mark `since`, and checks that it is of the run `asked`. */
  see(call: string, status: RunStatus, since: number, asked: RunID = status.runId): void {
    const { runId, state } = status;
    if (runId !== asked) {
      this.complain('R207', `${call} of run ${asked} shows run ${runId}`);
      return;
    }
    const shown = this.#runs.get(runId) ?? [];
    const floor = shown.findLast(({ mark }) => mark <= since)?.status;
    const last = shown.at(-1)?.status;
    if (last !== undefined && isTerminal(last.state) && isTerminal(state)) {
      this.#checkSame(call, last, status);
    } else if (floor !== undefined) this.#checkForward(call, floor, status);
    if (last !== undefined && !isAhead(last, status)) return;
    // A copy, because a runner under test may modify the status that it returned; its fields may be getters of a class.
    shown.push({ status: makeRunStatus(runId, state, status, status, status), mark: this.mark() });
    this.#runs.set(runId, shown);
    this.#keep(status);
  }

  /**
   * Checks an answer about all runs, which is in order of acceptance (R37): no run before a started one may still be
   * open.
   */
  seeAll(call: string, statuses: readonly RunStatus[]): void {
    const open = statuses.filter(({ state }) => !isTerminal(state));
    const late = open.find(({ state }, index) => index > 0 && state === 'RUNNING');
    const [first] = open;
    if (late === undefined || first === undefined) return;
    const shown = `run ${first.runId} ${first.state} and run ${late.runId} ${late.state}`;
    const expected =
      first.state === 'RUNNING' ? 'at most one active run' : 'runs to start in the order of acceptance';
    this.complain('R67', `${call}: expected ${expected}, got ${shown}`);
  }

  #keep({ runId, state, exitCode }: RunStatus): void {
    if (!isTerminal(state)) {
      this.#open.add(runId);
      if (state === 'RUNNING') this.#active.add(runId);
      return;
    }
    this.#open.delete(runId);
    this.#active.delete(runId);
    if (state === 'COMPLETE') {
      this.#reach.note(exitCode === 0 ? 'end COMPLETE 0' : 'end COMPLETE with another exit code');
    } else if (state !== 'UNKNOWN' && state !== 'PENDING' && state !== 'RUNNING') {
      this.#reach.note(`end ${state}`);
    }
  }

  #checkSame(call: string, before: RunStatus, after: RunStatus): void {
    const field = STATUS_FIELDS.find((name) => before[name] !== after[name]);
    if (field === undefined) return;
    const [was, is] = [JSON.stringify(before[field]), JSON.stringify(after[field])];
    this.complain(
      'R200',
      `${call}: expected ${field} of run ${after.runId} to be ${was}, as at its end, got ${is}`,
    );
  }

  #checkForward(call: string, before: RunStatus, after: RunStatus): void {
    const { runId, state } = after;
    if (before.state !== state && !canMove(before.state, state)) {
      this.complain(
        'R4',
        `${call}: expected run ${runId} to be ${before.state}${isTerminal(before.state) ? '' : ' or further'}, as an answer before it has shown, got ${state}`,
      );
      return;
    }
    for (const ref of ['stdoutRef', 'stderrRef'] as const) {
      if (before[ref] !== '' && after[ref] === '') {
        this.complain(
          'R206',
          `${call}: expected ${ref} of run ${runId} to be ${before[ref]}, as an answer before it has shown, got none`,
        );
      }
    }
  }
}

/** Whether a status shows more progress than an earlier one of the same run. */
export function isAhead(before: RunStatus, after: RunStatus): boolean {
  if (isTerminal(before.state)) return false;
  if (before.state === after.state) return before.stdoutRef === '' && after.stdoutRef !== '';
  return after.state !== 'PENDING';
}

/** A runner whose answers are watched. */
export interface WatchedAnswers extends Service {
  /** What the calls have led to so far. */
  readonly reach: ServiceReach;
  /** The calls in flight, in order, such as `abort(3)`. */
  readonly openCalls: readonly string[];
}

/**
 * Watches the answers of a runner that runs one command at a time. An answer may not show less of a run than was known
 * when its call began: no run goes back (R4), loses its refs (R206) or ends twice (R200), whichever call shows it. An
 * answer about all runs shows them in order: no run before a started one is still open (R67). Only matching runs are
 * shown (R24), and no id is used twice (R44). Unlike `watchService` it makes no calls of its own. `report` receives
 * violations and must not throw, because callers get the runner's own promises.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a world without a clock, or if not given a service.
 * @example
 * ```ts
 * import { createSimulatedRunner, finalStatus, simulate, watchAnswers } from 'dryrunner';
 * const wrong: string[] = [];
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const runner = watchAnswers(sim.world, createSimulatedRunner(sim.world), ({ message }) => void wrong.push(message));
 *     const { runId } = await runner.run({ argv: ['complete 3'] });
 *     await finalStatus(runner, runId);
 *     await runner.release();
 *     sim.check(runner.reach.times('end COMPLETE with another exit code') === 1, 'it counts what was reached');
 *     sim.check(wrong.length === 0, 'answers fit together');
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function watchAnswers(
  world: Pick<World, 'clock'>,
  service: Service,
  report: ReportViolation,
): WatchedAnswers {
  check('world', world, WORLD_OF_TIME);
  check('service', service, WHOLE_SERVICE);
  return new AnswerWatch(world, service, report);
}

/** Judges the outcome of a call. */
interface Judge {
  answered(reply: unknown): void;
  refused?(error: unknown): void;
}

class AnswerWatch extends InterceptedService implements WatchedAnswers {
  readonly reach = new ServiceReach();
  readonly #clock: Pick<Clock, 'now'>;
  readonly #book: AnswerBook;
  readonly #calls = new Set<{ readonly text: string }>();

  constructor({ clock }: Pick<World, 'clock'>, service: Service, report: ReportViolation) {
    super(
      (call) => makeCall(service, call),
      (call, proceed) => this.#watch(call, proceed),
    );
    this.#clock = clock;
    const complain = (rule: string, message: string): void => report({ rule, message, atMs: clock.now() });
    this.#book = new AnswerBook(complain, this.reach);
  }

  get openCalls(): readonly string[] {
    return [...this.#calls].map(({ text }) => text);
  }

  /** Sees each outcome before the caller does, and returns the runner's own promise. */
  #watch<R>(call: ServiceCall, proceed: Proceed<R>): Promise<R> {
    const judge = this.#judge(call);
    const promise = proceed(call);
    const open = { text: textOf(call) };
    this.#calls.add(open);
    // `Promise.resolve`, because a runner in plain JavaScript may not return a promise.
    Promise.resolve(promise).then(
      (reply) => {
        this.#calls.delete(open);
        this.#look(call.method, open.text, reply, () => judge.answered(reply));
      },
      (error: unknown) => {
        this.#calls.delete(open);
        if (isRunnerError(error, 'RUNNER_INJECTED_FAULT')) this.reach.note('injected fault');
        judge.refused?.(error);
      },
    );
    return promise;
  }

  /** Called at the start of a call: only what was known before it counts. */
  #judge(call: ServiceCall): Judge {
    switch (call.method) {
      case 'run':
        return this.#judgeRun();
      case 'abort':
        return this.#judgeAbort(call.args[0]);
      case 'status': {
        const [runId] = call.args;
        const since = this.#book.mark();
        return {
          answered: (reply) => this.#book.see('status', (reply as StatusResult).status, since, runId),
        };
      }
      case 'query':
        return this.#judgeWait(call);
      case 'queryNow':
      case 'statusAll':
        return { answered: this.#seeing(call) };
      case 'release':
        this.reach.note(this.#book.hasOpen ? 'release with runs left' : 'release without runs left');
        return { answered: () => undefined };
    }
  }

  #judgeRun(): Judge {
    const since = this.#book.mark();
    const isConcurrent = this.#book.hasActive;
    return {
      answered: (reply) => {
        this.#book.accept(reply as RunStatus, since);
        if (isConcurrent) this.reach.note('run offered while another is active');
      },
      refused: (error) => {
        if (isRunnerError(error, 'RUNNER_BUSY')) this.reach.note('run refused as full');
      },
    };
  }

  #judgeAbort(runId: RunID): Judge {
    const since = this.#book.mark();
    const wasOver = this.#book.isOver(runId);
    const wasActive = this.#book.isActive(runId);
    return {
      answered: (reply) => {
        const status = reply as RunStatus;
        this.#book.see('abort', status, since, runId);
        if (!isTerminal(status.state)) {
          const rule = ruleOfAbort(wasActive ? 'active' : 'queued or active', status.state);
          this.#book.complain(rule, `abort of run ${runId} returned ${status.state}, expected its end`);
        }
        if (wasOver) this.reach.note('abort of a run that is over');
        else if (status.state === 'ABORTED') {
          // A run that has started since it was last shown has refs, if its runner provides any.
          const hasStarted = wasActive || status.stdoutRef !== '';
          this.reach.note(hasStarted ? 'abort of an active run' : 'abort of a queued run');
        }
      },
    };
  }

  #judgeWait(call: CallOf<'query'>): Judge {
    const [, wait] = call.args;
    const query = keptQuery(call.args[0]);
    const clock = this.#clock;
    const startedAt = clock.now();
    const isWait = isForSomeTime(wait);
    const wasKnown = isWait && this.#book.matches(query);
    const see = this.#seeing(call);
    return {
      answered: (reply) => {
        see(reply);
        if (!isWait) return;
        if (statusesOf(call, reply).length > 0) {
          this.reach.note(wasKnown ? 'wait met at once' : 'wait met later');
        } else if (clock.now() > startedAt) this.reach.note('wait timed out');
      },
      refused: (error) => {
        if (isRunnerError(error, 'RUNNER_WAIT_CANCELLED')) this.reach.note('wait cancelled');
        if (isRunnerError(error, 'RUNNER_CANNOT_HAPPEN')) this.reach.note('wait that cannot be met');
        if (isRunnerError(error, 'RUNNER_RELEASED')) this.reach.note('wait ended by a release');
      },
    };
  }

  #seeing(call: QueryCall): (reply: unknown) => void {
    const { method } = call;
    const query = keptQuery(queryOf(call));
    const since = this.#book.mark();
    return (reply) => {
      const statuses = statusesOf(call, reply);
      const listed = new Set(query.runs);
      for (const status of statuses) {
        const { runId, state } = status;
        this.#book.see(method, status, since);
        if (!maskMatches(query.states, state)) {
          this.#book.complain('R24', `${method} shows run ${runId}, which is ${state}`);
        } else if (query.allRuns !== true && !listed.has(runId)) {
          this.#book.complain('R24', `${method} shows run ${runId}, which it was not asked for`);
        }
      }
      if (query.allRuns === true) this.#book.seeAll(method, statuses);
    };
  }

  /** A malformed answer is a violation like any other. */
  #look(method: ServiceMethod, call: string, reply: unknown, look: () => void): void {
    try {
      look();
    } catch (error) {
      const what = wrongAnswer(method, reply)?.text ?? messageOf(error);
      this.#book.complain('R38', `${call} returned something else than statuses: ${what}`);
    }
  }
}

function textOf({ method, args: [first] }: ServiceCall): string {
  return method === 'abort' || method === 'status' ? `${method}(${shownText(first)})` : method;
}

const NOTHING: Query = Object.freeze({ states: maskForState() });

/** A copy of the query at the time of the call. A malformed one matches nothing: refusing it is up to the service. */
function keptQuery(query: Query): Query {
  try {
    checkQuery(query);
    return copyQuery(query);
  } catch {
    return NOTHING;
  }
}

/** A malformed wait does not count: refusing it is up to the service. */
function isForSomeTime(wait: Wait): boolean {
  try {
    const timeoutMs: unknown = (wait as Wait | undefined)?.timeoutMs;
    return typeof timeoutMs === 'number' && timeoutMs > 0;
  } catch (error) {
    throw unreadable('wait', wait, error);
  }
}
