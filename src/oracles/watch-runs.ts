/**
 * Watches the runs of a trace for a set of rules: finds the run of each event, lets the rules judge it, and updates the
 * facts. Invariant: at most one look-up per event, and memory that does not grow with the number of runs, because it
 * watches every simulation.
 */
import * as is from '../kernel/shape.ts';
import { type RunRule, type Complaint, COUNTER_NAMES, RUNNING_TASK } from './run-rules.ts';
import { check } from '../kernel/argument-check.ts';
import type { Command } from '../model/command.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import { eachOfRow, recordAsCall, type RunTracer } from '../model/run-tracer.ts';
import { ENDED_ROW, STARTED_ROW } from '../model/undisturbed-run.ts';
import type { InvocationPhase, ResourceKind, TraceEvent } from '../model/trace-event.ts';
import type { Oracle, OracleFactory, ReportViolation } from './oracle.ts';
import type { WatchedRun } from './watched-run.ts';
import { WatchedRunner } from './watched-runner.ts';

type HookName = Exclude<keyof RunRule, 'rule' | 'ignoresUndisturbed'>;

/** A rule's hook for one kind of event. */
export interface Judge<Name extends HookName> {
  readonly rule: string;
  readonly judge: NonNullable<RunRule[Name]>;
}

/**
 * The hooks of all rules by kind of event, found once: all judges of a kind have the same shape, and are in the order
 * of the rules.
 */
class RuleHooks {
  readonly beforeStatus: readonly Judge<'beforeStatus'>[];
  readonly afterStatus: readonly Judge<'afterStatus'>[];
  readonly onStart: readonly Judge<'onStart'>[];
  readonly onAcquired: readonly Judge<'onAcquired'>[];
  readonly onFreed: readonly Judge<'onFreed'>[];
  readonly onUpdate: readonly Judge<'onUpdate'>[];
  readonly onMetric: readonly Judge<'onMetric'>[];
  readonly onEnd: readonly Judge<'onEnd'>[];
  /** Whether no rule complains about what an undisturbed run acquires and frees. */
  readonly ignoreUndisturbed: boolean;

  constructor(rules: readonly RunRule[]) {
    const having = <Name extends HookName>(name: Name): Judge<Name>[] =>
      rules.flatMap((rule) => {
        const judge = rule[name];
        return judge === undefined ? [] : [{ rule: rule.rule, judge }];
      });
    this.beforeStatus = having('beforeStatus');
    this.afterStatus = having('afterStatus');
    this.onStart = having('onStart');
    this.onAcquired = having('onAcquired');
    this.onFreed = having('onFreed');
    this.onUpdate = having('onUpdate');
    this.onMetric = having('onMetric');
    this.onEnd = having('onEnd');
    this.ignoreUndisturbed = rules.every(
      ({ onAcquired, onFreed, ignoresUndisturbed }) =>
        (onAcquired === undefined && onFreed === undefined) || ignoresUndisturbed === true,
    );
  }
}

type EventOf<Type extends TraceEvent['type']> = Extract<TraceEvent, { readonly type: Type }>;

class RunWatch implements Oracle, RunTracer {
  readonly #hooks: RuleHooks;
  readonly #report: ReportViolation;
  readonly #runners = new Map<string, WatchedRunner>();
  #latest: WatchedRunner | undefined;

  constructor(hooks: RuleHooks, report: ReportViolation) {
    this.#hooks = hooks;
    this.#report = report;
  }

  watch(event: TraceEvent): void {
    this.record(event);
  }

  record(event: TraceEvent): void {
    switch (event.type) {
      case 'phase':
      case 'acquired':
      case 'freed':
      case 'status':
      case 'accepted':
      case 'evicted':
        recordAsCall(this, event);
        break;
      case 'abandoned':
        this.#onAbandoned(event);
        break;
      case 'metric':
        this.#onMetric(event);
        break;
      case 'abort':
        this.#onAbort(this.#runner(event.runner).find(event.runId), event.at);
        break;
      case 'released':
        this.#onReleased(this.#runner(event.runner), event.at);
        break;
      case 'rejected':
      case 'dropped':
      case 'service':
      case 'recorded':
      case 'wrote':
      case 'fault':
      case 'note':
      case 'message':
      case 'disk':
      case 'node':
        break;
    }
  }

