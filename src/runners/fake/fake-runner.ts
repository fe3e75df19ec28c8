/**
 * The fake runner: the real queue and store, with runs that follow a script per command or direct calls of the test. It
 * is cheap enough for 100,000 in a process. Invariant: it keeps the contract of every runner; only the execution of a
 * run is made up.
 */
import * as is from '../../kernel/shape.ts';
import type { Timer } from '../../kernel/clock.ts';
import { invalidArgument, messageOf } from '../../kernel/errors.ts';
import { invariant } from '../../kernel/invariant.ts';
import { Thing, type Topic } from '../../kernel/question.ts';
import { tagsOf, type Command } from '../../model/command.ts';
import { notStartedText } from '../../model/end-text.ts';
import { EXIT_CODES, type ExitCode } from '../../model/exit-code.ts';
import type { RunState } from '../../model/run-state.ts';
import { makeRunStatus, runningStatus, type RunID } from '../../model/run-status.ts';
import { type World, checkWorld } from '../../model/world.ts';
import { missingRequest } from '../queue/bazel-request.ts';
import { type FakeEnd, type FakeScript, type FakeScripts, argvScript, scriptFor } from './fake-script.ts';
import type { Performance, Performer, StatusListener } from '../queue/performer.ts';
import { watchedService } from '../../model/service.ts';
import type { IsolatedPart } from '../../model/isolation.ts';
import type { RunTypeMap } from '../../model/run-type.ts';
import { isolateRunner } from '../queue/isolated-part.ts';
import { QueueRunner } from '../queue/queue-runner.ts';
import { createInstruments } from '../queue/runner-instruments.ts';
import { check } from '../../kernel/argument-check.ts';
import { FIELDS_WITHOUT_FILERS, type QueueOptionsWithoutFilers } from '../queue/queue-options.ts';

const NO_REFS = Object.freeze({ stdoutRef: '', stderrRef: '' });
const COMPLETE_0: FakeEnd = Object.freeze({ state: 'COMPLETE', exitCode: 0 });

class FakePerformance implements Performance {
  readonly runId: RunID;
  readonly #world: World;
  readonly #command: Command;
  readonly #onStatus: StatusListener;
  readonly #onEnd: () => void;
  #script: FakeScript | undefined;
  /** The next step of the script: the start, then the end. */
  #next: Timer | undefined;
  #deadline: Timer | undefined;
  #isRunning = false;
  #isOver = false;
  #abort: Timer | undefined;
  readonly #runner: string;
  /** Subject of its events. */
  #run: Thing | undefined;

  constructor(
    { world, runner }: Pick<FakePerformer, 'world' | 'runner'>,
    command: Command,
    runId: RunID,
    onStatus: StatusListener,
    onEnd: () => void,
  ) {
    this.runId = runId;
    this.#runner = runner;
    this.#world = world;
    this.#command = command;
    this.#onStatus = onStatus;
    this.#onEnd = onEnd;
  }

  begin(script: FakeScript | undefined): void {
    const { clock } = this.#world;
    const { timeoutMs = 0 } = this.#command;
    if (timeoutMs > 0) {
      this.#deadline = clock.timer(this.#topic('deadline'), timeoutMs, () => this.#end('TIMEDOUT', 0, ''));
    }
    if (script === undefined) return;
    this.#script = script;
    this.#after(script.startAfterMs ?? 0, 'start', () => this.start());
  }

