/**
 * Checks runs with planned parts against what the contract says of their plans. Invariant: it runs once, when
 * everything is over, and makes no calls.
 */
import { WORKER_UNHEALTHY_MSG } from '../../model/messages.ts';
import { METRIC_NAMES } from '../../model/metrics.ts';
import type { RunStatus } from '../../model/run-status.ts';
import {
  expectRun,
  type ExpectedLogs,
  type ExpectedRun,
  type ExpectedRunning,
  type LogPlace,
  type Reached,
} from './expected-run.ts';
import { ExpectedHealth } from './expected-health.ts';
import { bodyFault, headerFault, type LogFault } from './log-text.ts';
import { type ExpectedMetric, MetricsJudge, type SeenStart } from './metrics-judge.ts';
import {
  UPDATE_INTERVAL_MS,
  type PartCall,
  type PlannedParts,
  type PlannedRun,
  type RunningShown,
  type SeenLog,
  type SeenUpdate,
  uploadedUrl,
} from './planned-parts.ts';
import type { WorkloadHost } from './workload-host.ts';

interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** Further facts about the runner. */
export interface RunnerTimes {
  readonly createdAtMs: number;
  readonly releasedAtMs: number;
}

/** Follows the runner's course after the fact, in the order that the contract prescribes. */
export class PartsJudge {
  readonly #host: WorkloadHost;
  readonly #parts: PlannedParts;
  readonly #times: RunnerTimes;
  readonly #expected: ExpectedMetric[] = [];
  readonly #reached = new Set<Reached>();
  /** When the last run left the runner free for the next one. */
  #freeAtMs: number;
  #idleSinceMs: number;
  /** The spans of the runs that were started. */
  readonly #spans: Span[] = [];
  readonly #health = new ExpectedHealth();
  readonly #metrics: MetricsJudge;

  constructor(host: WorkloadHost, parts: PlannedParts, times: RunnerTimes) {
    this.#host = host;
    this.#parts = parts;
    this.#times = times;
    this.#metrics = new MetricsJudge(host, parts.metrics);
    this.#freeAtMs = parts.readyAtMs;
    this.#idleSinceMs = times.createdAtMs;
  }

  /** Checks all runs, in order of acceptance; returns what they have reached, in words. */
  judge(): ReadonlySet<Reached> {
    const { runs, setup } = this.#parts;
    const starts = setup.hasMetrics ? this.#metrics.starts() : undefined;
    for (const run of runs) {
      if (run.runId === undefined) this.#mustBeUntouched(run);
      else this.#judgeRun(run, starts);
    }
    this.#noteInit();
    if (setup.hasMetrics) this.#judgeMetrics();
    if (setup.updates) this.#judgeUpdates();
    return this.#reached;
  }

  #noteInit(): void {
    const { inits, init } = this.#parts;
    if (inits.length < 2 || init.overMs >= this.#times.releasedAtMs) return;
    const failed = inits.filter(({ fails }) => fails !== undefined).length;
    if (failed === 0) this.#reached.add('two init signals succeeded');
    else this.#reached.add(failed === 1 ? 'one of two init signals failed' : 'two init signals failed');
  }

