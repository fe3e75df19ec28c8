/**
 * One run from its start to its terminal status: performs what the reducer decides (R87–R117). Invariants: at most one
 * RUNNING, then exactly one terminal status, after which the run holds nothing (R87, R89); completions, abort, deadline
 * and memory report reach the reducer as events of the clock, so that their order is a decision (R104).
 */
import { messageOf } from '../../kernel/errors.ts';
import type { Timer } from '../../kernel/clock.ts';
import { invariant } from '../../kernel/invariant.ts';
import type { Command } from '../../model/command.ts';
import type { MemoryReport, ProcessStatus } from '../../model/execer.ts';
import { EXIT_CODES, type ExitCode, exitCodeOf } from '../../model/exit-code.ts';
import { isPending, type MaybePromise } from '../../model/maybe-promise.ts';
import type { InvocationPhase } from '../../model/trace-event.ts';
import { collectPhase, keepPhase, preparePhase } from './action-phases.ts';
import { checkMemoryReport } from './answers.ts';
import { checkoutPhase, releasePhase } from './checkout-phase.ts';
import { isCutByDeadline, reduceInvocation, UNDISTURBED_WAIT } from './invocation-reducer.ts';
import {
  NEW_INVOCATION,
  type InvocationEffect,
  type InvocationEvent,
  type InvocationPath,
  type InvocationState,
} from './invocation-state.ts';
import { lookupPhase } from './lookup-phase.ts';
import { runningRunStatus, terminalRunStatus } from './invocation-status.ts';
import type { InvokerParts } from './invoker-parts.ts';
import { closePhase, outputsPhase } from './outputs-phase.ts';
import type { Performance, StatusListener } from '../queue/performer.ts';
import type { Phase } from './phase.ts';
import { execPhase, keepStatus, measurePhase, waitPhase } from './process-phase.ts';
import { postprocessPhase, preprocessPhase } from './processors-phase.ts';
import { RunContext } from './run-context.ts';
import { uploadPhase } from './upload-phase.ts';

type WorkPhase = Exclude<InvocationPhase, 'end'>;

const PHASES: Readonly<Record<WorkPhase, Phase>> = {
  preprocess: preprocessPhase,
  lookup: lookupPhase,
  checkout: checkoutPhase,
  outputs: outputsPhase,
  prepare: preparePhase,
  exec: execPhase,
  wait: waitPhase,
  measure: measurePhase,
  collect: collectPhase,
  keep: keepPhase,
  upload: uploadPhase,
  close: closePhase,
  release: releasePhase,
  postprocess: postprocessPhase,
};

/** Exit codes of failures that have none of their own, by phase. */
const FALLBACKS: Partial<Readonly<Record<InvocationPhase, ExitCode>>> = {
  lookup: EXIT_CODES.PREPROCESSING,
  checkout: EXIT_CODES.CHECKOUT_UNCODED,
  prepare: EXIT_CODES.POSTPROCESSING,
};

const NEW_INVOCATIONS: Readonly<Record<InvocationPath, InvocationState>> = {
  plain: NEW_INVOCATION,
  logs: Object.freeze({ ...NEW_INVOCATION, path: 'logs' }),
  bazel: Object.freeze({ ...NEW_INVOCATION, path: 'bazel' }),
};

function pathOf({ action, parts }: RunContext): InvocationPath {
  if (action !== undefined) return 'bazel';
  return parts.ingestsLogs ? 'logs' : 'plain';
}

/** A run in progress. Created and started by an {@link Invoker}. */
export class Invocation implements Performance {
  readonly #parts: InvokerParts;
  readonly #run: RunContext;
  readonly #onStatus: StatusListener;
  readonly #startedAt: number;
  #state: InvocationState;
  #deadline: Timer | undefined;
  /** Deadline of the action; its time starts with the process (R187). */
  #actionDeadline: Timer | undefined;
  #bound: Timer | undefined;
  #abort: Timer | undefined;
  #memory: Timer | undefined;

  constructor(parts: InvokerParts, run: RunContext, onStatus: StatusListener, startedAt: number) {
    this.#parts = parts;
    this.#run = run;
    this.#onStatus = onStatus;
    this.#startedAt = startedAt;
    this.#state = NEW_INVOCATIONS[pathOf(run)];
  }

