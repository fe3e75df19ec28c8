/** The options and collaborators of a runner under a workload, drawn from the log: such as leave times and ends of its runs as they are. */
import type { Command } from '../../model/command.ts';
import { composeFiler } from '../../filers/composed-filer.ts';
import { createVirtualFiler } from '../../filers/fake-filer.ts';
import type { Checkout, Filer } from '../../model/filer.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import { METRIC_NAMES } from '../../model/metrics.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { ConformanceSubject, SubjectOptions } from '../subject.ts';
import type { Draws } from './draws.ts';
import { RecordedMetrics } from './planned-parts.ts';
import type { WorkloadHost } from './workload-host.ts';

/** A run that is over, as its workload knows it. */
export interface EndedRun {
  readonly runId: RunID;
  /** As it was offered. */
  readonly command: Command;
  readonly acceptedAtMs: number;
  /** The first abort or release that concerned it, if there was one. */
  readonly stopAskedAtMs: number | undefined;
  readonly status: RunStatus;
}

/** What was drawn for one runner. */
export interface DrawnParts {
  /** Beside capacity, history and prefix, which the workload draws itself. */
  readonly options: SubjectOptions;
  /** Changes a command so that it meets the parts: a snapshot, a run type. Absent: commands are run as they are. */
  prepare?(draws: Draws, command: Command): Command;
  /** Called after the release, with the runs in order of acceptance: what the parts have seen must fit. Fails by `host.check`. */
  check(runs: readonly EndedRun[]): void;
}

/**
 * Draws the parts for one runner: metrics that are read at its end, and a filer that answers in the call. Answer 0 throughout gives none. What
 * takes its time or fails is drawn by the workload of parts, which knows what each run must come to (`partsWorkload`).
 */
export function drawParts(draws: Draws, { supports }: ConformanceSubject, host: WorkloadHost): DrawnParts {
  const metrics =
    supports.collaborators === true && draws.rarely('metrics', 2)
      ? new RecordedMetrics(() => host.now())
      : undefined;
  const files = supports.filers === true && draws.rarely('filer', 3) ? new WatchedFiles(host) : undefined;
  return {
    options: {
      ...(metrics === undefined ? {} : { metrics }),
      ...(files === undefined ? {} : { filers: new Map([['scoot', { filer: files.filer }]]) }),
    },
    ...(files === undefined ? {} : { prepare: (of, command) => files.prepare(of, command) }),
    check(runs) {
      if (metrics !== undefined) checkMetrics(host, metrics, runs);
      files?.check(metrics);
    },
  };
}

/** A filer that answers in the call, and counts what it gave out. */
class WatchedFiles {
  readonly filer: Filer;
  readonly #host: WorkloadHost;
  #made = 0;
  #released = 0;

  constructor(host: WorkloadHost) {
    this.#host = host;
    const inner = createVirtualFiler();
    this.filer = {
      ...composeFiler({ checkouter: inner, ingester: inner, updater: inner }),
      checkout: (snapshotId, cancel) => this.#watched(inner.checkout(snapshotId, cancel)),
    };
  }

  /** Some commands have a snapshot, others run in a directory of their own (R92). */
  prepare(draws: Draws, command: Command): Command {
    if (command.snapshotId !== undefined) return command;
    return draws.rarely('has a snapshot', 2) ? { ...command, snapshotId: 'snap' } : command;
  }

  /** Every checkout was released once (R94, R205), and counted (R177). */
  check(metrics: RecordedMetrics | undefined): void {
    const [made, released] = [this.#made, this.#released];
    this.#host.check(made === released, `R205 of ${made} checkouts ${released} were released`);
    if (metrics === undefined) return;
    const downloads = metrics.values(METRIC_NAMES.DOWNLOADS).length;
    const measured = metrics.values(METRIC_NAMES.DOWNLOAD_LATENCY_MS).length;
    const isCounted = downloads === made && measured === made;
    this.#host.check(
      isCounted,
      `R177 of ${made} checkouts ${downloads} were counted and ${measured} measured`,
    );
  }

  #watched(checkout: Checkout): Checkout {
    this.#made += 1;
    let isReleased = false;
    const release = (): MaybePromise<void> => {
      this.#host.check(!isReleased, `R205 the checkout ${checkout.path} was released twice`);
      isReleased = true;
      this.#released += 1;
      return checkout.release();
    };
    return { path: checkout.path, id: checkout.id, release };
  }
}

/** R176, R178, R179, R181: what was counted fits the runs that were seen. */
function checkMetrics(host: WorkloadHost, metrics: RecordedMetrics, runs: readonly EndedRun[]): void {
  const gauge = metrics.values(METRIC_NAMES.RUNNING_TASK).map(({ value }) => value);
  const isSwitching = gauge.length % 2 === 0 && gauge.every((value, at) => value === (at + 1) % 2);
  host.check(
    isSwitching,
    `R176 runningTask is 1 while a run is active and 0 after it\n\nGot ${gauge.join(', ')}.`,
  );
  const started = gauge.length / 2;
  const of = (name: string): number => metrics.values(name).length;
  const [measured, idle] = [of(METRIC_NAMES.TASK_LATENCY_MS), of(METRIC_NAMES.IDLE_LATENCY_MS)];
  host.check(
    measured === started && idle === started,
    `R176 R181 ${started} runs were started, ${measured} were measured, and ${idle} times without a run`,
  );
  // What waits for an unhealthy machine fails without having been started (R83).
  const mustStart = runs.filter(
    ({ status: { state, exitCode } }) => state !== 'ABORTED' && !(state === 'FAILED' && exitCode === 240),
  ).length;
  host.check(
    mustStart <= started,
    `R176 ${mustStart} runs have an end of their own, ${started} were started`,
  );
  const timedOut = runs.filter(({ status }) => status.state === 'TIMEDOUT').length;
  const timeouts = of(METRIC_NAMES.TIMEOUTS);
  host.check(timedOut <= timeouts, `R179 ${timedOut} runs were TIMEDOUT, ${timeouts} were counted`);
  host.check(of(METRIC_NAMES.UPLOADS) === 0, 'R178 an upload was counted, though there is no uploader');
}