  #mustBeUntouched({ plan, calls }: PlannedRun): void {
    const [call] = calls;
    this.#check(
      call === undefined,
      () => `R22 run ${plan.name} was refused, and yet there was ${callText(call)}`,
    );
  }

  #judgeRun(run: PlannedRun, starts: SeenStart[] | undefined): void {
    const { plan } = run;
    const status = run.status;
    this.#check(status !== undefined, () => `R200 run ${plan.name} has no end`);
    if (status === undefined) return;
    const abortMs = Math.min(run.abortAtMs, this.#times.releasedAtMs);
    if (this.#health.isLost) {
      this.#mustBeDrained(run, status, abortMs);
      return;
    }
    const ruleMs = Math.max(run.acceptedAtMs, this.#freeAtMs);
    const startMs = this.#parts.setup.updates ? (starts?.[0]?.startMs ?? Infinity) : ruleMs;
    const terms = { hasRefs: this.#parts.setup.hasRefs, epochMs: this.#host.world.clock.epochMs };
    const ways = expectRun(plan, this.#parts.setup, { startMs, abortMs });
    const possible = ways.filter((way) => misfit(run, status, way, terms) === undefined);
    const fitting = this.#shownBy(starts, run, startMs, possible);
    const [way] = fitting;
    if (way === undefined) {
      const nearest = nearestOf(run, status, ways, terms);
      const fault = misfit(run, status, nearest, terms)?.text();
      this.#check(false, () => `${fault}\n\n${storyText(run, status, nearest)}`);
      return;
    }
    this.#keep(fitting);
    if (!way.hasStarted) return;
    this.#judgeStart(run, starts, startMs);
    this.#freeAtMs = run.endedAtMs;
    this.#idleSinceMs = run.endedAtMs;
    this.#health.note(status);
    this.#noteHealth();
  }

  /**
   * Of ways with and without a start, those that the gauge of active runs shows: a run that is aborted in the instant of
   * its start may have been started, for no time, or not.
   */
  #shownBy(
    starts: readonly SeenStart[] | undefined,
    run: PlannedRun,
    startMs: number,
    ways: readonly ExpectedRun[],
  ): readonly ExpectedRun[] {
    const isOpen = ways.some((way) => way.hasStarted) && ways.some((way) => !way.hasStarted);
    if (starts === undefined || !isOpen) return ways;
    const others = starts.findIndex((start) => start.startMs !== startMs || start.fallsMs !== startMs);
    const shown = others < 0 ? starts.length : others;
    const { runs } = this.#parts;
    const later = runs.slice(runs.indexOf(run) + 1);
    const hasStarted = shown > later.filter((each) => each.endedAtMs === startMs && isStarted(each)).length;
    return ways.filter((way) => way.hasStarted === hasStarted);
  }

  #judgeStart(run: PlannedRun, starts: SeenStart[] | undefined, startMs: number): void {
    if (starts === undefined) return;
    const { startMs: startedMs, fallsMs = Infinity } = starts.shift() ?? {};
    this.#spans.push({ startMs, endMs: run.endedAtMs });
    this.#check(
      startedMs === startMs && (!this.#parts.setup.updates || this.#expectedStartsMs(run).includes(startMs)),
      () =>
        `R68 run ${run.plan.name} did not start as soon as the runner was free\n\nExpected at ${listText(this.#expectedStartsMs(run))} ms, got ${startedMs} ms.`,
    );
    this.#metrics.judgeFall(run.plan.name, fallsMs, run.endedAtMs);
    this.#expected.push({
      name: METRIC_NAMES.IDLE_LATENCY_MS,
      value: startMs - this.#idleSinceMs,
      isSure: true,
    });
  }

  #mustBeDrained(run: PlannedRun, status: RunStatus, abortMs: number): void {
    const { plan, calls, endedAtMs, running } = run;
    const { state, error, stdoutRef, stderrRef } = status;
    const isUntouched = calls.length === 0 && running === undefined && stdoutRef === '' && stderrRef === '';
    // The contract gives no exit code.
    const isFailed = state === 'FAILED' && error === WORKER_UNHEALTHY_MSG && endedAtMs === this.#freeAtMs;
    const isAborted = state === 'ABORTED' && endedAtMs === abortMs && abortMs <= this.#freeAtMs;
    this.#reached.add('a run was failed in the queue of an unhealthy runner');
    this.#check(
      (isFailed || isAborted) && isUntouched,
      () =>
        `R83 run ${plan.name} was in the queue of an unhealthy runner\n\nExpected FAILED (${WORKER_UNHEALTHY_MSG}) at ${this.#freeAtMs} ms and nothing else, got ${statusText(status)} at ${endedAtMs} ms.`,
    );
  }

  #noteHealth(): void {
    if (this.#health.isLost) this.#reached.add('the runner became unhealthy');
  }

  /** Keeps the metrics of all ways that fit; if there are several, what is counted is left open. */
  #keep(fitting: readonly ExpectedRun[]): void {
    for (const { metrics, reached } of fitting) {
      for (const each of metrics) {
        this.#expected.push(fitting.length === 1 ? each : { ...each, isSure: false });
      }
      for (const each of reached) this.#reached.add(each);
    }
  }

  #judgeMetrics(): void {
    const { readyAtMs, init } = this.#parts;
    const { releasedAtMs } = this.#times;
    const failedAtMs = init.errors.length === 0 ? Infinity : init.overMs;
    this.#metrics.judgePlanned(this.#expected);
    this.#metrics.judgeHealth({ readyAtMs, failedAtMs, releasedAtMs, isLost: this.#health.isLost });
  }

  /** R75–R78: each update was due, began as soon as the runner was free, and overlapped no run. */
  #judgeUpdates(): void {
    const { updates } = this.#parts;
    for (let index = 0; index <= updates.length; index += 1) {
      const update = updates[index];
      if (update !== undefined) {
        this.#reached.add('a filer was updated');
        this.#mustOverlapNoRun(update);
      }
      const faults = this.#wantedAfter(updates[index - 1]).map((ms) =>
        this.#updateFault(ms, update, updates[index - 1]),
      );
      const [fault] = faults;
      this.#check(
        faults.includes(undefined),
        () =>
          `${fault}\n\nReady at ${this.#parts.readyAtMs} ms, asks every ${UPDATE_INTERVAL_MS} ms. Runs: ${this.#spans.map(spanText).join(', ')}. Updates: ${updates.map(({ beginMs, endMs }) => spanText({ startMs: beginMs, endMs })).join(', ')}.`,
      );
    }
  }

  #mustOverlapNoRun(update: SeenUpdate): void {
    const { beginMs } = update;
    const overMs = this.#overAtMs(update);
    const run = this.#spans.find(
      ({ startMs, endMs }) =>
        (startMs < beginMs && beginMs < endMs) || Math.max(startMs, beginMs) < Math.min(endMs, overMs),
    );
    this.#check(
      run === undefined,
      () =>
        `R76 R77 an update went on from ${spanText({ startMs: beginMs, endMs: overMs })}: expected none while a run is active, which one was from ${run === undefined ? '' : spanText(run)}`,
    );
  }

  /** When the filer first asks after an update. While an abandoned update has not returned, it does not ask. */
  #wantedAfter(before: SeenUpdate | undefined): number[] {
    const { readyAtMs } = this.#parts;
    const isGivenUp = before !== undefined && this.#overAtMs(before) < before.endMs;
    if (isGivenUp) this.#reached.add('an update was given up');
    const sinceMs = before === undefined ? readyAtMs : isGivenUp ? before.endMs : before.beginMs;
    if (sinceMs === Infinity) return [Infinity];
    const asked = (sinceMs - readyAtMs) / UPDATE_INTERVAL_MS;
    const next = readyAtMs + (Math.floor(asked) + 1) * UPDATE_INTERVAL_MS;
    // A request at that very instant may still count.
    return Number.isInteger(asked) && before !== undefined ? [next, sinceMs] : [next];
  }

  #updateFault(
    wantedMs: number,
    update: SeenUpdate | undefined,
    before: SeenUpdate | undefined,
  ): string | undefined {
    const { releasedAtMs } = this.#times;
    const beginMs = update?.beginMs ?? releasedAtMs;
    if (update !== undefined && beginMs < wantedMs) {
      return `R75 an update began at ${beginMs} ms, expected none before ${wantedMs} ms`;
    }
    if (wantedMs >= beginMs) return undefined;
    const idleMs = this.#idleFrom(wantedMs, beginMs);
    const is = update === undefined ? 'did not begin' : `began at ${beginMs} ms`;
    if (idleMs !== undefined) {
      return `R75 an update ${is}, expected at ${idleMs} ms, when the runner was idle`;
    }
    const beforeOverMs = before === undefined ? -Infinity : this.#overAtMs(before);
    const passedOver = this.#spans.filter(({ startMs }) => startMs > wantedMs && startMs < beginMs);
    const isExcused =
      passedOver.length === 0 ||
      (passedOver.length === 1 && wantedMs <= beforeOverMs && passedOver[0]?.startMs === beforeOverMs);
    return isExcused
      ? undefined
      : `R77 an update ${is}, expected before the run that started at ${passedOver.at(-1)?.startMs} ms: it was wanted at ${wantedMs} ms`;
  }

  /** The first moment in that interval without a run or an update in progress; undefined if there is none. */
  #idleFrom(fromMs: number, toMs: number): number | undefined {
    const updates = this.#parts.updates.map((update) => ({
      startMs: update.beginMs,
      endMs: this.#overAtMs(update),
    }));
    const spans = [...this.#spans, ...updates];
    for (let ms = fromMs; ms < toMs;) {
      const atMs = ms;
      const busy = spans.find(({ startMs, endMs }) => startMs <= atMs && endMs > atMs);
      if (busy === undefined) return ms;
      ms = busy.endMs;
    }
    return undefined;
  }

  #overAtMs(update: SeenUpdate): number {
    return this.#parts.overAtMs(update, this.#times.releasedAtMs);
  }

  /**
   * R68, R76: a run starts as soon as the one before it is over and no update is in progress; if an update begins in
   * the same instant, either may be first.
   */
  #expectedStartsMs(run: PlannedRun): number[] {
    let starts = [Math.max(run.acceptedAtMs, this.#freeAtMs)];
    for (const update of this.#parts.updates) {
      const overMs = this.#overAtMs(update);
      starts = starts.flatMap((ms) => {
        if (update.beginMs > ms || overMs <= ms) return [ms];
        return update.beginMs === ms ? [ms, overMs] : [overMs];
      });
    }
    return starts;
  }

  #check(condition: boolean, message: () => string): void {
    if (!condition) this.#host.check(false, message());
  }
}