  end(atMs: number): void {
    for (const runner of this.#runners.values()) {
      for (const run of runner.runs) {
        for (const { rule, judge } of this.#hooks.onEnd) this.#complain(rule, judge(run, atMs), atMs);
      }
    }
  }

  #complain(rule: string, message: Complaint, atMs: number): void {
    if (message !== undefined) this.#report({ rule, message, atMs });
  }

  #runner(name: string): WatchedRunner {
    if (this.#latest?.name === name) return this.#latest;
    let runner = this.#runners.get(name);
    if (runner === undefined) {
      runner = new WatchedRunner(name);
      this.#runners.set(name, runner);
    }
    this.#latest = runner;
    return runner;
  }

  status(atMs: number, runnerName: string, status: RunStatus): void {
    const runner = this.#runner(runnerName);
    const { state } = status;
    if (state === 'PENDING' && runner.isReleased && runner.queued + runner.working === 0) runner.restart();
    const run = runner.find(status.runId) ?? runner.add(status.runId);
    if (state === 'RUNNING' && !run.isStarted) this.#start(run, runner, atMs);
    for (const { rule, judge } of this.#hooks.beforeStatus) {
      this.#complain(rule, judge(run, status, atMs), atMs);
    }
    const wasTerminal = run.isTerminal;
    run.status = status;
    if (!wasTerminal && isTerminal(state)) runner.end(run);
    for (const { rule, judge } of this.#hooks.afterStatus) {
      this.#complain(rule, judge(run, status, runner), atMs);
    }
  }

  accepted(_at: number, runnerName: string, runId: RunID, { timeoutMs = 0, executeRequest }: Command): void {
    const runner = this.#runner(runnerName);
    const run = runner.find(runId) ?? runner.add(runId);
    runner.accepted += 1;
    run.isAccepted = true;
    // An action may have a timeout of its own, which is not in the command (R187).
    run.timeoutMs = timeoutMs <= 0 && executeRequest !== undefined ? Infinity : timeoutMs;
  }

  phase(at: number, runnerName: string, runId: RunID, phase: InvocationPhase): void {
    const runner = this.#runner(runnerName);
    const run = runner.find(runId) ?? runner.add(runId);
    if (!run.isStarted) this.#start(run, runner, at);
    run.phase = phase;
  }

  #start(run: WatchedRun, runner: WatchedRunner, atMs: number): void {
    for (const { rule, judge } of this.#hooks.onStart) this.#complain(rule, judge(run, runner), atMs);
    if (!run.isTerminal) runner.start(run);
  }

