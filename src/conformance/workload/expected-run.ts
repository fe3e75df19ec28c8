/**
 * What the contract says of one run whose collaborators behave as planned: which of them is called when, what is
 * cancelled, how and when the run ends, and what is counted (R87–R116, R176–R182). Invariants: it is written from the
 * contract and independent of the invoker; simultaneous events may come in either order, and each order is one
 * expectation (R104).
 */
import type { ProcessStatus } from '../../model/execer.ts';
import { METRIC_NAMES } from '../../model/metrics.ts';
import { BOUND_MS, type Work } from './drawn-work.ts';
import { ABORT_TRAILER, type BodyFacts, timeoutTrailer, type Trailer } from './log-text.ts';
import type { ExpectedMetric } from './metrics-judge.ts';
import {
  LOCAL_BOUND_MS,
  LOGS,
  memoryReportAt,
  NO_SPACE,
  UPLOAD_BOUND_MS,
  type PartCall,
  type PartsSetup,
  type RunPlan,
} from './planned-parts.ts';

/** How a run ends. */
export interface ExpectedOutcome {
  readonly state: 'COMPLETE' | 'FAILED' | 'ABORTED' | 'TIMEDOUT';
  readonly exitCode: number;
  /** The text, or its beginning if `isTextOpen`. */
  readonly error: string;
  readonly isTextOpen: boolean;
  /** Whether the logs are uploaded (R115). */
  readonly uploads: boolean;
}

/** One way in which a run may go. */
export interface ExpectedRun {
  /** What its collaborators see while it lives, in order. */
  readonly calls: readonly PartCall[];
  /** What collaborators that were given up see. */
  readonly lateCalls: readonly PartCall[];
  readonly outcome: ExpectedOutcome;
  readonly endMs: number;
  /** When it becomes RUNNING; undefined if it never does. */
  readonly running: ExpectedRunning | undefined;
  /** Where its logs are at its end: stdout and stderr. */
  readonly refs: readonly [stdout: LogPlace, stderr: LogPlace];
  /** What is in its logs; undefined if there are none. */
  readonly logs: ExpectedLogs | undefined;
  readonly metrics: readonly ExpectedMetric[];
  /** Whether it has left the queue. */
  readonly hasStarted: boolean;
  /** What it reached, in words. */
  readonly reached: readonly Reached[];
}

/** What is in the logs of a run after their headers. */
export interface ExpectedLogs extends Omit<BodyFacts, 'written' | 'amount'> {
  /** How much is there of what the process writes; anything if it may have been started after it was given up. */
  readonly amount: BodyFacts['amount'] | 'anything';
}

/** RUNNING (R99). */
export interface ExpectedRunning {
  readonly atMs: number;
  /** False if it may be skipped, because the process ends, or is stopped, in the instant of its start. */
  readonly isSure: boolean;
}

/** What runs with plans must reach in some execution. */
export const PLANNED_REACH = [
  'a checkout failed',
  'a filer was updated',
  'a postprocessor was given up',
  'a process could not be started',
  'a process was given up',
  'a process was killed for its memory',
  'a release failed',
  'a run was aborted after its deadline',
  'a run was aborted during an upload',
  'a run was aborted in the queue',
  'a run was aborted while it was measured',
  'a run was failed in the queue of an unhealthy runner',
  'a run was stopped by abort during checkout',
  'a run was stopped by abort during exec',
  'a run was stopped by abort during outputs',
  'a run was stopped by abort during preprocess',
  'a run was stopped by abort during process',
  'a run was stopped by abort during temporary directory',
  'a run was stopped by deadline during checkout',
  'a run was stopped by deadline during exec',
  'a run was stopped by deadline during outputs',
  'a run was stopped by deadline during preprocess',
  'a run was stopped by deadline during process',
  'a run was stopped by deadline during temporary directory',
  'an output could not be created',
  'an update was given up',
  'an upload took too long',
  'an upload was given up',
  'checkout was given up',
  'exec was given up',
  'measure was given up',
  'one of two init signals failed',
  'preprocess was given up',
  'release was given up',
  'temporary directory was given up',
  'the runner became unhealthy',
  'two init signals failed',
  'two init signals succeeded',
] as const;