/** Whether a run that is over has certainly been started. */
function isStarted({ calls, running, status }: PlannedRun): boolean {
  if (status === undefined || status.error === WORKER_UNHEALTHY_MSG) return false;
  return status.state !== 'ABORTED' || calls.length > 0 || running !== undefined;
}

interface JudgingTerms {
  readonly hasRefs: boolean;
  readonly epochMs: number;
}

/** What is wrong with a run, and how many of the claims about it hold. */
interface Misfit {
  readonly rank: number;
  readonly text: () => string;
}

/** How a run deviates from an expected way; undefined if it does not. */
function misfit(
  run: PlannedRun,
  status: RunStatus,
  way: ExpectedRun,
  { hasRefs, epochMs }: JudgingTerms,
): Misfit | undefined {
  const { plan, calls, endedAtMs } = run;
  const { outcome, endMs, refs } = way;
  const is = `run ${plan.name}`;
  const isBare = !hasRefs && status.stdoutRef === '' && status.stderrRef === '';
  const isText = outcome.isTextOpen ? status.error.startsWith(outcome.error) : status.error === outcome.error;
  const claims: readonly (readonly [holds: boolean, fault: () => string])[] = [
    [
      status.state === outcome.state,
      () => `R88 ${is} ended as ${statusText(status)}, expected ${outcome.state}`,
    ],
    [
      status.exitCode === outcome.exitCode,
      () => `R110 ${is} ended with exit code ${status.exitCode}, expected ${outcome.exitCode}`,
    ],
    [isText, () => `R11 ${is} ended with the text "${status.error}", expected "${outcome.error}"`],
    [endedAtMs === endMs, () => `R199 ${is} ended at ${endedAtMs} ms, expected ${endMs} ms`],
    [
      areCallsFitting(calls, way),
      () => `R88 the collaborators of ${is} were not called as the contract says`,
    ],
    [
      isRunningFitting(run.running, way.running),
      () => `R99 ${is} was ${runningText(run.running)}, expected ${runningText(way.running)}`,
    ],
    [
      isPlace(status.stdoutRef, refs[0], run, 'stdout') || isBare,
      () => `R114 stdoutRef of ${is} is "${status.stdoutRef}", expected one that is ${refs[0]}`,
    ],
    [
      isPlace(status.stderrRef, refs[1], run, 'stderr') || isBare,
      () => `R114 stderrRef of ${is} is "${status.stderrRef}", expected one that is ${refs[1]}`,
    ],
    [
      status.snapshotId === '',
      () =>
        `R198 ${is} has the snapshot "${status.snapshotId}", expected none, since its logs are not ingested`,
    ],
  ];
  const rank = claims.findIndex(([holds]) => !holds);
  if (rank !== -1) return { rank, text: () => claims[rank]?.[1]() ?? '' };
  const fault = logsFault(run, way, epochMs);
  return fault === undefined ? undefined : { rank: claims.length, text: () => fault };
}

