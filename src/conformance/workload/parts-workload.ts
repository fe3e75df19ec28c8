/**
 * One runner with drawn collaborators, and a client that runs commands on it, aborts some and releases it: each run
 * must go exactly as the contract says for its plan, as seen by its collaborators, by its caller and in the metrics.
 * Invariant: it knows the contract, and no particular bug.
 */
import * as is from '../../kernel/shape.ts';
import { check, isInstance } from '../../kernel/argument-check.ts';
import { isRunnerError } from '../../kernel/errors.ts';
import { RunRejectedError } from '../../model/run-rejected-error.ts';
import {
  QUEUE_FULL_MSG,
  QUEUE_INITING_MSG,
  QUEUE_INVALID_MSG,
  WORKER_UNHEALTHY_MSG,
} from '../../model/messages.ts';
import { waitForever } from '../../model/query.ts';
import { isTerminal, TERMINAL_STATES } from '../../model/run-state.ts';
import type { RunStatus } from '../../model/run-status.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import type { Service } from '../../model/service.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import { DONE_MASK, maskForState, type StateMask } from '../../model/state-mask.ts';
import { singleStatus } from '../../model/status-lookup.ts';
import type { QueryResult, StatusResult } from '../../model/status-reader.ts';
import type { World } from '../../model/world.ts';
import { defineScenario, type ScenarioDefinition } from '../../simulation/scenario.ts';
import { refusalText } from '../../explore/explain/answer-texts.ts';
import type { ConformanceSubject, PlannedMachine, RunnerUnderTest, SubjectOptions } from '../subject.ts';
import { drawCommand, type DrawnCommand } from './drawn-command.ts';
import { AT_ONCE, drawWork } from './drawn-work.ts';
import { Draws, workloadName } from './draws.ts';
import { checkServiceStatus } from './expected-health.ts';
import { PLANNED_REACH, type PlannedReach } from './expected-run.ts';
import { GivenAnswers } from './given-answers.ts';
import { makeRunner } from './made-runner.ts';
import { type AbortedWhile, ruleOfAbort } from '../../oracles/abort-rule.ts';
import { owedAnswer, owedByRelease } from './owed-answers.ts';
import { PartsJudge } from './parts-judge.ts';
import {
  PlannedParts,
  type PlannedRun,
  type ProcessPlan,
  type Program,
  type TakenParts,
} from './planned-parts.ts';
import { checkShown } from './shown-status.ts';
import { TracedCalls } from './traced-calls.ts';
import type { WorkloadHost } from './workload-host.ts';

/** A runner that takes all of its collaborators from outside. See {@link partsWorkload}. */
export interface PartsSubject {
  readonly name: string;
  /** Makes the runner in a new world; called many times, one after another. */
  create(world: World, options: SubjectOptions, machine: PlannedMachine): RunnerUnderTest;
}

const PARTS_SUBJECT = is.objectOf<Pick<PartsSubject, 'name'>>('a PartsSubject', { name: is.TEXT }, {});

/**
 * The workload of a runner whose collaborators are all drawn, as a scenario for `dryrunner explore`: processors, filer,
 * execer, outputs, directories and uploader answer synchronously, later, just at their bound, never, or fail, and
 * honour a cancel or not. The expected end of each run follows from its plan, with the times and the order of all
 * calls, and so do the values of the metrics.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a subject that makes no runner.
 * @example
 * ```ts
 * import { createMemoryOutputs, simulate } from 'dryrunner';
 * import { createQueueRunner } from 'dryrunner/kit';
 * import { partsWorkload } from 'dryrunner/conformance';
 * const scenario = partsWorkload({
 *   name: 'mine',
 *   create(world, { filers = new Map(), ...options }, { outputs, ...machine }) {
 *     const memory = createMemoryOutputs();
 *     const service = createQueueRunner(world, { ...options, ...machine, filers, outputs: outputs(memory) });
 *     return { service, readOutput: (uri) => memory.find(uri)?.text() ?? '' };
 *   },
 * });
 * const { held, failure } = await simulate({ seed: 1, scenario: (sim) => scenario.run(sim, undefined) });
 * if (!held) throw new Error(failure?.message);
 * ```
 */
