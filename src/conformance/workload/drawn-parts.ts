/**
 * The drawn options and collaborators of a runner under a workload. Most leave the times and ends of its runs
 * unchanged.
 */
import { thing } from '../../kernel/question.ts';
import { WORKER_UNHEALTHY_MSG } from '../../model/messages.ts';
import type { Command } from '../../model/command.ts';
import { composeFiler } from '../../filers/composed-filer.ts';
import { createVirtualFiler } from '../../filers/fake-filer.ts';
import type { Checkout, Filer } from '../../model/filer.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import type { LogUploader, Processor } from '../../model/collaborators.ts';
import { isPending, type MaybePromise, whenThere } from '../../model/maybe-promise.ts';
import type { Output } from '../../model/output.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { ConformanceSubject, SubjectOptions } from '../subject.ts';
import type { Draws } from './draws.ts';
import { BOUND_MS, carryOut, drawCheckout, drawWork, type Work } from './drawn-work.ts';
import { MetricsJudge, type SeenRuns } from './metrics-judge.ts';
import { UPDATE_INTERVAL_MS, UPLOAD_BOUND_MS, uploadedUrl } from './planned-parts.ts';
import { RecordedMetrics } from './recorded-metrics.ts';
import type { RunnerReach } from './runner-reach.ts';
import type { WorkloadHost } from './workload-host.ts';

/** A run that is over, as its workload knows it. */
export interface EndedRun {
  readonly runId: RunID;
  /** The command that was offered. */
  readonly command: Command;
  readonly acceptedAtMs: number;
  /** When the first abort or release that concerned it was called; undefined if there was none. */
  readonly stopAskedAtMs: number | undefined;
  /** Whether it was seen RUNNING. */
  readonly wasRunning: boolean;
  /** Whether its command is none. */
  readonly isMalformed: boolean;
  readonly status: RunStatus;
}

/** The parts drawn for one runner. */
export interface DrawnParts {
  /** Options other than capacity, history and prefix, which the workload draws itself. */
  readonly options: SubjectOptions;
  /** Adds what the parts need to a command, such as a snapshot or a run type. Absent: commands run unchanged. */
  prepare?(draws: Draws, command: Command, mark: string): Command;
  /** Whether the parts leave the times of runs unchanged. Default true. */
  readonly keepsTimes?: boolean;
  /**
   * Whether a run may have ended with this status because of the parts. Absent: every run ends as it would by itself.
   */
  mayEnd?(status: RunStatus): boolean;
  /** Whether logs are uploaded, so that an abort may come after the end of the process. Default false. */
  readonly hasUploads?: boolean;
  /** Where the runner keeps a log, given the ref in its status. Absent: at that ref. */
  localRef?(ref: string): string;
  /** Whether its filers have made that snapshot. Absent: it may be one of the runner's own filers. */
  hasIngested?(snapshotId: string): boolean;
  /** Ends everything that never ends by itself, after the release. */
  endLeaks?(): void;
  /**
   * Called after the release, with the runs in order of acceptance: checks what the parts have seen, by `host.check`.
   */
  check(runs: readonly EndedRun[]): void;
}

/**
 * Draws the parts for one runner: metrics that are checked at its end, and a filer that answers synchronously; or, in
 * virtual time, a filer and processors that take time, fail, hang, and honour a cancel or not, which leaves the times
 * of runs unknown. Answer 0 throughout gives no parts. Only the workload of parts (`partsWorkload`) knows exactly how
 * each run with such parts must end.
 */
export function drawParts(
  draws: Draws,
  { supports, wallWorld, heldWorld }: ConformanceSubject,
  host: WorkloadHost,
  reach: RunnerReach,
): DrawnParts {
  const metrics =
    supports.collaborators === true && draws.rarely('metrics', 2)
      ? new RecordedMetrics(() => host.now())
      : undefined;
  const hasTime = supports.virtualTime === true && wallWorld === undefined && heldWorld === undefined;
  const isOdd = hasTime && supports.filers === true && draws.rarely('odd parts', 8);
  if (isOdd) return new OddParts(draws, host, reach, metrics, supports.collaborators === true).parts();
  // The directories of such a filer do not exist on a machine.
  const hasFiles = supports.filers === true && wallWorld === undefined;
  const files = hasFiles && draws.rarely('filer', 3) ? new WatchedFiles(host, reach) : undefined;
  return {
    options: {
      ...(metrics === undefined ? {} : { metrics }),
      ...(files === undefined ? {} : { filers: new Map([['scoot', { filer: files.filer }]]) }),
    },
    ...(files === undefined
      ? {}
      : {
          prepare: (of, command, mark) => files.prepare(of, command, mark),
          hasIngested: (snapshotId) => files.ingested.has(snapshotId),
        }),
    check(runs) {
      const made = files?.check(runs);
      if (metrics !== undefined) new MetricsJudge(host, metrics).judgeSeen(seenRuns(runs, 0, made));
    },
  };
}