/** Something that some run with a plan has to reach. */
export type PlannedReach = (typeof PLANNED_REACH)[number];

/** Anything that a run can reach: what must be reached, and stops and given-up collaborators, which need not occur. */
export type Reached = PlannedReach | `a run was stopped by ${string}` | `${string} was given up`;

/** Where a log is. */
export type LogPlace = 'nowhere' | 'local' | 'uploaded';

/** When a run starts, and when it is asked to stop. */
export interface RunTimes {
  readonly startMs: number;
  /** Infinity if it is not aborted. */
  readonly abortMs: number;
}

/** All ways in which a run may go: more than one only if several events are simultaneous. */
export function expectRun(plan: RunPlan, setup: PartsSetup, times: RunTimes): ExpectedRun[] {
  const found: ExpectedRun[] = [];
  const open: boolean[][] = [[]];
  for (let answers = open.pop(); answers !== undefined; answers = open.pop()) {
    const taken = answers;
    let asked = 0;
    const decide = (): boolean => {
      const at = asked;
      asked += 1;
      if (at < taken.length) return taken[at] as boolean;
      open.push([...taken, true]);
      taken.push(false);
      return false;
    };
    found.push(new ExpectedLife(plan, setup, times, decide).live());
  }
  return found;
}

const OUTCOME = { exitCode: 0, error: '', isTextOpen: false };
const ABORTED: ExpectedOutcome = { ...OUTCOME, state: 'ABORTED', uploads: false };
const TIMEDOUT: ExpectedOutcome = { ...OUTCOME, state: 'TIMEDOUT', uploads: true };

function failed(exitCode: number, error: string, isTextOpen = false): ExpectedOutcome {
  return { state: 'FAILED', exitCode, error, isTextOpen, uploads: false };
}

/** Calls of collaborators that every runner with collaborators takes from outside. */
const OUTSIDE = /^(cancel )?(preprocess|checkout|upload|postprocess)/;

type WorkEnd = 'done' | 'failed' | 'abandoned';

/** The course of one run. */
class ExpectedLife {
  readonly #plan: RunPlan;
  readonly #setup: PartsSetup;
  readonly #startMs: number;
  readonly #decide: () => boolean;
  readonly #calls: PartCall[] = [];
  readonly #lateCalls: PartCall[] = [];
  readonly #metrics: ExpectedMetric[] = [];
  readonly #reached: Reached[] = [];
  readonly #deadlineMs: number;
  /** When it is aborted; Infinity once the abort has taken effect. */
  #abortMs: number;
  #nowMs: number;
  #stop: 'none' | 'abort' | 'deadline' = 'none';
  #isHurried = false;
  #isCheckedOut = false;
  #isOpened = false;
  #hasLogs = false;
  #hasProcess = false;
  #running: ExpectedRunning | undefined;
  #hasStartSizes = false;
  #amount: ExpectedLogs['amount'] = 'nothing';
  readonly #trailers: Trailer[] = [];
  /** The contract has words only for the trailer of a run that is stopped while its process runs. */
  #mustHaveTrailer = false;
  readonly #uploaded = new Set<string>();
  #outcome: ExpectedOutcome | undefined;

  constructor(plan: RunPlan, setup: PartsSetup, { startMs, abortMs }: RunTimes, decide: () => boolean) {
    const { timeoutMs = 0 } = plan.command;
    this.#plan = plan;
    this.#setup = setup;
    this.#startMs = startMs;
    this.#nowMs = startMs;
    this.#abortMs = abortMs;
    this.#deadlineMs = timeoutMs > 0 ? startMs + timeoutMs : Infinity;
    this.#decide = decide;
  }