export function partsWorkload(subject: PartsSubject): ScenarioDefinition<unknown> {
  check('subject', subject, PARTS_SUBJECT);
  check('subject', subject, is.withMethods('create'));
  return defineScenario<unknown>({
    name: workloadName('parts', subject.name),
    description: `the collaborators of ${subject.name} do all that they may, and each run goes as the contract says`,
    run(sim) {
      for (const name of MUST_REACH) sim.sometimes(name, false);
      const make: PartsTerms['make'] = (options, machine) =>
        makeRunner(sim, 'create', () => subject.create(sim.world, options, machine));
      return new PartsWorkload(sim, { make, takesMany: true }).run((name) => {
        if (MUST_REACH.has(name)) sim.sometimes(name);
      });
    },
  });
}

const RUNNING_OR_DONE: StateMask = maskForState('RUNNING', ...TERMINAL_STATES);
const SLEEPS_MS = [0, 5, 10, 15, 20, 30, 50];
const SETTLED_MS = 400;

/** The runner that the workload drives. */
export interface PartsTerms {
  make(options: SubjectOptions, machine: PlannedMachine): Promise<RunnerUnderTest>;
  /** Whether it accepts a capacity of more than one. */
  readonly takesMany: boolean;
  /** Which of the planned parts it takes. Default: all. */
  readonly taken?: TakenParts;
  /** Draws a program. Default: programs that do everything that a planned execer can. */
  readonly drawProgram?: (draws: Draws, name: string) => Program;
}

/** One execution of the workload of parts. */
export class PartsWorkload {
  readonly #sim: WorkloadHost;
  readonly #terms: PartsTerms;
  readonly #parts: PlannedParts;
  readonly #draws: Draws;
  readonly #pending: Promise<unknown>[] = [];
  readonly #refusals = new Set<Refusal>();
  #releasedAtMs = Infinity;

  constructor(sim: WorkloadHost, terms: PartsTerms) {
    this.#sim = sim;
    this.#terms = terms;
    this.#parts = new PlannedParts(sim, terms.drawProgram ?? drawProgram, terms.taken);
    this.#draws = new Draws(sim, 'caller');
  }