/**
 * The snapshots of the commands of one runner: each has one of its own, so that a checkout shows whose it is (R92).
 */
class OwnSnapshots {
  readonly #host: WorkloadHost;
  readonly #reach: RunnerReach;
  readonly #given = new Set<string>();
  readonly #checkedOut = new Set<string>();

  constructor(host: WorkloadHost, reach: RunnerReach) {
    this.#host = host;
    this.#reach = reach;
  }

  /** Gives some commands a snapshot; others run in a directory of their own (R92). */
  prepare(draws: Draws, command: Command, mark: string): Command {
    if (command.snapshotId !== undefined || !draws.rarely('has a snapshot', 2)) return command;
    const snapshotId = `snap-${mark}`;
    this.#given.add(snapshotId);
    return { ...command, snapshotId };
  }

  /** Must be called with each snapshot that the filer is asked for. */
  checkOut(snapshotId: string): void {
    const shown = JSON.stringify(snapshotId);
    this.#host.check(
      this.#given.has(snapshotId),
      `R92 a checkout of ${shown} was made: expected one only of a snapshot that a command has`,
    );
    this.#host.check(
      !this.#checkedOut.has(snapshotId),
      `R92 R93 a second checkout of ${shown} was made: expected one for each run`,
    );
    this.#checkedOut.add(snapshotId);
    this.#reach.note('checkout of a snapshot');
  }

  /** Checks that no run had its process without a checkout of its snapshot. */
  check(runs: readonly EndedRun[]): void {
    for (const { runId, command, wasRunning, status } of runs) {
      const { snapshotId = '' } = command;
      if (!this.#given.has(snapshotId) || (!wasRunning && status.state !== 'COMPLETE')) continue;
      this.#host.check(
        this.#checkedOut.has(snapshotId),
        `R92 run ${runId} ran: expected a checkout of its snapshot ${snapshotId}, got none`,
      );
    }
  }
}

const WORKS = 4;
const PROCESSORS = [0, 1, 2];
const INTERVALS_MS = [0, UPDATE_INTERVAL_MS];
const LIMITS_MS = [0, 15];
const UPLOADERS = ['none', 'without limit', 'with limit'] as const;

/** A filer, processors, an uploader and updates that are late, fail, hang, or are never released. */
class OddParts {
  readonly #host: WorkloadHost;
  readonly #reach: RunnerReach;
  readonly #metrics: RecordedMetrics | undefined;
  readonly #checkouts: readonly Work[];
  readonly #releases: readonly Work[];
  readonly #updates: readonly Work[];
  readonly #processes: readonly Work[];
  readonly #uploads: readonly Work[];
  readonly #options: SubjectOptions;
  readonly #leaks: (() => void)[] = [];
  readonly #open = new Set<string>();
  readonly #snapshots: OwnSnapshots;
  /** Local URIs of logs by the URLs that they were given on upload. */
  readonly #uploaded = new Map<string, string>();
  #uploading = 0;
  #calls = 0;
  #updating = 0;
  #made = 0;