  live(): ExpectedRun {
    if (!this.#isFirst(this.#startMs, this.#abortMs)) return this.#neverStarted();
    const outcome = this.#untilEnd();
    this.#outcome = outcome;
    if (this.#hasProcess) this.#measure();
    if (this.#isOpened && this.#outcome.uploads && this.#hasLogs) this.#upload();
    if (this.#hasLogs) this.#closeLogs();
    if (this.#isCheckedOut) this.#afterEnd('release', this.#plan.release, BOUND_MS, false);
    this.#postprocess();
    this.#count(METRIC_NAMES.TASK_LATENCY_MS, this.#nowMs - this.#startMs);
    return this.#ended(this.#outcome, true);
  }

  #closeLogs(): void {
    for (const log of LOGS) this.#call(`close ${log}`);
    const isLost = this.#setup.hasMachine && this.#plan.outputs.includes('cannot be closed');
    if (!isLost || this.#outcome?.state !== 'COMPLETE' || this.#outcome.error !== '') return;
    // R123.
    this.#outcome = { ...this.#outcome, error: `the logs are incomplete: ${NO_SPACE}` };
  }

  #neverStarted(): ExpectedRun {
    this.#nowMs = this.#abortMs;
    this.#reached.push('a run was aborted in the queue');
    return this.#ended(ABORTED, false);
  }

  #ended(outcome: ExpectedOutcome, hasStarted: boolean): ExpectedRun {
    const placeOf = (log: string): LogPlace => {
      if (outcome.uploads && this.#uploaded.has(log)) return 'uploaded';
      return this.#running !== undefined || (outcome.uploads && this.#hasLogs) ? 'local' : 'nowhere';
    };
    return {
      calls: this.#calls.filter((call) => this.#isSeen(call)),
      lateCalls: this.#lateCalls.filter((call) => call.atMs < Infinity && this.#isSeen(call)),
      outcome,
      endMs: this.#nowMs,
      running: this.#running,
      refs: [placeOf('stdout'), placeOf('stderr')],
      logs: this.#logs(),
      metrics: this.#metrics,
      hasStarted,
      reached: this.#reached,
    };
  }

  /** Whether the calls are visible from outside: those of a runner's own parts are not. */
  #isSeen({ text }: PartCall): boolean {
    if (this.#setup.hasMachine) return true;
    const isOfSnapshot = (this.#plan.command.snapshotId ?? '') !== '';
    return OUTSIDE.test(text) || (text === 'release' && isOfSnapshot);
  }

  #logs(): ExpectedLogs | undefined {
    if (!this.#hasLogs) return undefined;
    return { amount: this.#amount, trailers: this.#trailers, mustHaveTrailer: this.#mustHaveTrailer };
  }

  /** From the start to the end of the process. */
  #untilEnd(): ExpectedOutcome {
    return this.#preprocess() ?? this.#checkout() ?? this.#outputs() ?? this.#exec() ?? this.#wait();
  }

  #preprocess(): ExpectedOutcome | undefined {
    for (const [index, work] of this.#plan.preprocess.entries()) {
      this.#beforeEnd(`preprocess ${index + 1}`, work, BOUND_MS, true);
      if (this.#stop !== 'none') return this.#stopped('preprocess');
    }
    return undefined;
  }

  #checkout(): ExpectedOutcome | undefined {
    const { command, checkout, release } = this.#plan;
    const { snapshotId = '' } = command;
    // A Bazel run has no request data here (R185).
    if (!this.#setup.hasFiler || snapshotId.startsWith('bz-')) return failed(200, '', true);
    const text = snapshotId === '' ? 'temporary directory' : 'checkout';
    const end = snapshotId === '' ? this.#makeDirectory(text) : this.#download(text);
    this.#isCheckedOut = end === 'done';
    if (this.#isCheckedOut && release.fails !== undefined) this.#reached.push('a release failed');
    if (this.#stop !== 'none') return this.#stopped(text);
    if (end !== 'failed') return undefined;
    this.#reached.push('a checkout failed');
    return failed(checkout.fails?.exitCode ?? 210, checkout.fails?.text ?? '');
  }

  #download(text: string): WorkEnd {
    const beganMs = this.#nowMs;
    this.#count(METRIC_NAMES.DOWNLOADS, 1);
    const end = this.#makeDirectory(text);
    const isSure = this.#stop === 'none';
    if (isSure || end !== 'abandoned') {
      this.#count(METRIC_NAMES.DOWNLOAD_LATENCY_MS, this.#nowMs - beganMs, isSure);
    }
    return end;
  }

  /** A directory that arrives after it was given up is released when it arrives (R106). */
  #makeDirectory(text: string): WorkEnd {
    const { checkout } = this.#plan;
    return this.#beforeEnd(text, checkout, BOUND_MS, text === 'checkout', (lateMs) => {
      if (checkout.fails === undefined) this.#lateCalls.push({ atMs: lateMs, text: 'release' });
    });
  }

  #outputs(): ExpectedOutcome | undefined {
    this.#isOpened = true;
    for (const [index, plan] of this.#plan.outputs.entries()) {
      const name = LOGS[index] as string;
      this.#call(`create ${name}`);
      if (plan !== 'cannot be created') continue;
      for (const made of LOGS.slice(0, index)) this.#call(`close ${made}`);
      this.#reached.push('an output could not be created');
      return failed(
        220,
        `could not create ${name === 'stdlog' ? 'combined stdout/stderr' : name}: ${NO_SPACE}`,
      );
    }
    this.#hasLogs = true;
    const [sizes] = this.#plan.sizes;
    if (sizes === undefined) return undefined;
    const end = this.#beforeEnd('measure 1', sizes, LOCAL_BOUND_MS, false);
    this.#hasStartSizes = end === 'done';
    return this.#stop === 'none' ? undefined : this.#stopped('outputs');
  }

  #exec(): ExpectedOutcome | undefined {
    const { exec, lastsMs } = this.#plan.process;
    const end = this.#beforeEnd('exec', exec, BOUND_MS, false, (lateMs) => {
      if (exec.fails === undefined && lastsMs > 0) {
        this.#lateCalls.push({ atMs: lateMs, text: 'stop process' });
      }
    });
    if (end === 'done') return undefined;
    if (end === 'abandoned') this.#amount = 'anything';
    if (this.#stop !== 'none') return this.#stopped('exec');
    this.#reached.push('a process could not be started');
    return failed(240, `could not exec: ${exec.fails?.text ?? ''}`, exec.fails?.isTextOpen === true);
  }