  /** Runs it; calls `note` with each thing that was reached. */
  async run(note: (name: string) => void): Promise<void> {
    const draws = this.#draws;
    const { takesMany } = this.#terms;
    const capacity = takesMany ? draws.pick('capacity', [1, 2, 3]) : 1;
    const options = { ...this.#parts.options(), ...(takesMany ? { capacity, history: 0 } : {}) };
    const made = await this.#terms.make(options, this.#parts.machine());
    const { dispose, readOutput } = made;
    const service = this.#watched(new GivenAnswers(this.#sim).service(made.service));
    const createdAtMs = this.#sim.now();
    const steps = draws.count('steps', 1, 8);
    for (let step = 0; step < steps; step += 1) await this.#step(service, capacity);
    await this.#sim.sleep(draws.pick('patience', [SETTLED_MS, 0, 15], 4));
    await this.#release(service);
    await Promise.all(this.#pending);
    await this.#sim.sleep(SETTLED_MS);
    this.#parts.endLeaks();
    await this.#sim.sleep(1);
    await this.#statusAll(service);
    if (readOutput !== undefined) await this.#parts.readLogs(readOutput);
    const times = { createdAtMs, releasedAtMs: this.#releasedAtMs };
    for (const name of new PartsJudge(this.#sim, this.#parts, times).judge()) note(name);
    for (const code of this.#refusals) note(refusedText(code));
    await dispose?.();
  }

  /**
   * The service as the client calls it; in a deadlock, each call in flight is named. The trace is unaffected, as
   * explorers see it.
   */
  #watched(service: Service): Service {
    const calls = new TracedCalls(this.#sim.world);
    return calls.untraced(service, 'the runner', 'the caller', (call, sinceMs) => this.#owed(call, sinceMs));
  }

  #owed(call: ServiceCall, sinceMs: number): string | undefined {
    if (call.method === 'query') {
      return this.#releasedAtMs === Infinity ? undefined : owedByRelease(this.#releasedAtMs);
    }
    const run =
      call.method === 'abort' ? this.#parts.runs.find(({ runId }) => runId === call.args[0]) : undefined;
    const { runId, endedAtMs = Infinity } = run ?? {};
    return owedAnswer(
      call,
      sinceMs,
      runId === undefined || run === undefined
        ? undefined
        : {
            runId,
            overMs: { lo: endedAtMs, hi: endedAtMs },
            rule: ruleOfAbort(this.#abortedWhile(run, sinceMs)),
          },
    );
  }

  async #step(service: Service, capacity: number): Promise<void> {
    const draws = this.#draws;
    const kind = draws.pick('does', ['run', 'run', 'sleep', 'sleep', 'abort'] as const);
    if (kind === 'run') await this.#run(service, capacity);
    if (kind === 'sleep') await this.#sim.sleep(draws.pick('sleeps', SLEEPS_MS));
    if (kind === 'abort') this.#abort(service);
  }

  async #run(service: Service, capacity: number): Promise<void> {
    const run = this.#parts.draw();
    // Both calls are in the same instant, so that a full or unhealthy runner is so for both.
    const before = this.#statusAll(service);
    const offered = service.run(run.plan.command);
    const [{ statuses, service: machine }, answer] = await Promise.all([before, answerOf(offered)]);
    this.#checkService('statusAll', machine);
    const isFull = statuses.filter(({ state }) => !isTerminal(state)).length >= capacity;
    const code = refusal(machine, isFull);
    if (answer.status === undefined) {
      this.#refused(answer.error, code, machine);
      return;
    }
    const { runId, state } = answer.status;
    this.#sim.check(code === undefined, `R64 a run was accepted, expected ${code}`);
    this.#sim.check(state === 'PENDING', `R65 a run was accepted as ${state}, expected PENDING`);
    this.#shows('run', run, answer.status);
    run.runId = runId;
    run.acceptedAtMs = this.#sim.now();
    this.#leave(this.#watch(service, run));
  }

  /** The statuses of all runs; a runner that forgets none must show all of them (R43, R47). */
  async #statusAll(service: Service): Promise<QueryResult> {
    const known = this.#parts.runs.filter(({ runId }) => runId !== undefined);
    const before = known.map(({ shown }) => shown);
    const result = await this.#answered('R43', 'statusAll', 'statuses', service.statusAll());
    for (const [at, run] of known.entries()) {
      const status = result.statuses.find(({ runId }) => runId === run.runId);
      if (status !== undefined) this.#shows('statusAll', run, status, before[at]);
      else if (this.#terms.takesMany) {
        this.#sim.check(false, `R43 R47 statusAll: expected a status of run ${run.runId}, got none`);
      }
    }
    return result;
  }

  /** R22, R23, R63, R64: checks the code, its text, and the zero status with the machine's error. */
  #refused(error: unknown, code: Refusal | undefined, { error: says }: ServiceStatus): void {
    if (!isInstance(error, RunRejectedError)) {
      const expected = code === undefined ? 'it to be accepted' : `a RunRejectedError of code ${code}`;
      this.#sim.check(false, `R22 R64 run: expected ${expected}, got ${refusalText(error)}`, error);
      return;
    }
    this.#sim.check(
      error.code === code,
      `R64 a run was refused with ${error.code}, expected ${code ?? 'that it is accepted'}`,
    );
    if (code === undefined) return;
    const inside = code === 'RUNNER_INITIALIZING' ? QUEUE_INITING_MSG : code === 'RUNNER_BUSY' ? '' : says;
    const { runId, state, exitCode } = error.status;
    const got = [error.message, error.status.error, runId, state, exitCode];
    const expected = [REFUSALS[code], inside, '', 'UNKNOWN', 0];
    this.#sim.check(
      JSON.stringify(got) === JSON.stringify(expected),
      `R63 a run was refused in other words than the contract has\n\nExpected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}.`,
    );
    this.#refusals.add(code);
  }

  /** R15, R60, R62, R80, R81, R82: the machine's report agrees with what its parts have done. */
  #checkService(call: string, got: ServiceStatus): void {
    const expected = this.#parts.serviceNow();
    if (expected !== undefined) checkServiceStatus(this.#sim, call, got, expected);
  }

  /** One wait ends with the run, so that ends are noted in their order; another one sees it RUNNING. */
  async #watch(service: Service, run: PlannedRun): Promise<void> {
    const over = this.#waitFor(service, run, DONE_MASK);
    this.#leave(this.#seeRunning(service, run));
    const { status, service: machine } = await over;
    run.status = status;
    run.endedAtMs = this.#sim.now();
    this.#parts.health.note(status);
    this.#checkService('query', machine);
  }

  async #seeRunning(service: Service, run: PlannedRun): Promise<void> {
    const { status } = await this.#waitFor(service, run, RUNNING_OR_DONE);
    if (status.state === 'RUNNING') run.running = { atMs: this.#sim.now(), status };
  }