  /** Begins the first phase; statuses may be emitted before this returns. */
  start(): void {
    const { clock } = this.#parts.world;
    this.#parts.instruments.runningTask.set(1);
    const { timeoutMs = 0 } = this.#run.command;
    if (timeoutMs > 0) {
      this.#deadline = clock.timer(this.#run.topic('deadline'), timeoutMs, () =>
        this.passDeadline(timeoutMs),
      );
    }
    this.#enter();
  }

  /** Continues a run whose process other code has started and traced; the process may have ended already. */
  takeOver(deadline: Timer | undefined): void {
    this.#deadline = deadline;
    this.#state = UNDISTURBED_WAIT;
    if (this.#run.processStatus === undefined) this.#begin('wait');
  }

  /** Notes how the process ended; the caller calls `endWait` later. */
  keepEnd(status: ProcessStatus): void {
    keepStatus(this.#run, status);
  }

  /** Ends the wait for the process. */
  endWait(): void {
    this.#done('wait');
  }

  /** The deadline of the run has passed, after `timeoutMs`. */
  passDeadline(timeoutMs: number): void {
    // Then the deadline comes too late; what remains of the process gets the time that an abort would give it.
    const hasEnded = this.#state.phase === 'wait' && this.#run.process?.hasEnded?.() === true;
    if (this.#run.passedTimeoutMs === 0 && !hasEnded) this.#run.passedTimeoutMs = timeoutMs;
    this.#dispatch({ type: 'deadline', hasEnded });
  }

  /** Requests that the run be stopped. Takes effect as an event of its own; further calls are no-ops (R105). */
  abort(): void {
    if (this.#abort !== undefined || this.#state.phase === 'end') return;
    this.#abort = this.#parts.world.clock.post(this.#run.topic('abort'), () =>
      this.#dispatch({ type: 'abort', isKept: this.#run.action?.isKept === true }),
    );
  }

  #dispatch(event: InvocationEvent): void {
    const before = this.#state;
    const { state, effects } = reduceInvocation(before, event);
    this.#state = state;
    this.#run.stop = state.stop;
    if (state.stop === 'deadline' && before.stop === 'none') this.#parts.instruments.timeouts.increment();
    for (const effect of effects) this.#perform(effect, before.phase, state.phase);
  }

  #perform(effect: InvocationEffect, before: InvocationPhase, after: InvocationPhase): void {
    switch (effect) {
      case 'enter':
        this.#enter();
        break;
      case 'cancel':
        this.#run.cancellation?.cancel();
        break;
      case 'bound':
        // A phase that ended in the call that entered it has no bound, and the next one may have none.
        if (this.#state.phase === after) this.#setBound();
        break;
      case 'kill':
        if (this.#state.phase === 'wait') this.#kill();
        break;
      case 'running':
        if (this.#run.action !== undefined) this.#limitAction(this.#run.action.timeoutMs);
        this.#onStatus(runningRunStatus(this.#run));
        break;
      case 'abandon':
        PHASES[before as WorkPhase].abandon(this.#run);
        break;
    }
  }

  #enter(): void {
    const { phase } = this.#state;
    this.#bound?.cancel();
    this.#bound = undefined;
    this.#run.phase = phase;
    this.#run.cancellation = undefined;
    if (phase === 'measure' || phase === 'end') this.#actionDeadline?.cancel();
    if (phase === 'end') {
      this.#deadline?.cancel();
      this.#tracePhase(phase);
      this.#finish();
      return;
    }
    if (PHASES[phase].isIdle?.(this.#run) === true) {
      this.#done(phase);
      return;
    }
    this.#tracePhase(phase);
    const continues = this.#begin(phase);
    if (continues && this.#isBounded(phase)) this.#setBound();
  }

  /** An abort that is too late limits every phase (R109, R199), a deadline not all of them. */
  #isBounded(phase: InvocationPhase): boolean {
    const { hurried, isLate, stop } = this.#state;
    return hurried && stop !== 'deadline' ? true : (hurried || isLate) && isCutByDeadline(phase);
  }

  #limitAction(timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) return;
    const topic = this.#run.topic('deadline').plus('action');
    this.#actionDeadline = this.#parts.world.clock.timer(topic, timeoutMs, () =>
      this.passDeadline(timeoutMs),
    );
  }

  /** Begins a phase; true if it has not ended yet. */
  #begin(phase: WorkPhase): boolean {
    let result: MaybePromise<void>;
    try {
      result = PHASES[phase].begin(this.#run);
    } catch (error) {
      this.#failed(phase, error);
      return false;
    }
    if (!isPending(result)) {
      this.#done(phase);
      return false;
    }
    const { clock } = this.#parts.world;
    const topic = this.#run.topic(phase);
    result.then(
      () => clock.post(topic, () => this.#done(phase)),
      (error: unknown) => clock.post(topic, () => this.#failed(phase, error)),
    );
    return true;
  }

  #done(phase: InvocationPhase): void {
    if (phase !== 'wait') {
      const cached = phase === 'lookup' ? this.#run.action?.cached : undefined;
      this.#dispatch(
        cached === undefined ? { type: 'done', phase } : { type: 'cached', exitCode: cached.exitCode },
      );
      return;
    }
    const { processStatus, memoryReport } = this.#run;
    invariant(processStatus !== undefined, 'expected the status of a process that has ended');
    // The report may have arrived in this very instant; the process ended because of it, so it counts first (R112).
    if (memoryReport !== undefined) this.#dispatch({ type: 'memory' });
    this.#dispatch({ type: 'ended', status: memoryReport?.status ?? processStatus });
  }

  #failed(phase: InvocationPhase, error: unknown): void {
    const fallback = FALLBACKS[phase] ?? EXIT_CODES.POST_EXEC;
    const text = messageOf(error);
    this.#run.recorded(phase, error);
    this.#run.action?.failWith(phase, error);
    this.#dispatch({ type: 'failed', phase, exitCode: exitCodeOf(error, fallback), error: text });
  }

  #kill(): void {
    const { process } = this.#run;
    invariant(process !== undefined, 'expected a process to stop');
    const failed = (error: unknown): void => this.#run.recorded('abort', error);
    try {
      const ended = process.abort();
      if (isPending(ended)) ended.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  /**
   * Notes that the execer has killed the process for its memory (R133); only the first report counts.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a report.
   */
  reportMemory(report: MemoryReport): void {
    checkMemoryReport(report);
    if (this.#run.memoryReport !== undefined) return;
    this.#run.memoryReport = report;
    this.#parts.instruments.memoryCapExceeded.increment();
    this.#memory = this.#parts.world.clock.post(this.#run.topic('memory'), () =>
      this.#dispatch({ type: 'memory' }),
    );
  }

  /**
   * A collaborator that returns exactly at its bound has kept it, so the bound is an event at the end of its instant.
   */
  #setBound(): void {
    const { phase } = this.#state;
    if (phase === 'end' || this.#bound !== undefined) return;
    const boundMs = PHASES[phase].boundMs(this.#run);
    if (boundMs === Infinity) return;
    const topic = this.#run.topic(phase).plus('bound');
    this.#bound = this.#parts.world.clock.endOfInstant(topic, boundMs, () =>
      this.#dispatch({ type: 'overdue', phase }),
    );
  }

  #finish(): void {
    const { outcome } = this.#state;
    invariant(outcome !== undefined, 'expected an outcome at the end of an invocation');
    const { instruments, world } = this.#parts;
    this.#abort?.cancel();
    this.#memory?.cancel();
    instruments.taskLatency.record(world.clock.now() - this.#startedAt);
    // The gauge goes down before the terminal status is visible (R116).
    instruments.runningTask.set(0);
    this.#onStatus(terminalRunStatus(this.#run, outcome));
  }

  #tracePhase(phase: InvocationPhase): void {
    const { world, tracer, name: runner } = this.#parts;
    tracer?.phase(world.clock.now(), runner, this.#run.runId, phase);
  }
}

/** Starts an invocation that goes through all its phases. */
export function startInvocation(
  parts: InvokerParts,
  command: Command,
  runId: string,
  onStatus: StatusListener,
): Invocation {
  const run = new RunContext(parts, command, runId, (report) => invocation.reportMemory(report));
  const invocation = new Invocation(parts, run, onStatus, parts.world.clock.now());
  invocation.start();
  return invocation;
}