  acquired(atMs: number, runnerName: string, runId: RunID, resource: ResourceKind, name: string): void {
    if (resource === 'waiter' || resource === 'lock') return;
    const runner = this.#runner(runnerName);
    if (resource === 'update') {
      for (const { rule, judge } of this.#hooks.onUpdate) this.#complain(rule, judge(runner, name), atMs);
      runner.updates += 1;
      return;
    }
    const run = runner.find(runId);
    // A run that was forgotten may still get back what it had given up (R106).
    if (run === undefined) return;
    for (const { rule, judge } of this.#hooks.onAcquired) {
      this.#complain(rule, judge(run, resource, name, runner), atMs);
    }
    run.take(resource);
  }

  freed(atMs: number, runnerName: string, runId: RunID, resource: ResourceKind, name: string): void {
    if (resource === 'waiter' || resource === 'lock') return;
    const runner = this.#runner(runnerName);
    if (resource === 'update') {
      endUpdate(runner);
      return;
    }
    const run = runner.find(runId);
    if (run === undefined) return;
    for (const { rule, judge } of this.#hooks.onFreed) {
      this.#complain(rule, judge(run, resource, name), atMs);
    }
    run.giveBack(resource);
  }

  started(at: number, runnerName: string, runId: RunID, checkout: string, status: RunStatus): void {
    const runner = this.#runner(runnerName);
    const run = runner.find(runId) ?? runner.add(runId);
    const isUsual = !run.isTerminal && run.held === 0 && run.abandoned === undefined && runner.updates === 0;
    if (!isUsual || !this.#hooks.ignoreUndisturbed) {
      eachOfRow(this, STARTED_ROW, { at, runner: runnerName, runId, checkout, status });
      return;
    }
    if (!run.isStarted) this.#start(run, runner, at);
    run.takeUndisturbed();
    run.phase = 'exec';
    this.status(at, runnerName, status);
    run.phase = 'wait';
  }

  ended(at: number, runnerName: string, runId: RunID, checkout: string, status: RunStatus): void {
    const run = this.#runner(runnerName).find(runId);
    if (run?.holdsUndisturbed !== true || run.isTerminal || !this.#hooks.ignoreUndisturbed) {
      eachOfRow(this, ENDED_ROW, { at, runner: runnerName, runId, checkout, status });
      return;
    }
    run.giveBackUndisturbed();
    run.phase = 'end';
    this.status(at, runnerName, status);
  }

  #onAbandoned({ runner: runnerName, runId, resource }: EventOf<'abandoned'>): void {
    if (resource === 'waiter' || resource === 'lock') return;
    const runner = this.#runner(runnerName);
    if (resource === 'update') endUpdate(runner);
    else runner.find(runId)?.abandon(resource);
  }

  #onMetric({ runner: runnerName, name, value, at: atMs }: EventOf<'metric'>): void {
    const runner = this.#runner(runnerName);
    for (const { rule, judge } of this.#hooks.onMetric) {
      this.#complain(rule, judge(runner, name, value), atMs);
    }
    if (name === RUNNING_TASK) runner.runningTask = value;
    else if (COUNTER_NAMES.has(name)) (runner.counters ??= new Map()).set(name, value);
  }

  #onAbort(run: WatchedRun | undefined, atMs: number): void {
    if (run === undefined || run.stoppedAtMs !== undefined) return;
    run.stoppedAtMs = atMs;
    run.stoppedIn = run.phase ?? (run.isStarted ? 'wait' : 'end');
  }

  #onReleased(runner: WatchedRunner, atMs: number): void {
    runner.isReleased = true;
    for (const run of runner.runs) {
      if (run.isTerminal) continue;
      run.isReleased = true;
      this.#onAbort(run, atMs);
    }
  }

  evicted(_at: number, runnerName: string, runId: RunID): void {
    const runner = this.#runner(runnerName);
    const run = runner.find(runId);
    if (run !== undefined) runner.forget(run);
  }
}

function endUpdate(runner: WatchedRunner): void {
  runner.updates = Math.max(0, runner.updates - 1);
}

const RULES = is.listOf(
  is.objectOf<Pick<RunRule, 'rule'>>('a rule about runs', { rule: is.TEXT }, {}),
  'a list of rules',
);

/**
 * An oracle that checks the runs of a trace against rules, which share the facts.
 *
 * @example
 * ```ts
 * import { oneTerminal, simulate, statePath, watchRuns } from 'dryrunner';
 * const verdict = await simulate({ scenario: () => {}, oracles: [watchRuns([oneTerminal, statePath])] });
 * if (!verdict.held) throw new Error('nothing has happened, so nothing is wrong');
 * ```
 */
export function watchRuns(rules: readonly RunRule[]): OracleFactory {
  check('rules', rules, RULES);
  const hooks = new RuleHooks(rules);
  return (report) => new RunWatch(hooks, report);
}
