/**
 * One client of a runner under a workload: its calls are drawn, and the answers are judged. Invariant: no call is
 * refused, answered or left in flight without a reason in the contract, and a client never awaits an answer that need
 * not come.
 */
import { valueText } from '../../explore/explain/value-text.ts';
import { isRunnerError, messageOf } from '../../kernel/errors.ts';
import type { Command } from '../../model/command.ts';
import type { Query, Wait } from '../../model/query.ts';
import { isTerminal } from '../../model/run-state.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import { ALL_MASK, DONE_MASK, formatMask, maskForState, type StateMask } from '../../model/state-mask.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import type { QueryResult } from '../../model/status-reader.ts';
import { thrownText } from '../../oracles/answer-form.ts';
import type { ConformanceSubject } from '../subject.ts';
import { drawCommand, drawMalformedCommand, type DrawnCommand } from './drawn-command.ts';
import type { Draws } from './draws.ts';
import type { GivenAnswers } from './given-answers.ts';
import { type AskedRead, endsWithId, type ReadJudge } from './read-judge.ts';
import type { Offer, RunLedger } from './run-ledger.ts';
import type { RunnerReach } from './runner-reach.ts';
import type { SharedSignal } from './shared-signal.ts';
import type { WorkloadHost } from './workload-host.ts';

/** A read that was made before. */
export interface PastRead {
  readonly method: 'queryNow' | 'status' | 'statusAll';
  readonly query: Query;
}

/** The state that the clients of one runner share. */
export interface SharedWork {
  readonly host: WorkloadHost;
  readonly subject: ConformanceSubject;
  readonly ledger: RunLedger;
  readonly judge: ReadJudge;
  readonly reach: RunnerReach;
  readonly signals: readonly SharedSignal[];
  /** The answers of the service, which its receivers may change. */
  readonly given: GivenAnswers;
  /** Earlier reads, to be repeated exactly. */
  readonly reads: PastRead[];
  /** Calls in flight that no client awaits yet. */
  readonly open: Promise<void>[];
}

type Kind =
  | 'nothing'
  | 'run'
  | 'sleep'
  | 'wait'
  | 'abort'
  | 'queryNow'
  | 'status'
  | 'statusAll'
  | 'read again'
  | 'abort at some event'
  | 'abort twice'
  | 'cancel waits'
  | 'malformed'
  | 'release';

/** The refusals of a runner that is not ready, or never will be. */
const DOWN_CODES: ReadonlySet<string> = new Set(['RUNNER_INITIALIZING', 'RUNNER_BROKEN']);
/** The plain one first; an operation that is listed several times is that much more likely. */
const KINDS: readonly Kind[] = [
  'nothing',
  ...(['run', 'run', 'run', 'run', 'run', 'run', 'run', 'run'] as const),
  ...(['sleep', 'sleep', 'sleep', 'sleep'] as const),
  ...(['wait', 'wait', 'wait', 'wait', 'wait', 'wait', 'wait', 'wait'] as const),
  ...(['abort', 'abort', 'abort'] as const),
  ...(['queryNow', 'queryNow', 'status', 'status', 'statusAll', 'read again', 'read again'] as const),
  ...(['abort at some event', 'abort at some event', 'abort twice', 'cancel waits', 'cancel waits'] as const),
  ...(['malformed', 'release'] as const),
];

const QUEUE_FULL_TEXT = 'No resources available. Please try later.';
const UNHEALTHY_TEXT = 'Worker is unhealthy.';
const EVENTS_WITHIN = 24;
/** How many reads are kept for repetition. */
const READS_KEPT = 6;
/** How many of the latest runs clients ask about. */
const RECENT = 4;
const UNKNOWN_IDS: readonly RunID[] = ['made-up', '', '-1', '99999', ' 0'];

const SINGLE_MASKS: readonly StateMask[] = (
  ['PENDING', 'RUNNING', 'COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT', 'UNKNOWN'] as const
).map((state) => maskForState(state));
const SOME = maskForState('RUNNING', 'COMPLETE');