function logsFault(run: PlannedRun, way: ExpectedRun, epochMs: number): string | undefined {
  if (way.logs === undefined) return undefined;
  const names = [...run.logs.keys()];
  const faults = names.map((log) => {
    const fault = logFault(run, log, way.logs as ExpectedLogs, epochMs);
    return fault === undefined ? undefined : `${fault[0]} ${log} of run ${run.plan.name} ${fault[1]}`;
  });
  return faults.find((fault) => fault !== undefined);
}

function logFault(
  run: PlannedRun,
  log: string,
  expected: ExpectedLogs,
  epochMs: number,
): LogFault | undefined {
  const { plan, logs, uploads, acceptedAtMs, endedAtMs } = run;
  const { command, process } = plan;
  const { text } = logs.get(log) as SeenLog;
  const uris = Array.from(logs.values(), ({ uri }) => uri);
  const span = { fromMs: epochMs + acceptedAtMs, toMs: epochMs + endedAtMs };
  const fault = headerFault(text, { command, uris, written: span });
  if (fault !== undefined || expected.amount === 'anything') return fault;
  const secret = command.envVars?.['ALPHA'] ?? '';
  if (secret !== '' && text.includes(secret)) return ['R17 R107', 'shows a value of the environment'];
  const { amount, trailers, mustHaveTrailer } = expected;
  const { stdout, stderr } = process;
  const written = log === 'stdlog' ? stdout + stderr : log === 'stdout' ? stdout : stderr;
  const bodyIs = bodyFault(text, { written, amount, trailers, mustHaveTrailer });
  const uploaded = mustHaveTrailer ? uploads.get(log)?.text : undefined;
  if (bodyIs !== undefined || uploaded === undefined || uploaded === text) return bodyIs;
  return [trailers.map(({ rule }) => rule).join(' '), 'was uploaded before its trailer was written'];
}