  constructor(
    draws: Draws,
    host: WorkloadHost,
    reach: RunnerReach,
    metrics: RecordedMetrics | undefined,
    takesProcessors: boolean,
  ) {
    this.#host = host;
    this.#reach = reach;
    this.#snapshots = new OwnSnapshots(host, reach);
    this.#metrics = metrics;
    const several = (draw: (at: number) => Work): Work[] =>
      Array.from({ length: WORKS }, (_, at) => draw(at + 1));
    this.#checkouts = several((at) => drawCheckout(draws.of(`checkout ${at}`)));
    this.#releases = several((at) => drawWork(draws, `release ${at}`));
    this.#updates = several((at) => drawWork(draws, `update ${at}`));
    this.#processes = several((at) => drawWork(draws, `process ${at}`));
    this.#uploads = several((at) => drawWork(draws, `upload ${at}`));
    const uploader = takesProcessors ? draws.pick('uploader', UPLOADERS) : 'none';
    const updateIntervalMs = draws.pick('updates every', INTERVALS_MS, 3);
    const updateLimitMs = updateIntervalMs === 0 ? 0 : draws.pick('update limit', LIMITS_MS, 1);
    const [before, after] = takesProcessors
      ? [draws.pick('preprocessors', PROCESSORS), draws.pick('postprocessors', PROCESSORS)]
      : [0, 0];
    this.#options = {
      filers: new Map([['scoot', { filer: this.#filer(updateIntervalMs) }]]),
      ...(metrics === undefined ? {} : { metrics }),
      ...(updateLimitMs === 0 ? {} : { updateLimitMs }),
      ...(before === 0 ? {} : { preprocessors: this.#processors('preprocess', before) }),
      ...(after === 0 ? {} : { postprocessors: this.#processors('postprocess', after) }),
      ...(uploader === 'none' ? {} : { uploader: this.#uploader(uploader === 'with limit') }),
    };
  }

  parts(): DrawnParts {
    return {
      options: this.#options,
      keepsTimes: false,
      prepare: (of, command, mark) => this.#snapshots.prepare(of, command, mark),
      mayEnd: (status) => this.#mayEnd(status),
      hasUploads: this.#options.uploader !== undefined,
      hasIngested: () => false,
      localRef: (ref) => this.#uploaded.get(ref) ?? ref,
      endLeaks: () => {
        for (const end of this.#leaks) end();
      },
      check: (runs) => this.#check(runs),
    };
  }

  /** R93: a failed checkout fails the run. */
  #mayEnd({ state, exitCode, error }: RunStatus): boolean {
    const isOfCheckout = this.#checkouts.some(
      ({ fails }) => error === fails?.text && exitCode === (fails.exitCode ?? CHECKOUT_UNCODED),
    );
    if (state !== 'FAILED' || !isOfCheckout) return false;
    this.#reach.note('end by a checkout that failed');
    return true;
  }

  #check(runs: readonly EndedRun[]): void {
    // An abandoned checkout is released when it arrives, and some never arrive (R106).
    this.#host.check(
      this.#open.size === 0,
      `R205 checkouts left after the release: expected none, got ${[...this.#open].join(', ')}`,
    );
    this.#snapshots.check(runs);
    if (this.#metrics === undefined) return;
    new MetricsJudge(this.#host, this.#metrics).judgeSeen(seenRuns(runs, this.#uploading));
  }

  /** R113: each log is uploaded under a unique name. */
  #uploader(hasLimit: boolean): LogUploader {
    const upload = (path: string, log: Output, cancel: Cancellable): MaybePromise<string> => {
      this.#uploading += 1;
      const work = this.#next(this.#uploads, this.#uploading);
      const url = uploadedUrl(path);
      this.#host.check(
        /_[^/]+\/(stdlog|stderr|stdout)$/.test(path) && !this.#uploaded.has(url),
        `R113 log upload: expected a path JOBID_UNIQUE/stdlog, stderr or stdout that no other log has, got ${path}`,
      );
      const result = (): string => {
        this.#uploaded.set(url, log.uri);
        this.#reach.note('log that was uploaded');
        return url;
      };
      const onCancel = (): void => this.#reach.note('upload that was cancelled');
      return carryOut(this.#host, { text: `upload ${this.#uploading}`, work, cancel, result, onCancel });
    };
    return { cancelBoundMs: BOUND_MS, ...(hasLimit ? { uploadBoundMs: UPLOAD_BOUND_MS } : {}), upload };
  }

  #filer(updateIntervalMs: number): Filer {
    const never = (): never => {
      throw new Error('expected no ingestion');
    };
    return {
      cancelBoundMs: BOUND_MS,
      updateIntervalMs,
      checkout: (snapshotId, cancel) => this.#checkout(snapshotId, cancel),
      checkoutAt: never,
      ingest: never,
      ingestMap: never,
      update: (cancel) => this.#update(cancel),
    };
  }

  #checkout(snapshotId: string, cancel: Cancellable | undefined): MaybePromise<Checkout> {
    this.#snapshots.checkOut(snapshotId);
    this.#host.check(this.#updating === 0, 'R76 a checkout began during an update');
    this.#made += 1;
    const path = `/odd/${this.#made}`;
    const work = this.#next(this.#checkouts, this.#made);
    const release = this.#next(this.#releases, this.#made);
    const onCancel = (): void => this.#reach.note('checkout that was cancelled');
    return carryOut(this.#host, {
      ...{ text: `checkout ${this.#made}`, work, cancel, onCancel },
      result: () => {
        this.#open.add(path);
        return { path, id: snapshotId, release: () => this.#release(path, release) };
      },
    });
  }

  #release(path: string, work: Work): MaybePromise<void> {
    this.#host.check(
      this.#open.delete(path),
      `R205 the checkout ${path} was released twice: expected one release`,
    );
    const call = { text: `release ${path}`, work, cancel: undefined, result: () => undefined };
    return carryOut(this.#host, { ...call, onLeak: (end) => this.#leaks.push(end) });
  }

  #update(cancel: Cancellable | undefined): MaybePromise<void> {
    this.#calls += 1;
    const work = this.#next(this.#updates, this.#calls);
    const over = (): void => {
      this.#updating -= 1;
    };
    // An update that was given up may overlap what comes next (R80), so only bounded ones are counted.
    const isBounded = work.takesMs < Infinity && (this.#options.updateLimitMs ?? 0) === 0;
    this.#updating += isBounded ? 1 : 0;
    const update = thing('update', String(this.#calls));
    const call = { text: `update ${update.id}`, thing: update, work, cancel, result: () => undefined };
    try {
      const done = carryOut(this.#host, call);
      if (!isBounded) return done;
      if (isPending(done)) done.then(over, over);
      else over();
      return done;
    } catch (error) {
      if (isBounded) over();
      throw error;
    }
  }

  #processors(kind: string, count: number): Processor[] {
    return Array.from({ length: count }, (_, at) => ({
      name: `${kind} ${at + 1}`,
      cancelBoundMs: BOUND_MS,
      process: (_command: Command, cancel: Cancellable) => {
        this.#calls += 1;
        const work = this.#next(this.#processes, this.#calls);
        return carryOut(this.#host, {
          text: `${kind} ${this.#calls}`,
          work,
          cancel,
          result: () => undefined,
        });
      },
    }));
  }

  #next(works: readonly Work[], nth: number): Work {
    return works[(nth - 1) % WORKS] as Work;
  }
}

const CHECKOUT_UNCODED = 210;

/** A filer that answers synchronously, and counts its checkouts. */
class WatchedFiles {
  readonly filer: Filer;
  readonly ingested = new Set<string>();
  readonly #host: WorkloadHost;
  readonly #snapshots: OwnSnapshots;
  #made = 0;
  #released = 0;

  constructor(host: WorkloadHost, reach: RunnerReach) {
    this.#host = host;
    this.#snapshots = new OwnSnapshots(host, reach);
    const inner = createVirtualFiler();
    const noted = (snapshot: MaybePromise<string>): MaybePromise<string> =>
      whenThere(snapshot, (snapshotId) => {
        this.ingested.add(snapshotId);
        return snapshotId;
      });
    this.filer = {
      ...composeFiler({ checkouter: inner, ingester: inner, updater: inner }),
      checkout: (snapshotId, cancel) => {
        this.#snapshots.checkOut(snapshotId);
        return this.#watched(inner.checkout(snapshotId, cancel));
      },
      ingest: (path, cancel) => noted(inner.ingest(path, cancel)),
      ingestMap: (paths, cancel) => noted(inner.ingestMap(paths, cancel)),
    };
  }

  prepare(draws: Draws, command: Command, mark: string): Command {
    return this.#snapshots.prepare(draws, command, mark);
  }

  /** Returns how many checkouts were made, after checking that each was released exactly once (R94, R205). */
  check(runs: readonly EndedRun[]): number {
    this.#snapshots.check(runs);
    const [made, released] = [this.#made, this.#released];
    this.#host.check(made === released, `R205 released checkouts: expected ${made}, got ${released}`);
    return made;
  }

  #watched(checkout: Checkout): Checkout {
    this.#made += 1;
    let isReleased = false;
    const release = (): MaybePromise<void> => {
      this.#host.check(
        !isReleased,
        `R205 the checkout ${checkout.path} was released twice: expected one release`,
      );
      isReleased = true;
      this.#released += 1;
      return checkout.release();
    };
    return { path: checkout.path, id: checkout.id, release };
  }
}

/**
 * What the metrics must agree with. A run in the queue of an unhealthy machine fails without having been started (R83),
 * and so may a malformed command (R66).
 */
function seenRuns(runs: readonly EndedRun[], uploads = 0, checkouts?: number): SeenRuns {
  const statuses = runs.map(({ status }) => status);
  const mustStart = runs.filter(
    ({ isMalformed, status: { state, exitCode, error } }) =>
      !isMalformed &&
      state !== 'ABORTED' &&
      !(state === 'FAILED' && (exitCode === 240 || error === WORKER_UNHEALTHY_MSG)),
  ).length;
  const timedOut = statuses.filter(({ state }) => state === 'TIMEDOUT').length;
  return { mustStart, timedOut, uploads, checkouts };
}