const MALFORMED_QUERIES: readonly unknown[] = [
  undefined,
  null,
  'all',
  {},
  { allRuns: true, states: 128 },
  { allRuns: true, states: -1 },
  { allRuns: true, states: 1.5 },
  { allRuns: true, states: '124' },
  { allRuns: 1, states: 124 },
  { runs: '0', states: 124 },
  { runs: [0], states: 124 },
];
const MALFORMED_WAITS: readonly unknown[] = [
  undefined,
  null,
  {},
  { timeoutMs: -1 },
  { timeoutMs: NaN },
  { timeoutMs: -Infinity },
  { timeoutMs: '5' },
  { timeoutMs: 5, signal: {} },
  { timeoutMs: 0, signal: null },
];

/** A client of the runner. */
export class RunnerClient {
  readonly #name: string;
  readonly #service: Service;
  readonly #work: SharedWork;

  /** `service` is this client's own path to the runner. */
  constructor(name: string, service: Service, work: SharedWork) {
    this.#name = name;
    this.#service = service;
    this.#work = work;
  }

  /** Performs that many operations, one after another; does not await those that may never end. */
  async live(draws: Draws, operations: number): Promise<void> {
    for (let step = 1; step <= operations; step += 1) {
      const own = draws.of(`step ${step}`);
      const kind = own.pick('does', KINDS);
      await this.#do(kind, own, `${this.#name}-${step}`);
    }
  }

