/**
 * What is known of the runs of one runner, and which ends, states and times the contract allows them: a model that
 * includes time, aborts, deadlines, releases, health and eviction. Invariants: it is given calls and answers, and makes
 * no calls itself; every time is a lower and an upper bound, equal if the runner keeps exact times, so that it never
 * complains of anything that is allowed.
 */
import { roundedMs } from '../../kernel/microseconds.ts';
import { ruleOfAbort } from '../../oracles/abort-rule.ts';
import { isTerminal, type RunState } from '../../model/run-state.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import { runTypeOf } from '../../model/run-type.ts';
import { maskForState, maskMatches, type StateMask } from '../../model/state-mask.ts';
import { CLOCK_ROUNDING_MS } from '../clock-rounding.ts';
import type { DrawnCommand, ExpectedEnd } from './drawn-command.ts';
import type { DrawnParts, EndedRun } from './drawn-parts.ts';
import { afterEnd, isHealthOpen, LOST_AT_ONCE, LOST_IN_A_ROW, TRUSTED } from './expected-health.ts';
import type { RunnerReach } from './runner-reach.ts';
import type { WorkloadHost } from './workload-host.ts';

/** The assumptions of a ledger. */
export interface LedgerTerms {
  /** The most runs in the runner. */
  readonly capacity: number;
  /** The most runs that may be RUNNING at once, if more than one may. */
  readonly atOnce?: number;
  /** How many runs are remembered; 0 for all, undefined if unknown. */
  readonly history: number | undefined;
  /** Prefix before ids that count from 0; undefined if ids may be anything. */
  readonly idPrefix: string | undefined;
  /** Whether everything happens at exactly known times, as in virtual time. */
  readonly hasExactTimes: boolean;
  /** How long a stubborn command outlives a request to stop; undefined if unknown. */
  readonly graceMs: number | undefined;
  readonly parts: DrawnParts;
  /**
   * Whether it keeps the output of runs, so that they have refs (R99). If not, refs may be empty (R11), for all runs or
   * for none.
   */
  readonly hasOutputs?: boolean;
  /**
   * Whether a call, or its reply, can be lost: it fails with `RUNNER_INJECTED_FAULT`, whether or not it took effect.
   */
  readonly losesCalls?: boolean;
  /** Whether there may be runs whose ids no client knows. */
  readonly mayHaveUnknownRuns?: boolean;
  /**
   * Whether starting a process and writing its logs take time, as on a machine. A command may then be stopped before it
   * has written everything, a run be aborted after the end of its process, and a deadline pass while the process is
   * being started. Default false.
   */
  readonly takesTime?: boolean;
  /** Whether answers show runs in the order of acceptance. Default true. */
  readonly isOrdered?: boolean;
  /** Whether it may refuse a run because it is starting or broken, for reasons that the ledger cannot know. */
  readonly mayBeDown?: boolean;
}

/** The earliest and the latest time at which something happened; equal if known exactly. */
interface Span {
  lo: number;
  hi: number;
}

/** When the end of which run cost the runner its health. */
interface Lost extends Span {
  readonly runId: RunID;
}

/** The facts about a call of `run` when it was called. */
export interface Offer {
  readonly drawn: DrawnCommand;
  readonly order: number;
  readonly atMs: number;
  /** The mark of the call. */
  readonly mark: number;
  /** Whether the runner had been released before, so that the call must be refused. */
  readonly isLate: boolean;
  /** Whether an end that certainly cost the runner its health had been seen before. */
  readonly isLost: boolean;
}

/** A run that was accepted. */
export class LedgerRun {
  readonly runId: RunID;
  readonly drawn: DrawnCommand;
  readonly order: number;
  readonly acceptedAtMs: number;
  /** The mark of the call of `run`. */
  readonly offeredMark: number;
  /** The mark when that call returned. */
  readonly acceptedMark: number;
  /** When it is its turn to start. */
  readonly turn: Span = { lo: 0, hi: Infinity };
  /** When it is over. */
  readonly end: Span = { lo: 0, hi: Infinity };
  /** The states that it may end in, as far as is known. */
  ends: StateMask = maskForState();
  /** When the first abort or release that concerns it was called. */
  stopAskedAtMs: number = Infinity;
  /** Whether that is a release. */
  isReleased = false;
  /** Whether it never starts, because the runner is unhealthy. */
  isDrained = false;
  /** When it was first seen RUNNING. */
  runningSeenAtMs: number = Infinity;
  endSeenAtMs: number = Infinity;
  /** How many times `run` had been called when its end was first seen. */
  offersAtEnd: number = Infinity;
  /** The refs of RUNNING; empty as long as they are unknown. */
  readonly refs = { stdoutRef: '', stderrRef: '' };
  ended: RunStatus | undefined;
  memory: 'kept' | 'perhaps' | 'gone' = 'kept';
  /** When it was certainly forgotten, at the latest; `Infinity` if that is not known. */
  goneAtMs: number = Infinity;

  constructor(runId: RunID, { drawn, order, atMs, mark }: Offer, acceptedMark: number) {
    this.runId = runId;
    this.drawn = drawn;
    this.order = order;
    this.acceptedAtMs = atMs;
    this.offeredMark = mark;
    this.acceptedMark = acceptedMark;
  }
}