  #wait(): ExpectedOutcome {
    const { lastsMs, memoryMs, killMs } = this.#plan.process;
    const endMs = this.#nowMs + lastsMs;
    this.#hasProcess = true;
    // When a process of the runner's own writes is not known.
    this.#amount = this.#setup.hasMachine ? 'all' : 'a part';
    if (this.#stop !== 'none') return this.#killedAtStart(endMs);
    const isOverCap = memoryMs < lastsMs;
    const firstMs = isOverCap ? this.#nowMs + memoryMs : endMs;
    const stop = this.#nextStop();
    const isSure = Math.min(firstMs, stop?.atMs ?? Infinity) > this.#nowMs;
    this.#running = { atMs: this.#nowMs, isSure };
    if (this.#mayBeStopped(lastsMs) && stop !== undefined && !this.#isFirst(firstMs, stop.atMs)) {
      this.#takeStop(stop.cause);
      // The report may already have been handed over in this instant; then there is nothing left to stop.
      const isReported = isOverCap && stop.atMs === firstMs && this.#decide();
      if (isReported) this.#reportMemory(memoryMs);
      this.#mustHaveTrailer = isSure;
      return this.#killed(stop.atMs, isReported ? firstMs : endMs, killMs);
    }
    this.#nowMs = firstMs;
    if (!isOverCap) return this.#naturalEnd();
    const { state, exitCode, error } = this.#reportMemory(memoryMs);
    this.#mustHaveTrailer = true;
    this.#reached.push('a process was killed for its memory');
    return {
      state: state === 'FAILED' ? 'FAILED' : 'COMPLETE',
      exitCode,
      error,
      isTextOpen: false,
      uploads: true,
    };
  }