  async #waitFor(service: Service, run: PlannedRun, states: StateMask): Promise<StatusResult> {
    const { runId = '' } = run;
    const call = `query for the end of run ${runId}, which run() has accepted`;
    const shown = service.query({ runs: [runId], states }, waitForever()).then(singleStatus);
    const result = await this.#answered('R41 R65', call, 'its end', shown);
    this.#shows(call, run, result.status);
    return result;
  }

  #shows(call: string, run: PlannedRun, status: RunStatus, before?: RunStatus): void {
    checkShown(this.#sim, run, status, { call, before, taken: this.#parts.setup });
  }

  #abort(service: Service): void {
    const accepted = this.#parts.runs.filter(({ runId }) => runId !== undefined);
    if (accepted.length === 0) return;
    const run = this.#draws.pick('aborts', accepted.reverse(), 2, ({ plan }) => plan.name);
    run.abortAtMs = Math.min(run.abortAtMs, this.#sim.now());
    this.#leave(this.#abortTo(service, run));
  }

  /** Whether the run has started: if all parts are ours, it has once a part was called for it. */
  #abortedWhile({ calls: [first] }: PlannedRun, atMs: number): AbortedWhile {
    if (first === undefined) return this.#parts.setup.hasMachine ? 'queued' : 'queued or active';
    if (first.atMs === atMs) return 'queued or active';
    return first.atMs < atMs ? 'active' : 'queued';
  }

  async #abortTo(service: Service, run: PlannedRun): Promise<void> {
    const { runId = '', plan } = run;
    const call = `abort of run ${runId}, which run() has accepted`;
    const known = this.#abortedWhile(run, this.#sim.now());
    const before = run.shown;
    const aborted = service.abort(runId);
    const end = this.#mayBeForgotten(run) ? unlessUnknown(aborted) : aborted;
    const status = await this.#answered(ruleOfAbort(known), call, 'its end', end);
    if (status === undefined) return;
    const { state } = status;
    this.#sim.check(
      isTerminal(state),
      `${ruleOfAbort(known, state)} an abort of run ${plan.name} gave ${state}`,
    );
    this.#shows(call, run, status, before);
  }

  /** R47, R59: a runner that is not given its history keeps at least the run that was accepted last. */
  #mayBeForgotten(run: PlannedRun): boolean {
    if (this.#terms.takesMany) return false;
    return run !== this.#parts.runs.findLast(({ runId }) => runId !== undefined);
  }

  async #release(service: Service): Promise<void> {
    this.#releasedAtMs = this.#sim.now();
    await this.#answered('R84', 'release', 'it to return', service.release());
  }

  /** The answer to a call that must not fail. */
  async #answered<R>(rules: string, call: string, expected: string, answer: Promise<R>): Promise<R> {
    try {
      return await answer;
    } catch (error) {
      this.#sim.check(false, `${rules} ${call}: expected ${expected}, got ${refusalText(error)}`, error);
      throw error;
    }
  }

  /** Lets the call go on in the background. */
  #leave(call: Promise<void>): void {
    // Awaited at the end; if the workload fails first, its verdict has the first failure.
    call.catch(() => undefined);
    this.#pending.push(call);
  }
}

/** The answer, or undefined if the run is unknown (R72). */
async function unlessUnknown<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_UNKNOWN_RUN')) return undefined;
    throw error;
  }
}

type Answer = { readonly status: RunStatus } | { readonly status?: undefined; readonly error: unknown };

async function answerOf(offered: Promise<RunStatus>): Promise<Answer> {
  try {
    return { status: await offered };
  } catch (error) {
    return { error };
  }
}

type Refusal = 'RUNNER_INITIALIZING' | 'RUNNER_BROKEN' | 'RUNNER_UNHEALTHY' | 'RUNNER_BUSY';

/** The texts of R23. */
const REFUSALS: Readonly<Record<Refusal, string>> = {
  RUNNER_INITIALIZING: QUEUE_INITING_MSG,
  RUNNER_BROKEN: QUEUE_INVALID_MSG,
  RUNNER_UNHEALTHY: WORKER_UNHEALTHY_MSG,
  RUNNER_BUSY: QUEUE_FULL_MSG,
};
const REFUSAL_CODES = Object.keys(REFUSALS) as Refusal[];

/** What the workload must reach, in words. */
export type PartsReach = PlannedReach | `refused with ${Refusal}`;