const DRAINED_TEXT = 'Worker is unhealthy.';
const COMPLETE = maskForState('COMPLETE');
const FAILED = maskForState('FAILED');
const ABORTED = maskForState('ABORTED');
const TIMEDOUT = maskForState('TIMEDOUT');
/** The fields that are valid in a state, of those that are not valid in all (R11). */
const FIELDS_OF: Readonly<Record<RunState, readonly string[]>> = {
  PENDING: [],
  RUNNING: [],
  COMPLETE: ['snapshotId', 'exitCode', 'error'],
  FAILED: ['exitCode', 'error'],
  ABORTED: ['error'],
  TIMEDOUT: [],
  UNKNOWN: [],
};
const ALL_STATES = Object.keys(FIELDS_OF) as readonly RunState[];
const ANY_END = maskForState('COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT');
const PENDING = maskForState('PENDING');
const RUNNING = maskForState('RUNNING');

/** The state of the queue between one run and the next. */
interface QueueState {
  free: Span;
  lastCode: number;
  /** When the runner became unhealthy, and by which run; undefined if it has not. */
  unhealthy: Lost | undefined;
}

/** The runs of one runner. */
export class RunLedger {
  readonly terms: LedgerTerms;
  readonly #host: Pick<WorkloadHost, 'check' | 'now'>;
  readonly #reach: RunnerReach;
  readonly #runs: LedgerRun[] = [];
  readonly #byId = new Map<RunID, LedgerRun>();
  readonly #refs = new Map<string, RunID>();
  #offers = 0;
  #openOffers = 0;
  #mark = 0;
  #knowsTimes: boolean;
  #isHistoryKnown: boolean;
  /** Whether runs that have started have refs. */
  #hasRefs: boolean;
  #releaseAskedAtMs = Infinity;
  #releasedAtMs = Infinity;
  /** Number of the first runs that are over and need not be looked at again. */
  #settled = 0;
  #queueState: QueueState = { free: { lo: -Infinity, hi: -Infinity }, lastCode: 0, unhealthy: undefined };
  #unhealthy: Lost | undefined;
  #lostBy: RunID | undefined;

  constructor(host: Pick<WorkloadHost, 'check' | 'now'>, terms: LedgerTerms, reach: RunnerReach) {
    this.#host = host;
    this.terms = terms;
    this.#reach = reach;
    this.#knowsTimes = terms.hasExactTimes;
    this.#isHistoryKnown = terms.history !== undefined;
    this.#hasRefs = terms.hasOutputs === true;
  }

  /**
   * Whether the times of runs are still known exactly: no longer, once it is open how a run ended whose end affects the
   * runs behind it.
   */
  get knowsTimes(): boolean {
    return this.#knowsTimes;
  }

  /** All runs in the order in which they were offered. */
  get runs(): readonly LedgerRun[] {
    return this.#runs;
  }

  /** Whether a call of `run` is in flight, so that other clients may know more than the ledger. */
  get hasOpenOffers(): boolean {
    return this.#openOffers > 0 || this.terms.mayHaveUnknownRuns === true;
  }

  get isReleaseAsked(): boolean {
    return this.#releaseAskedAtMs < Infinity;
  }

  /**
   * Whether a call that begins now must be refused, because the runner was released (R84). A runner with exact times is
   * released synchronously; any other certainly is only once a release has returned.
   */
  get isOver(): boolean {
    return this.terms.hasExactTimes ? this.isReleaseAsked : this.#releasedAtMs < Infinity;
  }

  get releaseAskedAtMs(): number {
    return this.#releaseAskedAtMs;
  }

  /** When a release was first seen to have returned. */
  get releasedAtMs(): number {
    return this.#releasedAtMs;
  }

  /** When the runner became unhealthy, and by which run, as far as is known. */
  get unhealthy(): Readonly<Lost> | undefined {
    this.updateTimes();
    return this.#unhealthy;
  }

  /**
   * The run whose end, as it was seen, certainly cost the runner its health (R81), whatever is known of times: by the
   * order of the runs alone.
   */
  lostBy(): RunID | undefined {
    // Whose runs a service that may be down performs is not known.
    if (this.terms.mayBeDown !== true) this.#lostBy ??= this.#findLostBy();
    return this.#lostBy;
  }

  find(runId: RunID): LedgerRun | undefined {
    return this.#byId.get(runId);
  }

  // Calls of clients.

  /** Must be called just before a client calls `run`. */
  offer(drawn: DrawnCommand): Offer {
    this.#openOffers += 1;
    this.#offers += 1;
    this.#mark += 1;
    return {
      drawn,
      order: this.#offers,
      atMs: this.#host.now(),
      mark: this.#mark,
      isLate: this.isOver,
      isLost: this.lostBy() !== undefined,
    };
  }

