/**
 * The fake runner: the real queue and store with nothing behind them but a script per command, or the test's own hand. It is cheap
 * enough for 100,000 in a process. Invariant: it keeps the contract of every runner; only what a run does is made up.
 */
import { checkOptions } from '../../kernel/argument-check.ts';
import { checkWorld, type World } from '../../model/world.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { watchedService } from '../../model/service-watch.ts';
import type { ExitCode } from '../../model/exit-code.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import type { IsolatedPart } from '../../model/isolation.ts';
import type { RunID } from '../../model/run-status.ts';
import type { RunTypeMap } from '../../model/run-type.ts';
import { FakePerformer } from './fake-performer.ts';
import { argvScript, type FakeScripts } from './fake-script.ts';
import { isolateRunner } from '../queue/isolated-part.ts';
import type { QueueOptions } from '../queue/queue-options.ts';
import { QueueRunner } from '../queue/queue-runner.ts';
import { createInstruments } from '../queue/runner-instruments.ts';

/** Options of {@link createFakeRunner}. */
export interface FakeRunnerOptions extends QueueOptions {
  /** Names the runner in traces and labels; default `fake`. */
  readonly name?: string;
  /** What each command does; `argvScript` reads it off argv. Default: the test drives every run. */
  readonly script?: FakeScripts;
}

const NO_FILERS: RunTypeMap = new Map();

/** A runner whose runs do what they are told. */
export class FakeRunner extends QueueRunner {
  readonly #performer: FakePerformer;

  constructor(world: World, performer: FakePerformer, options: FakeRunnerOptions, part?: IsolatedPart) {
    super(world, {
      name: options.name ?? 'fake',
      performer,
      filers: NO_FILERS,
      instruments: createInstruments(),
      capacity: options.capacity,
      history: options.history,
      idPrefix: options.idPrefix,
      updateLimitMs: options.updateLimitMs,
      part,
    });
    this.#performer = performer;
  }

  /**
   * The run whose turn it is goes to RUNNING, now. If a script has its start later, that start falls away, and `runMs` counts from now.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if it is not that run's turn, or it runs already.
   */
  start(runId: RunID): void {
    this.#performer.start(runId);
  }

  /** The run whose turn it is ends as COMPLETE, now. @throws RunnerError `RUNNER_INVALID_ARGUMENT` if it is not that run's turn. */
  finish(runId: RunID, exitCode: ExitCode = 0): void {
    if (!Number.isInteger(exitCode)) throw invalidArgument('exitCode', 'an integer', exitCode);
    this.#performer.end(runId, { state: 'COMPLETE', exitCode });
  }

  /** The run whose turn it is ends as FAILED, now. @throws RunnerError `RUNNER_INVALID_ARGUMENT` if it is not that run's turn. */
  fail(runId: RunID, error: string, exitCode: ExitCode = EXIT_CODES.POST_EXEC): void {
    if (!Number.isInteger(exitCode)) throw invalidArgument('exitCode', 'an integer', exitCode);
    this.#performer.end(runId, { state: 'FAILED', exitCode, error });
  }

  /** The run whose turn it is, if there is one. */
  get current(): RunID | undefined {
    return this.#performer.current;
  }
}

/**
 * Makes a fake runner.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a negative capacity.
 * @example
 * ```ts
 * import { createFakeRunner, simulate } from 'dryrunner';
 * const verdict = await simulate({
 *   seed: 1,
 *   scenario: async (sim) => {
 *     const runner = createFakeRunner(sim.world);
 *     const { runId } = await runner.run({ argv: ['build'] });
 *     await sim.sleep(1);
 *     runner.start(runId);
 *     runner.finish(runId, 2);
 *     const { status } = await runner.status(runId);
 *     sim.check(status.exitCode === 2, 'the exit code is what the test said');
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function createFakeRunner(world: World, options: FakeRunnerOptions = {}): FakeRunner {
  checkWorld(world);
  checkOptions(options);
  const { name = 'fake', script } = options;
  const part = isolateRunner(world, name, options, ['script']);
  if (part === undefined) {
    return watchedService(world, name, new FakeRunner(world, new FakePerformer(world, script), options));
  }
  const home = { ...world, clock: part.clock };
  const performer = new FakePerformer(home, notedScript(part, script));
  return watchedService(world, name, new FakeRunner(home, performer, options, part));
}

/** The scripts of this package look at the command alone; any other may do what it likes. */
function notedScript(part: IsolatedPart, script: FakeScripts | undefined): FakeScripts | undefined {
  if (script === undefined || script === argvScript) return script;
  return (command) => {
    part.noteOutside();
    return script(command);
  };
}