  /** Releases the runner. */
  async release(): Promise<void> {
    const { ledger, host, reach } = this.#work;
    const atMs = host.now();
    if (ledger.isReleaseAsked) reach.note('release twice');
    if (ledger.runs.some(({ ended }) => ended === undefined)) reach.note('release with runs left');
    reach.note('call of release');
    ledger.releaseAsked();
    try {
      await this.#service.release();
    } catch (error) {
      // A lost call: it is unknown whether the runner received it.
      if (this.#isLost(error)) return;
      this.#unexplained('release', error, 'R84', 'it to return');
    }
    ledger.released(atMs);
  }

  /** Offers a command. */
  async run(drawn: DrawnCommand, changes = false): Promise<void> {
    const { ledger, reach } = this.#work;
    const offer = ledger.offer(drawn);
    reach.note('call of run');
    const given = drawn.kind === 'malformed' ? (drawn.given as Command) : copied(drawn.command);
    let status: RunStatus;
    try {
      const promise = this.#service.run(given);
      if (changes) this.#change(given, 'command changed after it was run');
      status = await promise;
    } catch (error) {
      // After a lost call it is unknown whether the runner received it, and the offer stays open.
      if (!this.#isLost(error)) this.#runRefused(offer, error);
      return;
    }
    ledger.accepted(offer, status);
    if (changes) this.#spoil(status);
  }

  /** Aborts a run and resolves with its end; undefined if the abort was refused. */
  async abort(runId: RunID): Promise<RunStatus | undefined> {
    const { ledger, host, reach } = this.#work;
    const [sinceMs, isLate, isUnknown] = [host.now(), ledger.isOver, ledger.isUnknown(runId)];
    const wasOver = ledger.find(runId)?.ended;
    if (!isLate) ledger.abortAsked(runId);
    const rule = ledger.abortRule(runId, sinceMs);
    reach.note('call of abort');
    let status: RunStatus;
    try {
      status = await this.#service.abort(runId);
    } catch (error) {
      if (!this.#isLost(error)) this.#abortRefused(runId, error, sinceMs);
      return undefined;
    }
    this.#demand(
      !isLate,
      'R84',
      `abort of run ${runId} after the release: expected RUNNER_RELEASED, got its end`,
    );
    this.#demand(
      !isUnknown,
      'R72',
      `abort of the unknown run ${runId}: expected RUNNER_UNKNOWN_RUN, got an end`,
    );
    this.#demand(
      status.runId === runId,
      'R70',
      `abort of run ${runId}: expected its status, got that of run ${status.runId}`,
    );
    this.#demand(
      isTerminal(status.state),
      ledger.abortRule(runId, sinceMs, status.state),
      `abort of run ${runId}: expected the end of the run, got ${status.state}`,
    );
    ledger.saw('abort', status, sinceMs);
    reach.note(
      wasOver === undefined ? 'abort of a run that is in the queue or active' : 'abort of a run that is over',
    );
    const [run, now] = [ledger.find(runId), host.now()];
    if (run !== undefined && ledger.knowsTimes) {
      const byMs = wasOver === undefined ? Math.max(sinceMs, ledger.endOf(run).hi) : sinceMs;
      const why = wasOver === undefined ? 'has to be over by then' : 'was over before';
      this.#demand(
        now <= byMs,
        wasOver === undefined ? rule : 'R72',
        `abort of run ${runId}, called at ${sinceMs} ms: expected an answer by ${byMs} ms, since the run ${why}, got it at ${now} ms`,
      );
    }
    return status;
  }

  /** Reads in one of the ways that do not wait. */
  async look(method: 'queryNow' | 'status' | 'statusAll', query: Query, spoils = false): Promise<void> {
    const { judge, reach, reads } = this.#work;
    reach.note(`call of ${method}`);
    if (reads.length < READS_KEPT) reads.push({ method, query });
    if (method === 'status') {
      await this.#status(query.runs?.[0] ?? '', spoils);
      return;
    }
    const asked = judge.ask(method, method === 'statusAll' ? EVERYTHING : query, 0);
    if (method === 'queryNow') reach.mask(query.states);
    const given = owned(query);
    const promise = method === 'statusAll' ? this.#service.statusAll() : this.#service.queryNow(given);
    if (spoils && method === 'queryNow') this.#change(given, 'query changed after it was asked');
    await this.#read(asked, promise, spoils);
  }

  /** Queries with a wait. */
  async wait(query: Query, timeoutMs: number, shared?: SharedSignal, changes = false): Promise<void> {
    const { judge, reach } = this.#work;
    reach.note('call of query');
    reach.mask(query.states);
    const asked = judge.ask('query', query, timeoutMs, () => shared?.abortedAtMs ?? Infinity);
    const wait: Wait = shared === undefined ? { timeoutMs } : { timeoutMs, signal: shared.signal };
    const given = owned(query);
    if (shared !== undefined) {
      this.#note(`its next query has signal ${this.#work.signals.indexOf(shared) + 1}`);
    }
    shared?.began();
    try {
      const promise = this.#service.query(given, wait);
      if (changes) this.#change(given, 'query changed after it was asked');
      await this.#read(asked, promise, changes);
    } finally {
      shared?.ended();
    }
  }

  // Operations.

  async #do(kind: Kind, draws: Draws, mark: string): Promise<void> {
    const { host, ledger, subject, reach } = this.#work;
    switch (kind) {
      case 'nothing':
        return;
      case 'sleep':
        await host.sleep(this.#time(draws, 'sleeps', [0, 5, 10, 20, 50]));
        return;
      case 'run': {
        const plain = drawCommand(draws, subject, mark, (trait) => reach.note(`command with ${trait}`));
        const command = ledger.terms.parts.prepare?.(draws, plain.command, mark) ?? plain.command;
        await this.run({ ...plain, command }, draws.rarely('changes it afterwards'));
        return;
      }
      case 'queryNow':
      case 'status':
      case 'statusAll':
        await this.look(kind, this.#query(draws, kind), draws.rarely('changes what it got'));
        return;
      case 'read again': {
        const { reads } = this.#work;
        const past = draws.pick('which', [undefined, ...reads], 1, readText);
        if (past === undefined) return;
        reach.note('read asked once more');
        await this.look(past.method, past.query);
        return;
      }
      case 'wait':
        await this.#drawWait(draws);
        return;
      case 'malformed':
        await this.#malformed(draws);
        return;
      case 'cancel waits':
        this.#cancel(draws);
        return;
      case 'release':
        reach.note('release by a client');
        await this.#awaitOrLeave(draws, this.release());
        return;
      case 'abort':
      case 'abort twice':
      case 'abort at some event':
        await this.#drawAbort(kind, draws);
    }
  }

  async #drawAbort(kind: 'abort' | 'abort twice' | 'abort at some event', draws: Draws): Promise<void> {
    const { host, reach } = this.#work;
    const runId = this.#runId(draws);
    if (kind === 'abort at some event') {
      const action = async (): Promise<void> => {
        reach.note('abort at some event');
        await this.abort(runId);
      };
      host.atSomeEvent(`abort of run ${runId}`, action, { within: EVENTS_WITHIN });
      return;
    }
    if (kind === 'abort') {
      const spoils = draws.rarely('changes what it got');
      const spoiled = async (): Promise<void> => {
        const status = await this.abort(runId);
        if (spoils && status !== undefined) this.#spoil(status);
      };
      await this.#awaitOrLeave(draws, spoiled());
      return;
    }
    const first = this.abort(runId);
    const [one, other] = await Promise.all([first, this.abort(runId)]);
    reach.note('abort twice at once');
    // If calls take time, one of the two may be lost, or come after a release; its refusal was judged by itself.
    const isOneRefused = !this.#work.ledger.terms.hasExactTimes && (one === undefined || other === undefined);
    const agree = isOneRefused || (one?.state === other?.state && one?.exitCode === other?.exitCode);
    this.#demand(
      agree,
      'R73',
      `two aborts of run ${runId} at once: expected the same end, got ${one?.state} and ${other?.state}`,
    );
  }

  async #drawWait(draws: Draws): Promise<void> {
    const { reach, signals } = this.#work;
    const query = this.#query(draws, 'query');
    const timeoutMs = this.#time(draws, 'timeout', [0, Infinity, 5, 20, 50, 0.001, Infinity]);
    if (timeoutMs === Infinity) reach.note('wait without limit');
    if (timeoutMs === 0) reach.note('wait for no time');
    const shared = draws.pick('signal', [undefined, ...signals], 3, (signal) =>
      signal === undefined ? 'none' : `signal ${signals.indexOf(signal) + 1}`,
    );
    if (shared !== undefined) {
      if (shared.waits > 0) reach.note('wait that shares its signal');
      if (shared.isAborted) reach.note('wait with a signal that was aborted before');
      shared.waits += 1;
    }
    const wait = this.wait(query, timeoutMs, shared, draws.rarely('changes it afterwards'));
    if (timeoutMs === Infinity) this.#leave(wait);
    else await this.#awaitOrLeave(draws, wait);
  }

  #cancel(draws: Draws): void {
    const { host, signals } = this.#work;
    const chosen = draws.pick('cancels', signals, 1, (signal) => `signal ${signals.indexOf(signal) + 1}`);
    const abort = (): void => {
      this.#note(`it aborts signal ${signals.indexOf(chosen) + 1}, with which waits are cancelled`);
      chosen.abort();
    };
    if (draws.rarely('at some event', 3)) {
      host.atSomeEvent('cancel of waits', abort, { within: EVENTS_WITHIN });
    } else abort();
  }

  async #malformed(draws: Draws): Promise<void> {
    const { judge, reach } = this.#work;
    const what = draws.pick('malformed', ['command', 'query', 'wait', 'query without a wait'] as const);
    if (what === 'command') {
      await this.run(drawMalformedCommand(draws));
      return;
    }
    const isQuery = what !== 'wait';
    const query = (isQuery ? draws.pick('given', MALFORMED_QUERIES, 1, valueText) : EVERYTHING) as Query;
    const wait = (isQuery ? { timeoutMs: 5 } : draws.pick('given', MALFORMED_WAITS, 1, valueText)) as Wait;
    const given = valueText(isQuery ? query : wait);
    const asked = judge.ask(what, EVERYTHING, 0);
    try {
      await (what === 'query without a wait'
        ? this.#service.queryNow(query)
        : this.#service.query(query, wait));
    } catch (error) {
      if (this.#isLost(error)) return;
      if (!isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) {
        const rule = isQuery ? 'R24' : 'R33';
        this.#unexplained(`malformed ${what} ${given}`, error, rule, 'RUNNER_INVALID_ARGUMENT');
      }
      reach.note(isQuery ? 'query refused as malformed' : 'wait refused as malformed');
      return;
    }
    this.#demand(
      false,
      isQuery ? 'R24' : 'R33',
      `malformed ${asked.call} ${given}: expected RUNNER_INVALID_ARGUMENT, got an answer`,
    );
  }

  /** Awaits the call, or lets it go on in the background. */
  async #awaitOrLeave(draws: Draws, call: Promise<unknown>): Promise<void> {
    if (draws.rarely('goes on meanwhile', 3)) this.#leave(call);
    else await call;
  }

  #leave(call: Promise<unknown>): void {
    const left = call.then(() => undefined);
    // The verdict has the failure already; the last wait for it rejects once more.
    left.catch(() => undefined);
    this.#work.open.push(left);
  }

  /** One of the times, or exactly until something next happens. */
  #time(draws: Draws, what: string, times: readonly number[]): number {
    const next = this.#work.ledger.nextEventMs();
    const isKnown = next !== undefined && next > 0;
    const drawn = draws.pick(what, [...times, 'until just when something happens'] as const, 2, (time) =>
      time === Infinity ? 'for ever' : typeof time === 'number' ? `${time} ms` : time,
    );
    if (typeof drawn === 'number') return drawn;
    if (!isKnown) return 10;
    this.#work.reach.note('wait until just when something happens');
    return next;
  }

  #runId(draws: Draws): RunID {
    const recent = this.#recent();
    const last = recent[0] ?? UNKNOWN_IDS[0] ?? '';
    const others = [...recent.slice(1), ...(draws.rarely('asks for an unknown run', 12) ? UNKNOWN_IDS : [])];
    return draws.pick('about', [last, ...others], 1, runText);
  }

  #recent(): RunID[] {
    const { runs } = this.#work.ledger;
    const recent = runs.slice(-RECENT).map(({ runId }) => runId);
    const [first] = runs;
    if (runs.length > RECENT && first !== undefined) recent.unshift(first.runId);
    return recent.reverse();
  }

  #query(draws: Draws, call: string): Query {
    const { reach } = this.#work;
    if (call === 'status') return { runs: [this.#runId(draws)], states: ALL_MASK };
    if (call === 'statusAll') return EVERYTHING;
    const states = this.#mask(draws);
    const kinds = [
      'one run',
      'all runs',
      'several runs',
      'a run twice',
      'no runs',
      'all runs and some',
    ] as const;
    const kind = draws.pick('about', kinds, 3);
    if (kind === 'one run') return { runs: [this.#runId(draws)], states };
    reach.note(kind === 'a run twice' ? 'read of a run listed twice' : `read of ${kind}`);
    if (kind === 'all runs') return { allRuns: true, states };
    if (kind === 'no runs') return draws.rarely('lists them', 2) ? { runs: [], states } : { states };
    const [one, other] = [this.#runId(draws.of('first')), this.#runId(draws.of('second'))];
    if (kind === 'a run twice') return { runs: [one, other, one], states };
    return { runs: [other, one], states, ...(kind === 'all runs and some' ? { allRuns: true } : {}) };
  }

  #mask(draws: Draws): StateMask {
    const masks = [DONE_MASK, ALL_MASK, SOME, ...SINGLE_MASKS, maskForState(), 'any'] as const;
    const drawn = draws.pick('states', masks, 3, (mask) => (mask === 'any' ? 'any' : formatMask(mask)));
    return drawn === 'any' ? (draws.count('of all masks', 0, ALL_MASK) as StateMask) : drawn;
  }

  // Outcomes.

  async #read(asked: AskedRead, promise: Promise<QueryResult>, spoils: boolean): Promise<void> {
    const { judge, reach, host } = this.#work;
    let result: QueryResult;
    try {
      result = await promise;
    } catch (error) {
      if (this.#isLost(error)) return;
      if (!judge.refused(asked, error)) {
        const rule = isRunnerError(error, 'RUNNER_RELEASED') ? 'R84' : 'R24 R31';
        this.#unexplained(asked.call, error, rule, judge.expectedOf(asked));
      }
      if (isRunnerError(error, 'RUNNER_UNKNOWN_RUN')) reach.note('read of an unknown run');
      if (isRunnerError(error, 'RUNNER_WAIT_CANCELLED')) reach.note('wait cancelled');
      if (isRunnerError(error, 'RUNNER_RELEASED')) reach.note('wait ended by a release');
      return;
    }
    judge.answered(asked, result);
    if (asked.timeoutMs > 0 && result.statuses.length > 0) {
      reach.note(host.now() === asked.sinceMs ? 'wait met at once' : 'wait met later');
    }
    if (!spoils) return;
    for (const status of result.statuses) this.#spoil(status);
    this.#spoilService(result.service);
    Reflect.set(this.#work.given.originalOf(result.statuses), 'length', 0);
  }

  async #status(runId: RunID, spoils: boolean): Promise<void> {
    const { judge } = this.#work;
    const asked = judge.ask('status', { runs: [runId], states: ALL_MASK }, 0);
    const answer = this.#service
      .status(runId)
      .then(({ status, service }) => ({ statuses: [status], service }));
    await this.#read(asked, answer, spoils);
  }

  #runRefused(offer: Offer, error: unknown): void {
    const { ledger, reach } = this.#work;
    ledger.refused(offer);
    if (!isRunnerError(error)) {
      this.#unexplained('run', error, 'R64 R66', this.#expectedOf(offer));
      return;
    }
    const { code } = error;
    const isMalformed = offer.drawn.kind === 'malformed';
    if (code === 'RUNNER_INVALID_ARGUMENT' && isMalformed) reach.note('run refused as malformed');
    else if (code === 'RUNNER_RELEASED' && ledger.isReleaseAsked) {
      reach.note('run refused after the release');
      this.#checkZero(error, '');
    } else if (code === 'RUNNER_BUSY' && !offer.isLate) {
      ledger.checkFull(offer);
      reach.note('run refused as full');
      this.#checkText(error, QUEUE_FULL_TEXT);
      this.#checkZero(error, '');
    } else if (code === 'RUNNER_UNHEALTHY' && this.#mayBeUnhealthy()) {
      reach.note('run refused as unhealthy');
      this.#checkText(error, UNHEALTHY_TEXT);
      this.#checkZero(error, undefined);
    } else if (ledger.terms.mayBeDown !== true || !DOWN_CODES.has(code)) {
      this.#unexplained('run', error, 'R63 R64', this.#expectedOf(offer));
    }
  }

  #mayBeUnhealthy(): boolean {
    const { ledger, host } = this.#work;
    const { unhealthy } = ledger;
    return !ledger.knowsTimes || (unhealthy !== undefined && unhealthy.lo <= host.now());
  }

  #abortRefused(runId: RunID, error: unknown, sinceMs: number): void {
    const { ledger, reach, host } = this.#work;
    if (ledger.knowsTimes) {
      const durationMs = host.now() - sinceMs;
      this.#demand(
        durationMs === 0,
        'R72 R84',
        `abort of run ${runId}: expected a refusal in the instant of the call, got it ${durationMs} ms later`,
      );
    }
    if (isRunnerError(error, 'RUNNER_RELEASED') && ledger.isReleaseAsked) {
      reach.note('abort refused after the release');
    } else if (isRunnerError(error, 'RUNNER_UNKNOWN_RUN') && ledger.mayBeUnknown(runId)) {
      reach.note('abort of a run that is unknown');
      const text = `unknown run id ${runId}`;
      this.#checkText(error, text, endsWithId(error.message, runId));
    } else {
      const known = ledger.find(runId) === undefined ? [] : [`the end of run ${runId}`];
      const unknown = ledger.mayBeUnknown(runId) ? ['RUNNER_UNKNOWN_RUN'] : [];
      const expected = ledger.isOver ? 'RUNNER_RELEASED' : [...known, ...unknown].join(' or ');
      this.#unexplained(`abort of run ${runId}`, error, 'R72', expected);
    }
  }

  /** Checks that a refusal carries a zero status (R22). */
  #checkZero(error: Error & { readonly status?: RunStatus }, text: string | undefined): void {
    const { status } = error;
    const isZero =
      status?.runId === '' &&
      status.state === 'UNKNOWN' &&
      (text === undefined ? status.error !== '' : status.error === text);
    this.#demand(
      isZero,
      'R22 R64',
      `a refused run: expected the status of no run in state UNKNOWN, got ${JSON.stringify(status)}`,
    );
  }

  #checkText(error: Error, text: string, isThere = error.message.includes(text)): void {
    this.#demand(
      isThere,
      'R23',
      `a refusal: expected the text ${JSON.stringify(text)}, got ${JSON.stringify(error.message)}`,
    );
  }

  /** Whether the call or its reply was lost, which is possible only with some services. */
  #isLost(error: unknown): boolean {
    const { ledger, reach } = this.#work;
    if (ledger.terms.losesCalls !== true || !isRunnerError(error, 'RUNNER_INJECTED_FAULT')) return false;
    reach.note('call that was lost');
    return true;
  }

  #unexplained(call: string, error: unknown, rule: string, expected: string): void {
    const isCoded = isRunnerError(error);
    const got = isCoded ? error.code : thrownText(error);
    const more = isCoded ? `\n\n${messageOf(error)}` : '';
    this.#work.host.check(false, `${rule} ${call}: expected ${expected}, got ${got}${more}`, error);
  }

  /** The expected outcome of a call of `run`. */
  #expectedOf({ drawn, isLate }: Offer): string {
    if (drawn.kind === 'malformed') return 'RUNNER_INVALID_ARGUMENT';
    if (isLate) return 'RUNNER_RELEASED';
    return this.#mayBeUnhealthy() ? 'an accepted run or RUNNER_UNHEALTHY' : 'an accepted run or RUNNER_BUSY';
  }

  /** Changes a command or query as soon as its call has returned, which its caller may do. */
  #change(given: object, what: string): void {
    this.#work.reach.note(what);
    const { argv, runs, envVars } = given as {
      argv?: string[];
      runs?: RunID[];
      envVars?: Record<string, string>;
    };
    if (argv === undefined) {
      this.#note('after the call, it changes the query that it gave: now no run and no state');
      runs?.splice(0, Infinity, 'made-up');
      Object.assign(given, { states: 0, allRuns: false });
      return;
    }
    this.#note(
      'after the call, it changes the command that it gave: argv ["complete 99"], timeout 1 ms, each tag "changed"',
    );
    argv.splice(0, Infinity, 'complete 99');
    if (envVars !== undefined) envVars['ALPHA'] = 'changed';
    Object.assign(given, { timeoutMs: 1, jobId: 'changed', taskId: 'changed', tag: 'changed' });
  }

  /** Changes a received status, which is a value: that must affect nothing else (R39). */
  #spoil(status: RunStatus): void {
    this.#work.reach.note('answer changed by its caller');
    this.#note(
      `it changes the status of run ${status.runId} that it got: state, runId, tag and error "UNKNOWN"`,
    );
    const original = this.#work.given.originalOf(status);
    for (const field of ['state', 'runId', 'tag', 'error'] as const) Reflect.set(original, field, 'UNKNOWN');
  }

  /** The same for the status of the service. */
  #spoilService(service: ServiceStatus): void {
    this.#note(
      'it changes the status of the service that it got: not initialized, not healthy, error "UNKNOWN"',
    );
    const original = this.#work.given.originalOf(service);
    const lies = { initialized: false, isHealthy: false, error: 'UNKNOWN' };
    for (const [field, lie] of Object.entries(lies)) Reflect.set(original, field, lie);
  }

  /** Adds a line to the history, because nothing else shows that a caller changed its own objects. */
  #note(text: string): void {
    const { world } = this.#work.host;
    world.tracer?.record({ at: world.clock.now(), type: 'note', runner: this.#name, text });
  }

  #demand(condition: boolean, rule: string, message: string): void {
    if (!condition) this.#work.host.check(false, `${rule} ${message}`);
  }
}

const EVERYTHING: Query = { allRuns: true, states: ALL_MASK };

function readText(read: PastRead | undefined): string {
  if (read === undefined) return 'none';
  return read.method === 'status' ? `status of ${runText(read.query.runs?.[0] ?? '')}` : read.method;
}

function runText(runId: RunID): string {
  return runId === '' ? 'run ""' : `run ${runId}`;
}

/** A deep copy, which the caller may change. */
function copied(command: Command): Command {
  const { argv, envVars } = command;
  return { ...command, argv: [...argv], ...(envVars === undefined ? {} : { envVars: { ...envVars } }) };
}

function owned(query: Query): Query {
  return query.runs === undefined ? { ...query } : { ...query, runs: [...query.runs] };
}