function isRunningFitting(got: RunningShown | undefined, expected: ExpectedRunning | undefined): boolean {
  return got === undefined ? expected?.isSure !== true : got.atMs === expected?.atMs;
}

function runningText(running: { readonly atMs: number } | undefined): string {
  return running === undefined ? 'never RUNNING' : `RUNNING from ${running.atMs} ms on`;
}

function areCallsFitting(got: readonly PartCall[], { calls, lateCalls }: ExpectedRun): boolean {
  const left = got.map(callText);
  for (const late of lateCalls) {
    const at = left.lastIndexOf(callText(late));
    if (at < 0) return false;
    left.splice(at, 1);
  }
  return left.join('\n') === calls.map(callText).join('\n');
}

function isPlace(ref: string, place: LogPlace, run: PlannedRun, log: 'stdout' | 'stderr'): boolean {
  const { logs, uploads, running } = run;
  switch (place) {
    case 'nowhere':
      return ref === '';
    case 'uploaded':
      return ref === uploadedUrl(uploads.get(log)?.path ?? '');
    case 'local': {
      const local = running?.status[`${log}Ref`] ?? uploads.get(log)?.uri ?? logs.get(log)?.uri;
      return ref !== '' && (local === undefined || ref === local);
    }
  }
}

/** The way that agrees with the actual calls for longest, and then with most else. */
function nearestOf(
  run: PlannedRun,
  status: RunStatus,
  ways: readonly ExpectedRun[],
  terms: JudgingTerms,
): ExpectedRun {
  const { calls } = run;
  const likeness = (way: ExpectedRun): number => {
    const first = calls.findIndex((call, index) => callText(call) !== callText(way.calls[index]));
    const common = first < 0 ? calls.length : first;
    return common * 1_000 + (misfit(run, status, way, terms)?.rank ?? 0);
  };
  return ways.reduce((best, way) => (likeness(way) > likeness(best) ? way : best));
}

function storyText(run: PlannedRun, status: RunStatus, way: ExpectedRun): string {
  const { outcome, endMs } = way;
  const lines = (calls: readonly PartCall[]): string => calls.map((call) => `  ${callText(call)}`).join('\n');
  const expected = [...way.calls, ...way.lateCalls].sort((left, right) => left.atMs - right.atMs);
  return [
    `Accepted at ${run.acceptedAtMs} ms, abort at ${run.abortAtMs} ms, timeout ${run.plan.command.timeoutMs ?? 0} ms.`,
    `Expected ${outcome.state} ${outcome.exitCode} at ${endMs} ms:`,
    lines(expected),
    `got ${statusText(status)} at ${run.endedAtMs} ms:`,
    lines(run.calls),
  ].join('\n');
}

function callText(call: PartCall | undefined): string {
  return call === undefined ? '' : `${call.atMs} ms ${call.text}`;
}

function statusText({ state, exitCode, error }: RunStatus): string {
  return `${state} ${exitCode}${error === '' ? '' : ` (${error})`}`;
}

function spanText({ startMs, endMs }: Span): string {
  return `${startMs}–${endMs} ms`;
}

function listText(values: readonly number[]): string {
  return values.length === 0 ? 'nothing' : values.join(', ');
}