function refusedText(code: Refusal): PartsReach {
  return `refused with ${code}`;
}

function refusal({ initialized, isHealthy, error }: ServiceStatus, isFull: boolean): Refusal | undefined {
  if (!initialized) return error === '' ? 'RUNNER_INITIALIZING' : 'RUNNER_BROKEN';
  if (!isHealthy) return 'RUNNER_UNHEALTHY';
  return isFull ? 'RUNNER_BUSY' : undefined;
}

/** What some execution must reach. */
const MUST_REACH: ReadonlySet<string> = new Set<PartsReach>([
  ...PLANNED_REACH,
  ...REFUSAL_CODES.map(refusedText),
]);

const STATUSES = ['COMPLETE', 'FAILED', 'UNKNOWN'] as const;

function drawProgram(draws: Draws, name: string): Program {
  const exec = drawWork(draws, 'exec');
  const state = draws.pick('ends as', STATUSES, 8);
  const exitCode = draws.pick('exit code', [0, 1, 7, 212, 250]);
  const error = draws.pick('text of the end', ['', 'it says so'], 3);
  const process: ProcessPlan = {
    exec,
    lastsMs: draws.pick('lasts', [10, 0, 20, 30, 60, Infinity]),
    status: { state, exitCode, error },
    killMs: draws.pick('is stopped within', [0, 10, 20, 30, Infinity], 6),
    memoryMs: draws.pick('over its memory after', [Infinity, 0, 10, 20], 12),
    stdout: draws.pick('stdout', ['', `out ${name}`]),
    stderr: draws.pick('stderr', ['', `err ${name}`]),
  };
  const timeoutMs = draws.pick('timeout', [0, 10, 15, 30, 45, 100], 5);
  const hasEnv = draws.rarely('an environment', 3);
  const command = {
    argv: ['program', name],
    ...(timeoutMs === 0 ? {} : { timeoutMs }),
    ...(hasEnv ? { envVars: { ALPHA: `of run ${name}`, ZULU: '' } } : {}),
  };
  return { command, process };
}

const LIMITS_MS = [0, 10, 15, 30, 45, 100];

/** The terms for a runner whose execer and outputs may be its own, in the commands of its vocabulary. */
export function partsTermsOf(
  subject: ConformanceSubject,
  host: Pick<WorkloadHost, 'check' | 'world'>,
): PartsTerms {
  const { world } = host;
  const { supports, createOn } = subject;
  const takesMany = supports.capacity === true && supports.history === true;
  if (createOn !== undefined) {
    return {
      make: (options, machine) =>
        makeRunner(host, 'createOn', () => createOn(world, options, machine), supports),
      takesMany,
    };
  }
  return {
    make: (options) => makeRunner(host, 'create', () => subject.create(world, options)),
    takesMany,
    taken: { hasMachine: false, hasRefs: supports.outputs === true },
    drawProgram: (draws, name) => ownProgram(draws, name, subject),
  };
}

/** A command of the subject, as the program of a process that the runner's own execer starts immediately. */
function ownProgram(draws: Draws, name: string, subject: ConformanceSubject): Program {
  const supports = { ...subject.supports, timeouts: NOT_HERE, stubborn: NOT_HERE };
  const drawn = drawCommand(draws, { ...subject, supports }, name, () => undefined);
  const timeoutMs =
    subject.supports.timeouts === true ? draws.pick('limit', LIMITS_MS, 5, (ms) => `${ms} ms`) : 0;
  return {
    command: { ...drawn.command, ...(timeoutMs === 0 ? {} : { timeoutMs }) },
    process: ownProcess(drawn),
  };
}

const NOT_HERE = 'it would take longer than the parts around it';

function ownProcess({ end, lastsMs, stdout, stderr, starts }: DrawnCommand): ProcessPlan {
  const failure = { ...AT_ONCE, fails: { text: '', isTextOpen: true } };
  const { state = 'COMPLETE', exitCode = 0, error = '' } = end ?? {};
  return {
    exec: starts ? AT_ONCE : failure,
    lastsMs,
    status: {
      state: state === 'FAILED' ? 'FAILED' : 'COMPLETE',
      exitCode,
      error: error.replace(/^error execing: /, ''),
    },
    killMs: 0,
    memoryMs: Infinity,
    isTextOpen: end?.error === undefined,
    ...{ stdout, stderr },
  };
}