  /** Must be called just before a client aborts a run. */
  abortAsked(runId: RunID): void {
    const run = this.#byId.get(runId);
    if (run === undefined) return;
    this.updateTimes();
    run.stopAskedAtMs = Math.min(run.stopAskedAtMs, this.#host.now());
    this.updateTimes();
  }

  /**
   * The rule for an abort called at that time: for a run that was over, in the queue, or active; for both if it may
   * have been either, and `got`, the state that the abort returned, does not decide it.
   */
  abortRule(runId: RunID, atMs: number, got?: RunState): ReturnType<typeof ruleOfAbort> {
    const run = this.#byId.get(runId);
    if (run === undefined) return ruleOfAbort('active');
    const { turn, end, runningSeenAtMs } = run;
    if (end.hi < atMs) return ruleOfAbort('over');
    if (runningSeenAtMs <= atMs || turn.hi < atMs) return ruleOfAbort('active');
    return ruleOfAbort(atMs < turn.lo ? 'queued' : 'queued or active', got);
  }

  /** Must be called just before a client releases the runner. */
  releaseAsked(): void {
    this.updateTimes();
    const now = this.#host.now();
    this.#releaseAskedAtMs = Math.min(this.#releaseAskedAtMs, now);
    for (const run of this.#runs) {
      run.isReleased ||= now < run.stopAskedAtMs;
      run.stopAskedAtMs = Math.min(run.stopAskedAtMs, now);
    }
    this.updateTimes();
  }

  // Answers to clients.

  /** Records that a call of `run` has just returned with an accepted run. */
  accepted(offer: Offer, status: RunStatus): LedgerRun {
    this.#openOffers -= 1;
    this.#mark += 1;
    const { runId } = status;
    const now = this.#host.now();
    this.#demand(
      !offer.isLate,
      'R84',
      `run after the release: expected RUNNER_RELEASED, got run ${runId} accepted`,
    );
    this.#demand(!this.#byId.has(runId), 'R44', `expected an id of its own for each run, got ${runId} twice`);
    if (this.terms.hasExactTimes) {
      this.#demand(
        offer.atMs === now,
        'R65',
        `run: expected an answer at ${offer.atMs} ms, in the instant of the call, got run ${runId} accepted at ${now} ms`,
      );
    }
    this.#demand(
      status.state === 'PENDING' || offer.drawn.kind === 'malformed',
      'R65',
      `run: expected run ${runId} to be accepted as PENDING, got ${status.state}`,
    );
    this.updateTimes();
    this.#checkRoom(runId, offer);
    const run = new LedgerRun(runId, offer, this.#mark);
    if (this.isReleaseAsked) {
      run.stopAskedAtMs = now;
      run.isReleased = true;
    }
    const at = this.#runs.findLastIndex(({ order }) => order < offer.order) + 1;
    this.#runs.splice(at, 0, run);
    // If calls take time, a run that was called for later may be over by now.
    this.#settled = Math.min(this.#settled, at);
    this.#byId.set(runId, run);
    const { idPrefix } = this.terms;
    if (idPrefix !== undefined && this.#openOffers === 0) {
      const expected = `${idPrefix}${this.#runs.length - 1}`;
      this.#demand(
        this.terms.hasExactTimes ? this.#runs.at(-1)?.runId === expected : this.#byId.has(expected),
        'R44',
        `expected the id ${expected} for the next run, got ${runId}`,
      );
    }
    this.updateTimes();
    this.#forget(offer);
    this.saw('run', status, offer.atMs);
    return run;
  }

  /** Records that a call of `run` has just been refused. */
  refused(offer: Offer): void {
    this.#openOffers -= 1;
    this.#mark += 1;
    if (this.terms.hasExactTimes) {
      const lateMs = this.#host.now() - offer.atMs;
      this.#demand(
        lateMs === 0,
        'R65',
        `run: expected an answer in the instant of the call, got a refusal ${lateMs} ms later`,
      );
    }
  }

  /** Checks that `run` may be refused as full. */
  checkFull(offer: Offer): void {
    this.updateTimes();
    const { capacity, mayHaveUnknownRuns = false, hasExactTimes } = this.terms;
    if (capacity === Infinity || mayHaveUnknownRuns) return;
    const held = this.#runs.filter(
      ({ ended, end, order, offersAtEnd }) =>
        (ended === undefined || offersAtEnd >= offer.order) &&
        end.hi >= offer.atMs &&
        // A later call may have been served first, unless the runner serves calls synchronously.
        (order < offer.order || !hasExactTimes),
    ).length;
    this.#demand(
      held + this.#openOffers >= capacity,
      capacity === 1 ? 'R59 R64 R69' : 'R58 R64 R69',
      `run: expected it to be accepted, since at most ${held} of ${capacity} places are taken, got RUNNER_BUSY`,
    );
  }

  /** Records that a release has returned. */
  released(askedAtMs: number): void {
    this.updateTimes();
    const now = this.#host.now();
    this.#releasedAtMs = Math.min(this.#releasedAtMs, now);
    const late = this.#runs.find(({ end, ended }) => ended === undefined && end.lo > now);
    this.#demand(
      late === undefined,
      'R85',
      `release: expected it to return once run ${late?.runId} is over, got its return before`,
    );
    if (!this.#knowsTimes) return;
    const overByMs = Math.max(askedAtMs, ...this.#runs.map(({ end }) => end.hi));
    const last = this.#runs.find(({ end }) => end.hi === overByMs);
    const why =
      last === undefined ? 'since no run is left then' : `since run ${last.runId} has to be over by then`;
    this.#demand(
      now <= overByMs,
      'R85',
      `release called at ${askedAtMs} ms: expected it to return by ${overByMs} ms, ${why}, got its return at ${now} ms`,
    );
  }

  /** Records a status shown by a call that began at `sinceMs`. */
  saw(call: string, status: RunStatus, sinceMs: number): void {
    const run = this.#byId.get(status.runId);
    if (run === undefined) {
      this.#demand(
        this.hasOpenOffers,
        'R26',
        `${call}: expected only runs that were accepted, got run ${status.runId}`,
      );
      return;
    }
    this.updateTimes();
    const { runId, state } = status;
    const now = this.#host.now();
    const states = this.states(run, sinceMs, now);
    if ((states & maskForState(state)) === 0) {
      const what = `${call}: expected run ${runId} to be "${statesText(states)}", got ${state}`;
      this.#demand(false, this.#ruleFor(run, state, states), `${what}\n\n${this.#explain(run)}`);
    }
    this.#checkFields(run, status);
    if (state === 'RUNNING' && run.runningSeenAtMs === Infinity) {
      run.runningSeenAtMs = now;
      run.turn.hi = Math.min(run.turn.hi, now);
    }
    if (isTerminal(state) && run.ended === undefined) this.#keepEnd(run, status);
  }

  /** The states in which a run may have been found at some moment from `sinceMs` to `untilMs`. */
  states(run: LedgerRun, sinceMs: number, untilMs: number): StateMask {
    const { turn, end, ended, stopAskedAtMs: stop } = run;
    let states = 0;
    if (ended === undefined || end.hi >= sinceMs) {
      // A process that is stopped while it starts is never announced as RUNNING, however long it takes to die.
      const isNeverAnnounced = run.runningSeenAtMs === Infinity && turn.lo <= stop && stop <= turn.hi;
      if (turn.hi >= sinceMs || isNeverAnnounced) states |= PENDING;
      if (this.#mayRun(run) && turn.lo <= untilMs) states |= RUNNING;
    }
    if (end.hi < sinceMs) states = 0;
    if (ended !== undefined) states |= maskForState(ended.state);
    else if (end.lo <= untilMs) states |= run.ends;
    return states as StateMask;
  }

  /** Whether the runner may have forgotten a run, or may never have had it. */
  mayBeUnknown(runId: RunID): boolean {
    const run = this.#byId.get(runId);
    if (run?.memory !== 'kept') return true;
    // A call of `run` in flight may have caused it to be forgotten.
    return this.hasOpenOffers && this.terms.history !== 0 && this.#mayBeOver(run);
  }

  /** Whether the runner certainly does not know the run. */
  isUnknown(runId: RunID): boolean {
    const run = this.#byId.get(runId);
    return run === undefined ? !this.hasOpenOffers : run.memory === 'gone';
  }

  /** Time until something next happens to a run by itself, in milliseconds; undefined if unknown. */
  nextEventMs(): number | undefined {
    if (!this.#knowsTimes) return undefined;
    this.updateTimes();
    const now = this.#host.now();
    let next = Infinity;
    for (let at = this.#settled; at < this.#runs.length; at += 1) {
      const { turn, end } = this.#runs[at] as LedgerRun;
      for (const { lo, hi } of [turn, end]) if (lo === hi && lo > now && lo < next) next = lo;
    }
    return next < Infinity ? next - now : undefined;
  }

  /** When a run is over, as far as is known. */
  endOf(run: LedgerRun): Readonly<Span> {
    this.updateTimes();
    return run.end;
  }

  /** All runs whose end was seen, for the checks of the parts. */
  get endedRuns(): readonly EndedRun[] {
    return this.#runs.flatMap((run) => (run.ended === undefined ? [] : [endedRun(run, run.ended)]));
  }

  /** Checks how many runs one answer about all runs shows in the runner, and at work (R58, R64). */
  checkCounts(call: string, statuses: readonly RunStatus[]): void {
    const { capacity, atOnce = Infinity } = this.terms;
    const held = statuses.filter(({ state }) => !isTerminal(state)).length;
    const active = statuses.filter(({ state }) => state === 'RUNNING').length;
    this.#demand(
      held <= capacity,
      'R58 R64',
      `${call}: expected at most ${capacity} runs that are not over, since no more fit, got ${held}`,
    );
    // How many can be at work is the service's claim, and not a rule of the contract.
    if (active > atOnce) {
      this.#host.check(
        false,
        `${call}: expected at most ${atOnce} runs to be RUNNING at once, got ${active}`,
      );
    }
  }

  /** Records all ids that the runner remembers, from an answer about all runs. */
  sawAll(ids: readonly RunID[], sinceMark: number): void {
    if (this.#mark !== sinceMark || this.hasOpenOffers) return;
    const shown = new Set(ids);
    for (const run of this.#runs) {
      if (run.memory !== 'perhaps') continue;
      if (shown.has(run.runId)) run.memory = 'kept';
      else this.#keepGone(run);
    }
    this.#isHistoryKnown = this.terms.history !== undefined;
  }

  /** The current position in the sequence of calls of `run` and their returns. */
  get mark(): number {
    return this.#mark;
  }

  /**
   * Whether a run was certainly accepted before another: of overlapping calls either may have come first, unless calls
   * are served synchronously.
   */
  isBefore(one: LedgerRun, other: LedgerRun): boolean {
    return this.terms.hasExactTimes ? one.order < other.order : one.acceptedMark < other.offeredMark;
  }

  /** How many times `run` has been called so far. */
  get offers(): number {
    return this.#offers;
  }

  #mayRun(run: LedgerRun): boolean {
    return (
      run.runningSeenAtMs < Infinity ||
      (run.drawn.starts && !run.isDrained && run.stopAskedAtMs >= run.turn.lo)
    );
  }

  #checkRoom(runId: RunID, { isLost }: Offer): void {
    this.#demand(
      !isLost,
      'R64 R83',
      `run: expected RUNNER_UNHEALTHY after the end of run ${this.#lostBy} was seen, got run ${runId} accepted`,
    );
    const now = this.#host.now();
    const held = this.#runs.filter(({ ended, end }) => ended === undefined && end.lo > now).length;
    const { capacity } = this.terms;
    this.#demand(
      held < capacity,
      // A capacity of 0 counts as 1.
      capacity === 1 ? 'R59 R64' : 'R58 R64',
      `run: expected RUNNER_BUSY, since ${held} of ${capacity} places are taken, got run ${runId} accepted`,
    );
    const { unhealthy } = this;
    this.#demand(
      unhealthy === undefined || unhealthy.hi >= now,
      'R64 R83',
      `run: expected RUNNER_UNHEALTHY from an unhealthy runner, got run ${runId} accepted`,
    );
  }

  // Fields of a status.

  #checkFields(run: LedgerRun, status: RunStatus): void {
    const { runId, state, snapshotId, exitCode, error } = status;
    if (run.drawn.kind !== 'malformed') this.#checkTags(run, status);
    const fields = FIELDS_OF[state];
    const hasZeros =
      (snapshotId === '' || fields.includes('snapshotId')) &&
      (exitCode === 0 || fields.includes('exitCode')) &&
      (error === '' || fields.includes('error'));
    if (!hasZeros) {
      const shown = `snapshot ${JSON.stringify(snapshotId)}, exit code ${exitCode} and error ${JSON.stringify(error)}`;
      this.#demand(false, 'R11', `run ${runId} is ${state}: expected ${zerosText(fields)}, got ${shown}`);
    }
    this.#demand(
      status.actionResult === undefined || runTypeOf(run.drawn.command.snapshotId) === 'bazel',
      'R11',
      `run ${runId} is ${state}, and no Bazel run: expected no actionResult, got ${JSON.stringify(status.actionResult)}`,
    );
    this.#demand(
      snapshotId === '' || this.terms.parts.hasIngested?.(snapshotId) !== false,
      'R198',
      `run ${runId} is ${state}: expected no snapshot but one that its filer has made, got ${JSON.stringify(snapshotId)}`,
    );
    if (state === 'PENDING' || state === 'RUNNING') this.#checkFirstRefs(run, status);
  }

  #checkFirstRefs(run: LedgerRun, { runId, state, stdoutRef, stderrRef }: RunStatus): void {
    const isBare = stdoutRef === '' && stderrRef === '';
    const isTwo = stdoutRef !== '' && stderrRef !== '' && stdoutRef !== stderrRef;
    if (!isBare) this.#hasRefs = true;
    const isRight = state === 'PENDING' ? isBare : isTwo || (isBare && !this.#hasRefs);
    if (!isRight) {
      const refs = JSON.stringify([stdoutRef, stderrRef]);
      const [rule, expected] = state === 'PENDING' ? ['R12', 'no refs'] : ['R99', 'two refs that differ'];
      this.#demand(false, rule, `run ${runId} is ${state}: expected ${expected}, got ${refs}`);
    }
    if (state === 'RUNNING') Object.assign(run.refs, { stdoutRef, stderrRef });
  }

  #checkTags({ drawn }: LedgerRun, status: RunStatus): void {
    const { jobId = '', taskId = '', tag = '' } = drawn.command;
    const isSame = status.jobId === jobId && status.taskId === taskId && status.tag === tag;
    if (isSame) return;
    const [has, given] = [
      [status.jobId, status.taskId, status.tag],
      [jobId, taskId, tag],
    ].map((tags) => JSON.stringify(tags));
    this.#demand(
      false,
      'R46 R53 R87',
      `run ${status.runId} (${status.state}): expected jobId, taskId and tag ${given}, got ${has}`,
    );
  }

  #checkRefs(run: LedgerRun, { runId, state, stdoutRef, stderrRef }: RunStatus): void {
    const hasRefs = stdoutRef !== '' && stderrRef !== '';
    const mayHaveLogs = this.#mayRun(run) || (state === 'TIMEDOUT' && this.terms.takesTime === true);
    this.#demand(
      mayHaveLogs || (stdoutRef === '' && stderrRef === ''),
      'R98 R105 R71',
      `run ${runId} ended as ${state} and never started: expected no refs, got ${stdoutRef || stderrRef}`,
    );
    this.#checkSameRef(run, 'stdoutRef', stdoutRef);
    this.#checkSameRef(run, 'stderrRef', stderrRef);
    if (hasRefs) this.#hasRefs = true;
    const ran = run.runningSeenAtMs < Infinity || (state === 'COMPLETE' && run.drawn.starts);
    const mustHave = this.#hasRefs && ran;
    this.#demand(
      !mustHave || hasRefs,
      'R99 R206',
      `run ${runId} ran, and ended as ${state}: expected its refs, got none`,
    );
    for (const ref of [stdoutRef, stderrRef]) {
      if (ref === '') continue;
      const other = this.#refs.get(ref);
      this.#demand(
        other === undefined,
        'R160 R161',
        `expected refs of its own for each run, got ${ref} for the runs ${other} and ${runId}`,
      );
      this.#refs.set(ref, runId);
    }
  }

  #checkSameRef({ runId, refs }: LedgerRun, name: keyof LedgerRun['refs'], ref: string): void {
    const had = refs[name];
    this.#demand(
      had === '' || had === this.#localRef(ref),
      'R52 R107 R114',
      `run ${runId} ended: expected the ${name} that it had, ${had}, or its upload, got ${ref}`,
    );
  }

  #localRef(ref: string): string {
    return this.terms.parts.localRef?.(ref) ?? ref;
  }

  #keepEnd(run: LedgerRun, status: RunStatus): void {
    this.#checkEnd(run, status);
    this.#checkRefs(run, status);
    run.ended = status;
    run.ends = maskForState(status.state);
    run.endSeenAtMs = this.#host.now();
    run.offersAtEnd = this.#offers;
    run.end.hi = Math.min(run.end.hi, run.endSeenAtMs);
    this.#reach.end(run.drawn, status);
  }

  /** The end of a run must come from its command, its deadline, an abort, or an unhealthy runner. */
  #checkEnd(run: LedgerRun, status: RunStatus): void {
    const { state, error, runId } = status;
    if (state === 'ABORTED' || state === 'TIMEDOUT') {
      this.#checkStopped(run, status);
      return;
    }
    const isDrain =
      (this.#unhealthy !== undefined || !this.#knowsTimes) &&
      state === 'FAILED' &&
      error === DRAINED_TEXT &&
      run.runningSeenAtMs === Infinity;
    if (isDrain || isOwnEnd(run.drawn.end, status) || this.terms.parts.mayEnd?.(status) === true) return;
    const what = `run ${runId}: expected its end to be ${ownEndText(run.drawn.end)}, got ${endText(status)}`;
    this.#demand(false, 'R3 R110', `${what}\n\n${this.#explain(run)}`);
  }

  #checkStopped(run: LedgerRun, { runId, state, error }: RunStatus): void {
    const isAbort = state === 'ABORTED';
    const hasCause = isAbort ? run.stopAskedAtMs < Infinity : (run.drawn.command.timeoutMs ?? 0) > 0;
    const lacking = isAbort ? 'nobody stopped it' : 'it has no timeout';
    this.#demand(hasCause, 'R203', `run ${runId}: expected no ${state}, since ${lacking}, got ${state}`);
    if (state === 'TIMEDOUT') this.#checkTimedOut(run);
    this.#demand(
      error === '',
      'R12',
      `run ${runId} ended as ${state}: expected no error text, got ${JSON.stringify(error)}`,
    );
  }

  /** Whatever else is known of times: no run is out of time before its timeout has passed since it was offered. */
  #checkTimedOut({ runId, drawn, acceptedAtMs }: LedgerRun): void {
    const now = this.#host.now();
    const dueMs = roundedMs(acceptedAtMs + deadlineOf(drawn));
    this.#demand(
      now >= dueMs - (this.terms.hasExactTimes ? 0 : CLOCK_ROUNDING_MS),
      'R100',
      `run ${runId}, offered at ${acceptedAtMs} ms: expected no TIMEDOUT before ${dueMs} ms, got it at ${now} ms`,
    );
  }

  #explain({ runId, drawn, acceptedAtMs, turn, end, stopAskedAtMs }: LedgerRun): string {
    const { command, end: own, lastsMs } = drawn;
    const argv = command.argv.join(', ');
    const lines = [
      `run ${runId} was accepted at ${acceptedAtMs} ms with the command ${argv}`,
      own === undefined
        ? 'the command goes on until the run is stopped'
        : `the command ends by itself after ${lastsMs} ms, and the run is then ${`${own.state} ${own.exitCode ?? ''}`.trim()}`,
      ...(command.timeoutMs === undefined ? [] : [`the timeout of the run is ${command.timeoutMs} ms`]),
      ...(stopAskedAtMs === Infinity
        ? []
        : [`an abort or a release asked the run to stop at ${stopAskedAtMs} ms`]),
      `so the turn of run ${runId} comes ${spanText(turn)}, and the run is over ${spanText(end)}`,
    ];
    return lines.join('\n');
  }

  /** The rule that is broken if a run is in that state instead of an expected one. */
  #ruleFor(run: LedgerRun, state: RunState, expected: StateMask): string {
    if (run.drawn.kind === 'malformed') return 'R66';
    if (expected === ABORTED) {
      if (run.isReleased) return 'R85';
      return this.abortRule(run.runId, run.stopAskedAtMs, state);
    }
    if (state === 'PENDING') return 'R68';
    if (state === 'RUNNING' && !run.drawn.starts) return 'R98';
    if (state === 'RUNNING' && expected === PENDING) return 'R67';
    if (state === 'TIMEDOUT' || expected === TIMEDOUT) return 'R100';
    if (state === 'ABORTED') return 'R203';
    return state === 'RUNNING' ? 'R3' : 'R3 R110';
  }

  // Times.

  /** Updates all known times to the present. */
  updateTimes(): void {
    const now = this.#host.now();
    let queueState = this.#queueState;
    let isPrefix = true;
    for (let at = this.#settled; at < this.#runs.length; at += 1) {
      const run = this.#runs[at] as LedgerRun;
      queueState = this.#updateTimesOf(run, queueState);
      isPrefix &&= run.ended !== undefined && run.end.hi < now;
      if (!isPrefix) continue;
      this.#settled = at + 1;
      this.#queueState = queueState;
    }
    this.#unhealthy = queueState.unhealthy;
  }

  #updateTimesOf(run: LedgerRun, before: QueueState): QueueState {
    const { turn, end, acceptedAtMs } = run;
    run.isDrained = before.unhealthy !== undefined;
    if (!this.#knowsTimes) {
      turn.lo = acceptedAtMs;
      turn.hi = run.runningSeenAtMs;
      end.lo = acceptedAtMs;
      end.hi = run.endSeenAtMs;
      if (run.ended === undefined) run.ends = ANY_END;
      return { free: { lo: -Infinity, hi: Infinity }, lastCode: 0, unhealthy: undefined };
    }
    turn.lo = Math.max(acceptedAtMs, before.free.lo);
    turn.hi = Math.min(run.runningSeenAtMs, Math.max(acceptedAtMs, before.free.hi));
    if (before.unhealthy !== undefined) this.#boundDrainedEnd(run, before.unhealthy);
    else this.#boundEnd(run);
    const free = { lo: Math.max(before.free.lo, end.lo), hi: Math.max(before.free.hi, end.hi) };
    return this.#updateHealth(run, { ...before, free });
  }

  #boundEnd(run: LedgerRun): void {
    const { turn, end, drawn, acceptedAtMs, stopAskedAtMs: stop } = run;
    const deadline = later(turn, deadlineOf(drawn));
    const natural = later(turn, drawn.lastsMs);
    const [graceLo, graceHi] = this.#graceOf(drawn);
    const stopLo = Math.min(stop + (stop > turn.hi ? graceLo : 0), deadline.lo + graceLo);
    const stopHi = Math.min(stop + (stop < turn.lo ? 0 : graceHi), deadline.hi + graceHi);
    // A malformed command may be FAILED at once, although it is not its turn (R66).
    end.lo = drawn.kind === 'malformed' ? acceptedAtMs : Math.min(natural.lo, roundedMs(stopLo));
    end.hi = Math.min(run.endSeenAtMs, natural.hi, roundedMs(stopHi));
    if (run.ended === undefined) run.ends = endsOf(run, natural, deadline);
  }

  #graceOf({ isStubborn }: DrawnCommand): readonly [lo: number, hi: number] {
    const { graceMs } = this.terms;
    return isStubborn ? [graceMs ?? 0, graceMs ?? UNKNOWN_GRACE_MS] : [0, 0];
  }

  /** Nothing starts in an unhealthy runner, and queued runs fail (R83). */
  #boundDrainedEnd(run: LedgerRun, unhealthy: Span): void {
    const { end, stopAskedAtMs: stop } = run;
    end.lo = Math.max(run.acceptedAtMs, Math.min(stop, unhealthy.lo));
    end.hi = Math.min(run.endSeenAtMs, stop, Math.max(run.acceptedAtMs, unhealthy.hi));
    if (run.ended !== undefined) return;
    run.ends = ((stop <= end.hi ? ABORTED : 0) | (stop >= unhealthy.lo ? FAILED : 0)) as StateMask;
  }

  /** R81. If the end of a run that affects the health is open, no more times are known from then on. */
  #updateHealth(run: LedgerRun, queueState: QueueState): QueueState {
    if (queueState.unhealthy !== undefined || run.stopAskedAtMs < run.turn.lo) return queueState;
    const { ended, drawn, end } = run;
    const ends = ended === undefined ? run.ends : maskForState(ended.state);
    const code = ended?.exitCode ?? drawn.end?.exitCode ?? 0;
    const before = { ...TRUSTED, lastCode: queueState.lastCode };
    if (ended === undefined && end.lo <= this.#host.now() && isHealthOpen(before, ends, code)) {
      this.#knowsTimes = false;
      return queueState;
    }
    const { lastCode, isLost } = afterEnd(before, ends, code);
    return {
      ...queueState,
      lastCode,
      unhealthy: isLost ? { lo: end.lo, hi: end.hi, runId: run.runId } : undefined,
    };
  }

  #findLostBy(): RunID | undefined {
    const failed = this.#runs.filter(costsHealth);
    const decisive = failed.find((run) => {
      const { exitCode = 0 } = run.ended ?? {};
      if (exitCode === LOST_AT_ONCE) return true;
      // An offer in flight may have become a run between two others.
      return !this.hasOpenOffers && failed.some((first) => this.#isRow(first, run));
    });
    return decisive?.runId;
  }

  /** Whether two runs failed with the same code, and certainly no run between them broke the row. */
  #isRow(first: LedgerRun, last: LedgerRun): boolean {
    if (first.ended?.exitCode !== last.ended?.exitCode || !this.isBefore(first, last)) return false;
    return this.#runs.every((run) => {
      if (run === first || run === last || run.ended?.state === 'ABORTED') return true;
      return this.isBefore(run, first) || this.isBefore(last, run);
    });
  }

  // History.

  /** Records that another run was made: if there are too many, the oldest that is over is forgotten (R47, R48). */
  #forget({ order }: Offer): void {
    const { history } = this.terms;
    if (history === 0) return;
    const kept = this.#runs.filter(({ memory }) => memory !== 'gone');
    if (!this.#isHistoryKnown || history === undefined || !this.#knowsTimes) {
      if (kept.length > (history ?? 1)) this.#markPerhapsForgotten(kept);
      return;
    }
    for (let surplus = kept.length - history; surplus > 0; surplus -= 1) {
      const first = kept.find((run) => run.memory === 'kept' && this.#mayBeOver(run));
      if (first === undefined) return;
      // A run whose end was seen only after the call of `run` may not have been over when that call made its run.
      const isOpen =
        first.ended === undefined ? first.end.hi >= this.#host.now() : first.offersAtEnd >= order;
      if (isOpen) {
        this.#isHistoryKnown = false;
        this.#markPerhapsForgotten(kept);
        return;
      }
      this.#keepGone(first);
      this.#reach.note('a run that was forgotten');
    }
  }

  #keepGone(run: LedgerRun): void {
    run.memory = 'gone';
    run.goneAtMs = this.#host.now();
  }

  #mayBeOver({ ended, end }: LedgerRun): boolean {
    return ended !== undefined || end.lo <= this.#host.now();
  }

  #markPerhapsForgotten(kept: readonly LedgerRun[]): void {
    for (const run of kept) if (run.memory === 'kept' && this.#mayBeOver(run)) run.memory = 'perhaps';
  }

  #demand(condition: boolean, rule: string, message: string): void {
    if (!condition) this.#host.check(false, `${rule} ${message}`);
  }
}

