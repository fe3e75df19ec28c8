/**
 * One run with all its collaborators, each of them perhaps slow, failing or deaf, stopped by a deadline, by somebody who loses patience
 * or for its memory; another run may wait behind it. All times lie on a grid, so that things often happen at once.
 */
import {
  createMemoryMetrics,
  createMemoryOutputs,
  createSimFiler,
  createSimulatedRunner,
  type Command,
  defaultRules,
  defineScenario,
  finalStatus,
  isRunnerError,
  type MemoryMetrics,
  METRIC_NAMES,
  type OutputFault,
  phaseBounds,
  promptness,
  type RunStatus,
  type ScenarioDefinition,
  type SimFiler,
  type SimulatedRunner,
  type Simulation,
  virtualTempDirs,
  waitForState,
  watchRuns,
} from 'dryrunner';
import { createSimExecer, EXIT_CODES, WORKER_UNHEALTHY_MSG } from 'dryrunner/kit';
import { pick, pickIndex, rarely } from './odds.ts';
import { noLateStart, toldFailures } from './run-oracles.ts';
import { CountingProcessor, TidyUploader, type ProcessorKind, type UploaderKind } from './run-parts.ts';
import { checkLogs, checkOutcome, PROGRAMS } from './run-outcome.ts';

const STEP_MS = 10;
const GRACE_MS = 30;
const DRAIN_MS = 10;
const FILER_BOUND_MS = 20;
const LOCAL_BOUND_MS = 40;
const BOUNDS = phaseBounds({
  execer: { cancelBoundMs: GRACE_MS + DRAIN_MS },
  filers: [{ cancelBoundMs: FILER_BOUND_MS }],
  preprocessors: [{ cancelBoundMs: STEP_MS }],
  postprocessors: [{ cancelBoundMs: STEP_MS }],
  uploader: { cancelBoundMs: STEP_MS },
  localBoundMs: LOCAL_BOUND_MS,
});
/** A deadline lets the logs be uploaded at leisure: three of them, each with a limit of its own. */
const TAIL_MS = Object.values(BOUNDS).reduce((sum, ms) => sum + ms, 3 * 2 * STEP_MS);
const TIMEOUTS_MS: readonly number[] = [0, 20, 30, 50];
const BAZEL_ALIKE = `bz-${'a'.repeat(64)}-12-more`;
const SNAPSHOTS: readonly string[] = ['', 'snapshot', BAZEL_ALIKE];
const SNAPSHOT_TEXTS: Readonly<Record<string, string>> = {
  '': 'none',
  snapshot: 'a tree that the filer has',
  [BAZEL_ALIKE]: `a tree that the filer has, under an id that only begins as those of Bazel do: ${BAZEL_ALIKE}`,
};
const UPLOADERS: readonly (UploaderKind | undefined)[] = [
  undefined,
  'quick',
  'slow',
  'deaf',
  'failing',
  'endless',
];
const PROCESSORS: readonly (ProcessorKind | undefined)[] = [undefined, 'quick', 'slow', 'failing'];
const OUTPUT_FAULTS: readonly (readonly OutputFault[])[] = [
  [],
  [{ kind: 'delay', ms: STEP_MS }],
  [{ kind: 'create' }],
  [{ kind: 'close' }],
];

export const oneRun: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-one-run',
  description:
    'one run of a command with a deadline, aborts by two people, a memory cap, and a filer, processors, outputs and an uploader that may be slow or fail: it ends in time, as its program says or for a reason that is there, and leaves nothing',
  options: {
    oracles: [watchRuns([...defaultRules, promptness(BOUNDS)]), noLateStart, toldFailures],
  },
  async run(sim) {
    const stage = new Stage(sim);
    const { runner } = stage;
    const program = pick(sim, 'program', PROGRAMS, 6, ({ argv }) => argv);
    const timeoutMs = pick(sim, 'timeout', TIMEOUTS_MS, 6, (ms) => (ms === 0 ? 'none' : `${ms} ms`));
    const snapshotId = pick(sim, 'snapshot', SNAPSHOTS, 6, (id) => SNAPSHOT_TEXTS[id]);
    const { runId } = await runner.run({ argv: program.argv, timeoutMs, snapshotId, envVars: envOf(sim) });
    const [ended] = await Promise.all([
      stage.end(runId, timeoutMs),
      losePatience(sim, runner, runId, 'somebody'),
      losePatience(sim, runner, runId, 'somebody else'),
      runAnother(sim, runner),
    ]);
    checkOutcome(sim, ended, program, {
      hasSnapshot: snapshotId !== '',
      mayLackOutputs: stage.mayLackOutputs,
    });
    if (!stage.hasOutputFaults) checkLogs(sim, ended, program, (ref) => stage.read(ref));
    await stage.leave();
  },
});