  #reportMemory(memoryMs: number): ProcessStatus {
    const { status } = memoryReportAt(memoryMs);
    this.#count(METRIC_NAMES.MEMORY_CAP_EXCEEDED, 1);
    this.#trailers.push({ rule: 'R111', text: status.error });
    return status;
  }

  /** The process of a run that was stopped while it was being started. */
  #killedAtStart(endMs: number): ExpectedOutcome {
    const { memoryMs, killMs } = this.#plan.process;
    const isReported = memoryMs === 0 && this.#decide();
    if (isReported) this.#reportMemory(memoryMs);
    return this.#killed(this.#nowMs, isReported ? this.#nowMs : endMs, killMs);
  }

  /** A process of the runner's own that takes no time may end synchronously or an event later. */
  #mayBeStopped(lastsMs: number): boolean {
    return lastsMs > 0 || !this.#setup.hasMachine;
  }

  #killed(atMs: number, endMs: number, killMs: number): ExpectedOutcome {
    if (atMs < endMs) this.#calls.push({ atMs, text: 'stop process' });
    const backMs = Math.min(endMs, atMs + killMs);
    const boundMs = this.#setup.hasMachine ? BOUND_MS : Infinity;
    this.#nowMs = Math.min(backMs, atMs + boundMs);
    if (backMs > this.#nowMs) this.#reached.push('a process was given up');
    this.#honourAbort(atMs);
    return this.#stopped('process');
  }

  #naturalEnd(): ExpectedOutcome {
    const { status, isTextOpen = false } = this.#plan.process;
    this.#amount = 'all';
    const { state, exitCode, error } = status;
    switch (state) {
      case 'COMPLETE':
        return { state, exitCode, error, isTextOpen, uploads: true };
      case 'FAILED':
        return failed(exitCode === 0 ? 250 : exitCode, `error execing: ${error}`);
      case 'UNKNOWN':
      case 'RUNNING':
        return failed(250, 'unexpected exec state', true);
    }
  }

  /** The outcome of a run that was stopped before the end of its process. */
  #stopped(where: string): ExpectedOutcome {
    this.#isHurried = true;
    this.#reached.push(`a run was stopped by ${this.#stop} during ${where}`);
    this.#trailers.push(this.#stop === 'abort' ? ABORT_TRAILER : this.#timeoutTrailer());
    return this.#stop === 'abort' ? ABORTED : TIMEDOUT;
  }

  #timeoutTrailer(): Trailer {
    return timeoutTrailer(this.#deadlineMs - this.#startMs);
  }

  #measure(): void {
    const sizes = this.#plan.sizes[1];
    if (sizes === undefined || !this.#hasStartSizes) return;
    const end = this.#afterEnd('measure 2', sizes, LOCAL_BOUND_MS, true);
    const isSure = end === 'done';
    if (end !== 'failed') this.#count('commandDirUsage_kb_work', Number(this.#plan.name), isSure);
  }

  #upload(): void {
    const { uploads } = this.#plan;
    if (uploads.length === 0) return;
    const beganMs = this.#nowMs;
    for (const [index, name] of ['stdlog', 'stderr', 'stdout'].entries()) {
      if (!this.#uploadOne(name, uploads[index] as Work)) break;
    }
    const isAborted = this.#outcome?.state === 'ABORTED';
    if (!isAborted && this.#abortMs === this.#nowMs && this.#decide()) this.#abortUpload();
    this.#count(METRIC_NAMES.UPLOAD_LATENCY_MS, isAborted ? NaN : this.#nowMs - beganMs, !isAborted);
  }

  /** False if the run was aborted during the upload. */
  #uploadOne(name: string, work: Work): boolean {
    const beganMs = this.#nowMs;
    this.#call(`upload ${name}`);
    const naturalMs = beganMs + work.takesMs;
    const hasLimit = this.#setup.uploader === 'with limit' && !(work.takesMs === 0 && work.inCall === true);
    const limitMs = hasLimit ? beganMs + UPLOAD_BOUND_MS : Infinity;
    const endMs = Math.min(naturalMs, limitMs);
    if (!this.#isFirst(endMs, this.#abortMs)) {
      this.#cutUpload(name, work, beganMs, endMs);
      return false;
    }
    this.#nowMs = endMs;
    if (naturalMs > limitMs) {
      this.#call(`cancel upload ${name}`);
      this.#reached.push('an upload took too long');
    }
    const isDone = naturalMs <= limitMs && work.fails === undefined;
    if (isDone) this.#uploaded.add(name);
    this.#count(isDone ? METRIC_NAMES.UPLOADS : METRIC_NAMES.LOG_UPLOAD_FAILURES, 1);
    this.#count(METRIC_NAMES.LOG_UPLOAD_LATENCY_MS, endMs - beganMs);
    return true;
  }

  #cutUpload(name: string, work: Work, beganMs: number, endMs: number): void {
    const atMs = Math.max(this.#abortMs, beganMs);
    const naturalMs = beganMs + work.takesMs;
    if (atMs < naturalMs) this.#calls.push({ atMs, text: `cancel upload ${name}` });
    const backMs = atMs < naturalMs ? Math.min(endMs, atMs + work.cancelMs) : endMs;
    this.#nowMs = Math.min(backMs, atMs + BOUND_MS);
    if (backMs > this.#nowMs) this.#reached.push('an upload was given up');
    this.#count(METRIC_NAMES.LOG_UPLOAD_LATENCY_MS, NaN, false);
    this.#count(METRIC_NAMES.UPLOADS, 1, false);
    this.#count(METRIC_NAMES.LOG_UPLOAD_FAILURES, 1, false);
    this.#abortUpload();
  }

  #abortUpload(): void {
    this.#reached.push('a run was aborted during an upload');
    this.#abortMs = Infinity;
    this.#isHurried = true;
    this.#abortAfterEnd();
  }

  #postprocess(): void {
    const { postprocess } = this.#plan;
    const boundMs = postprocess.length * BOUND_MS;
    let overMs = this.#limitMs(boundMs);
    for (const [index, work] of postprocess.entries()) {
      const text = `postprocess ${index + 1}`;
      this.#call(text);
      const naturalMs = this.#nowMs + work.takesMs;
      if (!this.#isHurried && !this.#isFirst(Math.min(naturalMs, overMs), this.#abortMs)) {
        overMs = Math.min(overMs, Math.max(this.#abortMs, this.#nowMs) + boundMs);
        this.#abortMs = Infinity;
        this.#isHurried = true;
      }
      if (naturalMs > overMs) {
        this.#nowMs = overMs;
        this.#call(`cancel ${text}`);
        this.#postprocessLate(index, Math.min(naturalMs, overMs + work.cancelMs));
        return;
      }
      this.#nowMs = naturalMs;
    }
  }

  /**
   * Every postprocessor runs on every path (R90): also those after one that was given up, each asked to stop at once.
   */
  #postprocessLate(index: number, backMs: number): void {
    this.#reached.push('a postprocessor was given up');
    let atMs = backMs;
    for (const [later, work] of this.#plan.postprocess.entries()) {
      if (later <= index || atMs === Infinity) continue;
      this.#lateCalls.push({ atMs, text: `postprocess ${later + 1}` });
      if (work.takesMs > 0) this.#lateCalls.push({ atMs, text: `cancel postprocess ${later + 1}` });
      atMs += Math.min(work.takesMs, work.cancelMs);
    }
  }

  /** Work before the end of the process, which an abort and the deadline stop. */
  #beforeEnd(
    text: string,
    work: Work,
    boundMs: number,
    honoursCancel: boolean,
    onLate: (atMs: number) => void = () => undefined,
  ): WorkEnd {
    this.#call(text);
    const naturalMs = this.#nowMs + work.takesMs;
    const byItself: WorkEnd = work.fails === undefined ? 'done' : 'failed';
    const stop = this.#nextStop();
    if (stop === undefined || this.#isFirst(naturalMs, stop.atMs)) {
      this.#nowMs = naturalMs;
      return byItself;
    }
    const atMs = Math.max(stop.atMs, this.#nowMs);
    this.#takeStop(stop.cause);
    const isCancelled = honoursCancel && atMs < naturalMs;
    if (isCancelled) this.#calls.push({ atMs, text: `cancel ${text}` });
    const cancelledMs = isCancelled ? atMs + work.cancelMs : Infinity;
    const isByItself = cancelledMs === Infinity || this.#isFirst(naturalMs, cancelledMs);
    const backMs = isByItself ? naturalMs : cancelledMs;
    const isKept = backMs <= atMs + boundMs;
    this.#nowMs = isKept ? backMs : atMs + boundMs;
    this.#honourAbort(atMs);
    if (isKept) return isByItself ? byItself : 'failed';
    this.#reached.push(`${text.replace(/ \d$/, '')} was given up`);
    if (isByItself) onLate(backMs);
    return 'abandoned';
  }

  /**
   * Work after the end of the process, other than uploads. A deadline no longer affects the outcome, and an abort only
   * before the last upload (R103, R109).
   */
  #afterEnd(text: string, work: Work, boundMs: number, isInTime: boolean): WorkEnd {
    this.#call(text);
    const beganMs = this.#nowMs;
    const naturalMs = beganMs + work.takesMs;
    let overMs = this.#limitMs(boundMs);
    if (!this.#isFirst(Math.min(naturalMs, overMs), this.#abortMs)) {
      const atMs = Math.max(this.#abortMs, beganMs);
      overMs = Math.min(overMs, atMs + boundMs);
      this.#abortMs = Infinity;
      this.#isHurried = true;
      if (isInTime && this.#outcome?.uploads === true) {
        this.#abortAfterEnd();
        this.#reached.push('a run was aborted while it was measured');
      }
    }
    const isKept = naturalMs <= overMs;
    this.#nowMs = isKept ? naturalMs : overMs;
    if (!isKept) this.#reached.push(`${text.replace(/ \d$/, '')} was given up`);
    if (!isKept) return 'abandoned';
    return work.fails === undefined ? 'done' : 'failed';
  }

  /** R108: a trailer names what stopped the process; if nothing did, it may name the abort. */
  #abortAfterEnd(): void {
    this.#outcome = ABORTED;
    this.#stop = 'abort';
    if (!this.#mustHaveTrailer) this.#trailers.push(ABORT_TRAILER);
  }

  /** When work that begins now, after the end of the process, is given up: its bound counts from the first stop (R102). */
  #limitMs(boundMs: number): number {
    return (this.#isHurried ? this.#nowMs : Math.max(this.#nowMs, this.#deadlineMs)) + boundMs;
  }

  /** A run that its deadline stops is ABORTED if it is aborted before its phase is over. */
  #honourAbort(sinceMs: number): void {
    if (this.#stop !== 'deadline' || this.#abortMs < sinceMs || this.#abortMs > this.#nowMs) return;
    if (this.#abortMs === this.#nowMs && !this.#decide()) return;
    this.#stop = 'abort';
    this.#abortMs = Infinity;
    this.#trailers.push(this.#timeoutTrailer());
    this.#reached.push('a run was aborted after its deadline');
  }

  #nextStop(): { readonly atMs: number; readonly cause: 'abort' | 'deadline' } | undefined {
    const [abortMs, deadlineMs] = [this.#abortMs, this.#deadlineMs];
    if (abortMs === Infinity && deadlineMs === Infinity) return undefined;
    return this.#isFirst(abortMs, deadlineMs)
      ? { atMs: abortMs, cause: 'abort' }
      : { atMs: deadlineMs, cause: 'deadline' };
  }

  #takeStop(cause: 'abort' | 'deadline'): void {
    this.#stop = cause;
    if (cause === 'abort') this.#abortMs = Infinity;
    else this.#count(METRIC_NAMES.TIMEOUTS, 1);
    this.#isHurried = true;
  }

  /** Whether the first is before the second; if they are simultaneous, either may be. */
  #isFirst(oneMs: number, otherMs: number): boolean {
    return oneMs === otherMs ? oneMs === Infinity || this.#decide() : oneMs < otherMs;
  }

  #call(text: string): void {
    this.#calls.push({ atMs: this.#nowMs, text });
  }

  #count(name: string, value: number, isSure = true): void {
    this.#metrics.push({ name, value, isSure });
  }
}