/** Whether a run that was seen to end, and had its turn, ended with a code that may cost the runner its health. */
function costsHealth({ drawn, ended }: LedgerRun): boolean {
  if (ended?.state !== 'FAILED' || drawn.kind === 'malformed' || ended.error === DRAINED_TEXT) return false;
  return ended.exitCode === LOST_AT_ONCE || LOST_IN_A_ROW.includes(ended.exitCode);
}

/** Longer than any grace. */
const UNKNOWN_GRACE_MS = 60_000;

function deadlineOf({ command }: DrawnCommand): number {
  const { timeoutMs = 0 } = command;
  return timeoutMs > 0 ? timeoutMs : Infinity;
}

/** The span, `ms` later. */
function later({ lo, hi }: Span, ms: number): Span {
  return { lo: roundedMs(lo + ms), hi: roundedMs(hi + ms) };
}

/** The possible ends: the earliest cause wins; of simultaneous causes, each may (R104). */
function endsOf(
  { drawn, end, turn, stopAskedAtMs: stop }: LedgerRun,
  natural: Span,
  deadline: Span,
): StateMask {
  let ends = 0;
  const own = drawn.end?.state === 'FAILED' ? FAILED : COMPLETE;
  const isDue = drawn.end !== undefined && natural.lo <= Math.min(stop, deadline.hi) && stop >= turn.lo;
  if (isDue || drawn.kind === 'malformed') ends |= own;
  if (stop <= end.hi) ends |= ABORTED;
  if (deadline.lo <= end.hi && stop >= end.lo && deadline.lo <= natural.hi) ends |= TIMEDOUT;
  return ends as StateMask;
}