/** Callers who build an environment do not sort its keys. */
function envOf(sim: Simulation): NonNullable<Command['envVars']> {
  const env = { TOKEN: 'hunter2', PATH: '/bin' };
  return rarely(sim, 'keys of the environment swap places', 20) ? env : { PATH: env.PATH, TOKEN: env.TOKEN };
}

const patienceText = (step: number): string => (step === 0 ? 'never' : `at ${((step - 1) * STEP_MS) / 2} ms`);

async function losePatience(
  sim: Simulation,
  runner: SimulatedRunner,
  runId: string,
  who: string,
): Promise<void> {
  const step = pickIndex(sim, { subject: who, what: 'loses patience' }, 15, 30, patienceText, 'clause');
  if (step === 0) return;
  await sim.sleep(((step - 1) * STEP_MS) / 2, { subject: who, what: 'loses patience' });
  await runner.abort(runId);
}

async function runAnother(sim: Simulation, runner: SimulatedRunner): Promise<void> {
  if (!rarely(sim, 'another run waits', 8)) return;
  const { runId } = await runner.run({ argv: ['sleep 10'] });
  const { status } = await finalStatus(runner, runId);
  const { state, exitCode, error } = status;
  // A machine without memory fails what waits for it (R83).
  const isExcused = exitCode === EXIT_CODES.LOG_CREATION || error === WORKER_UNHEALTHY_MSG;
  sim.check(
    state === 'COMPLETE' || isExcused,
    `the other run was not carried out\n\nExpected COMPLETE, got ${state} with exit code ${exitCode} (${error}).`,
  );
}

/** The runner with all that stands around it. */
class Stage {
  readonly runner: SimulatedRunner;
  readonly mayLackOutputs: boolean;
  readonly hasOutputFaults: boolean;
  readonly #sim: Simulation;
  readonly #filer: SimFiler;
  readonly #metrics: MemoryMetrics;
  readonly #tempDirs = virtualTempDirs();
  readonly #uploader: TidyUploader | undefined;
  readonly #after: CountingProcessor | undefined;