  start(): void {
    if (this.#isRunning) throw invalidArgument('runId', 'a run that is not RUNNING yet', this.runId);
    this.#isRunning = true;
    // A test may start it before its script does.
    this.#next?.cancel();
    const ref = `fake:///${this.runId}`;
    this.#onStatus(runningStatus(this.runId, `${ref}-stdout`, `${ref}-stderr`, tagsOf(this.#command)));
    if (this.#script === undefined) return;
    const { runMs = 0, end = COMPLETE_0 } = this.#script;
    this.#after(runMs, 'end', () => this.end(end));
  }

  end({ state, exitCode, error = '' }: FakeEnd): void {
    this.#end(state, exitCode, error);
  }

  abort(): void {
    if (this.#abort !== undefined || this.#isOver) return;
    this.#abort = this.#world.clock.post(this.#topic('abort'), () => this.#end('ABORTED', 0, ''));
  }

  #topic(what: string): Topic {
    return (this.#run ??= new Thing('run', this.runId, this.#runner)).topic(what);
  }

  #after(ms: number, what: string, go: () => void): void {
    if (this.#isOver) return;
    if (ms === 0) go();
    else if (ms !== Infinity) this.#next = this.#world.clock.timer(this.#topic(what), ms, go);
  }

  #end(state: RunState, exitCode: number, error: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#next?.cancel();
    this.#deadline?.cancel();
    this.#abort?.cancel();
    this.#onEnd();
    const outcome = { snapshotId: '', exitCode, error };
    this.#onStatus(makeRunStatus(this.runId, state, tagsOf(this.#command), NO_REFS, outcome));
  }
}

/**
 * Performs fake runs one at a time, by script or by calls of the test. Invariant: a run that has ended leaves no timer.
 */
class FakePerformer implements Performer {
  readonly world: World;
  readonly #script: FakeScripts | undefined;
  readonly runner: string;
  #performance: FakePerformance | undefined;

  constructor(world: World, runner: string, script: FakeScripts | undefined) {
    this.world = world;
    this.runner = runner;
    this.#script = script;
  }

  get current(): RunID | undefined {
    return this.#performance?.runId;
  }

  perform(command: Command, runId: RunID, onStatus: StatusListener): Performance {
    invariant(this.#performance === undefined, 'expected one fake run at a time');
    const onEnd = (): void => {
      this.#performance = undefined;
    };
    const performance = new FakePerformance(this, command, runId, onStatus, onEnd);
    this.#performance = performance;
    const missing = missingRequest(command);
    if (missing !== undefined) {
      performance.end({ state: 'FAILED', exitCode: missing.exitCode, error: missing.message });
      return performance;
    }
    let script: FakeScript | undefined;
    try {
      script = scriptFor(command, this.#script);
    } catch (error) {
      const text = messageOf(error);
      performance.end({
        state: 'FAILED',
        exitCode: EXIT_CODES.COULD_NOT_EXEC,
        error: notStartedText(text),
      });
      return performance;
    }
    performance.begin(script);
    return performance;
  }

  start(runId: RunID): void {
    this.#at(runId).start();
  }

  end(runId: RunID, end: FakeEnd): void {
    this.#at(runId).end(end);
  }

  #at(runId: RunID): FakePerformance {
    check('runId', runId, is.TEXT);
    if (this.#performance?.runId !== runId) {
      const whose = this.current ?? 'none now: that of an accepted run comes in the next event';
      throw invalidArgument('runId', `the run whose turn it is (${whose})`, runId);
    }
    return this.#performance;
  }
}

/** Options of {@link createFakeRunner}. */
export interface FakeRunnerOptions extends QueueOptionsWithoutFilers {
  /** Name of the runner in traces and labels; default `fake`. */
  readonly name?: string;
  /** Script of each command; `argvScript` derives it from argv. Default: the test drives every run. */
  readonly script?: FakeScripts;
}

const NO_FILERS: RunTypeMap = new Map();

const FAKE_RUNNER_OPTIONS = is.optionsOf<FakeRunnerOptions>(
  {},
  { ...FIELDS_WITHOUT_FILERS, name: is.TEXT, script: is.FUNCTION },
);

/** A runner whose runs follow a script or the test that drives it. */
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
      part,
    });
    this.#performer = performer;
  }

  /**
   * Moves the active run to RUNNING now. If its script would start it later, that start is dropped, and `runMs` counts
   * from now.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `runId` is not the active run, or it is RUNNING already.
   */
  start(runId: RunID): void {
    this.#performer.start(runId);
  }

  /**
   * Ends the active run as COMPLETE now.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `runId` is not the active run, or `exitCode` is no integer.
   */
  finish(runId: RunID, exitCode: ExitCode = 0): void {
    check('exitCode', exitCode, is.WHOLE);
    this.#performer.end(runId, { state: 'COMPLETE', exitCode });
  }

  /**
   * Ends the active run as FAILED now.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `runId` is not the active run, `error` is no string, or `exitCode`
   * no integer.
   */
  fail(runId: RunID, error: string, exitCode: ExitCode = EXIT_CODES.POST_EXEC): void {
    check('error', error, is.TEXT);
    check('exitCode', exitCode, is.WHOLE);
    this.#performer.end(runId, { state: 'FAILED', exitCode, error });
  }

  /** The active run: the one whose turn it is, PENDING or RUNNING; undefined if there is none. */
  get current(): RunID | undefined {
    return this.#performer.current;
  }
}

/**
 * Creates a fake runner.
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
  check('options', options, FAKE_RUNNER_OPTIONS);
  const { name = 'fake', script } = options;
  const part = isolateRunner(world, name, options, ['script']);
  if (part === undefined) {
    return watchedService(
      world,
      name,
      new FakeRunner(world, new FakePerformer(world, name, script), options),
    );
  }
  const home = { ...world, clock: part.clock };
  const performer = new FakePerformer(home, name, notedScript(part, script));
  return watchedService(world, name, new FakeRunner(home, performer, options, part));
}

/** Scripts of this package depend on the command alone; any other function may have side effects. */
function notedScript(part: IsolatedPart, script: FakeScripts | undefined): FakeScripts | undefined {
  if (script === undefined || script === argvScript) return script;
  return (command) => {
    part.noteOutside();
    return script(command);
  };
}