function isOwnEnd(end: ExpectedEnd | undefined, { state, exitCode, error }: RunStatus): boolean {
  if (end?.state !== state || (end.exitCode !== undefined && end.exitCode !== exitCode)) return false;
  return end.error === undefined ? end.hasError?.(error) === true : end.error === error;
}

function endText({ state, exitCode, error }: RunStatus): string {
  return `${state} ${exitCode}${error === '' ? '' : ` (${JSON.stringify(error)})`}`;
}

function ownEndText(end: ExpectedEnd | undefined): string {
  if (end === undefined) return 'no end before it is stopped';
  const { state, exitCode = 'with any exit code', error } = end;
  return `${state} ${exitCode}${error === undefined || error === '' ? '' : ` (${JSON.stringify(error)})`}`;
}

function endedRun(run: LedgerRun, status: RunStatus): EndedRun {
  const { runId, drawn, acceptedAtMs, stopAskedAtMs, runningSeenAtMs } = run;
  return {
    runId,
    command: drawn.command,
    acceptedAtMs,
    stopAskedAtMs: stopAskedAtMs === Infinity ? undefined : stopAskedAtMs,
    wasRunning: runningSeenAtMs < Infinity,
    isMalformed: drawn.kind === 'malformed',
    status,
  };
}

/** The states as a text: `RUNNING or COMPLETE`; `over` if there are none. */
function statesText(states: StateMask): string {
  const names = ALL_STATES.filter((state) => maskMatches(states, state));
  return names.length === 0
    ? 'over'
    : `${names.slice(0, -1).join(', ')}${names.length > 1 ? ' or ' : ''}${names.at(-1) ?? ''}`;
}

/** The fields that must be empty in a state, in words. */
function zerosText(valid: readonly string[]): string {
  const zeros = ['snapshotId', 'exitCode', 'error'].filter((field) => !valid.includes(field));
  return zeros.length === 0 ? 'valid fields' : `no ${zeros.join(', no ')}`;
}

function spanText({ lo, hi }: Span): string {
  if (lo === hi) return lo === Infinity ? 'never' : `at ${lo} ms`;
  return hi === Infinity ? `at ${lo} ms or later` : `from ${lo} to ${hi} ms`;
}