  constructor(sim: Simulation) {
    const { clock, tracer } = sim.world;
    this.#sim = sim;
    this.#metrics = createMemoryMetrics({ tracer, clock, name: 'runner' });
    this.#filer = moodyFiler(sim);
    const uploaderKind = pick(sim, 'uploader', UPLOADERS, 8);
    this.#uploader = uploaderKind === undefined ? undefined : new TidyUploader(sim, uploaderKind);
    const before = processorOf(sim, 'fetch');
    this.#after = processorOf(sim, 'tidy');
    const fault = pickIndex(
      sim,
      'fault of an output',
      OUTPUT_FAULTS.length,
      15,
      (at) => OUTPUT_FAULTS[at]?.[0] ?? 'none',
    );
    const faultyAt =
      fault === 0 ? -1 : sim.choose('output with the fault', 3, (at) => ['stdout', 'stderr', 'stdlog'][at]);
    this.hasOutputFaults = fault > 0;
    this.mayLackOutputs = OUTPUT_FAULTS[fault]?.[0]?.kind === 'create';
    this.runner = createSimulatedRunner(sim.world, {
      capacity: 2,
      history: 4,
      localBoundMs: LOCAL_BOUND_MS,
      filers: new Map([['scoot', { filer: this.#filer }]]),
      tempDirs: this.#tempDirs,
      metrics: this.#metrics,
      execer: createSimExecer({
        clock,
        tracer,
        graceMs: GRACE_MS,
        drainGraceMs: DRAIN_MS,
        memoryCapBytes: 100,
        memoryPeriodMs: 2 * STEP_MS,
      }),
      outputs: createMemoryOutputs({
        clock,
        faults: (_id, serial) => (serial === faultyAt ? OUTPUT_FAULTS[fault] : undefined),
      }),
      ...(this.#uploader === undefined ? {} : { uploader: this.#uploader }),
      ...(before === undefined ? {} : { preprocessors: [before] }),
      ...(this.#after === undefined ? {} : { postprocessors: [this.#after] }),
    });
  }

  /** Waits for the end of a run, and judges when it came. */
  async end(runId: string, timeoutMs: number): Promise<RunStatus> {
    const startedAtMs = this.#sim.now();
    const running = this.#runningAt(runId);
    const { status } = await finalStatus(this.runner, runId);
    const durationMs = this.#sim.now() - startedAtMs;
    const ranAtMs = (await running) - startedAtMs;
    if (timeoutMs === 0) return status;
    const limitMs = timeoutMs + TAIL_MS;
    this.#sim.check(
      durationMs <= limitMs,
      `run ${runId} ended long after its deadline\n\nAfter its timeout of ${timeoutMs} ms it may take ${TAIL_MS} ms to end: the bounds of all phases that clean up.\nExpected at most ${limitMs} ms, got ${durationMs} ms.`,
    );
    this.#sim.check(
      ranAtMs <= timeoutMs,
      `the process of run ${runId} was started after its deadline\n\nThe deadline is ${timeoutMs} ms, the start was at ${ranAtMs} ms.`,
    );
    this.#sim.check(
      status.state !== 'TIMEDOUT' || durationMs >= timeoutMs,
      `run ${runId} was TIMEDOUT before its deadline\n\nThe deadline is ${timeoutMs} ms, it ended at ${durationMs} ms.`,
    );
    return status;
  }

  read(ref: string): { readonly text: string; readonly isUploaded: boolean; readonly mustBe: boolean } {
    const mustBe = this.#uploader?.isReliable === true;
    const uploaded = this.#uploader?.find(ref);
    const text = this.runner.outputs.find(uploaded?.uri ?? ref)?.text() ?? '';
    return { text, isUploaded: uploaded !== undefined, mustBe };
  }

  /** Releases the runner, waits for collaborators that were given up, and looks for what is left. */
  async leave(): Promise<void> {
    await this.runner.release();
    await this.#sim.sleep(1_000);
    const violations = this.#filer.verify();
    this.#sim.check(
      violations.length === 0,
      `the filer was used wrongly: ${violations.map(({ text }) => text).join('; ')}`,
    );
    this.#sim.check(
      this.#tempDirs.held.size === 0,
      `temporary directories are left\n\nOf the runner that was released a second ago: ${[...this.#tempDirs.held].join(', ')}.`,
    );
    const { livingProcesses } = this.runner.shareExecer();
    this.#sim.check(livingProcesses === 0, `${livingProcesses} processes are alive after the release`);
    const starts = this.#metrics.value(METRIC_NAMES.IDLE_LATENCY_MS);
    const calls = this.#after?.calls ?? starts;
    this.#sim.check(
      calls === starts,
      `processor tidy was not called once per run\n\n${starts} runs were started, it was called ${calls} times.`,
    );
  }

  /** When its process was started; long ago if it never was. */
  async #runningAt(runId: string): Promise<number> {
    try {
      await waitForState(this.runner, runId, 'RUNNING');
      return this.#sim.now();
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_CANNOT_HAPPEN')) return -Infinity;
      throw error;
    }
  }
}

function moodyFiler(sim: Simulation): SimFiler {
  const { clock, choices, tracer } = sim.world;
  return createSimFiler({
    clock,
    choices,
    tracer,
    name: 'filer',
    runner: 'runner',
    cancelBoundMs: FILER_BOUND_MS,
    menu: {
      checkout: [
        { latencyMs: STEP_MS },
        { latencyMs: STEP_MS, fail: { text: 'no such snapshot', exitCode: 212 } },
        { latencyMs: 4 * STEP_MS, cancelMs: STEP_MS },
        { latencyMs: 40 * STEP_MS, deaf: true },
      ],
      release: [{ fail: { text: 'the directory is busy' } }],
    },
  });
}

function processorOf(sim: Simulation, name: string): CountingProcessor | undefined {
  const kind = pick(sim, `processor ${name}`, PROCESSORS, 8);
  return kind === undefined ? undefined : new CountingProcessor(sim, name, kind);
}
