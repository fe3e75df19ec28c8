/** The description of a runner for the conformance suite. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { DirMonitor, LogUploader, Processor, TempDirs } from '../model/collaborators.ts';
import type { ActionStore } from '../model/content-store.ts';
import type { Execer } from '../model/execer.ts';
import type { Metrics } from '../model/metrics.ts';
import type { OutputCreator } from '../model/output.ts';
import type { RunTypeMap } from '../model/run-type.ts';
import type { Service } from '../model/service.ts';
import type { World } from '../model/world.ts';
import { CAPABILITIES, checkSupports, type Supports } from './capability.ts';
import { type CommandVocabulary, WORDS_OF } from './command-vocabulary.ts';

/**
 * The options that a case asks for; never one that needs a capability which the subject lacks. Absent: the runner's own
 * default.
 */
export interface SubjectOptions {
  /** How many runs fit into the runner. Default 1 (R59). */
  readonly capacity?: number;
  /** How many runs it remembers. Default: 1 for capacity 1, else all. */
  readonly history?: number;
  readonly idPrefix?: string;
  readonly updateLimitMs?: number;
  readonly filers?: RunTypeMap;
  readonly preprocessors?: readonly Processor[];
  readonly postprocessors?: readonly Processor[];
  readonly uploader?: LogUploader;
  readonly metrics?: Metrics;
  readonly actions?: ActionStore;
}

/** The parts of a machine that only some runners accept from outside; an exploration draws them. */
export interface PlannedMachine {
  readonly execer: Execer;
  /**
   * Wraps the runner's outputs in ones that may fail. The id of an output must contain the id of its run as a word, and
   * `stdout`, `stderr` or `stdlog`.
   */
  readonly outputs: (outputs: OutputCreator) => OutputCreator;
  /** The name of a directory must contain the id of its run as a word. */
  readonly tempDirs: TempDirs;
  readonly dirMonitor?: DirMonitor;
  readonly localBoundMs: number;
}

/** A runner made for a case. */
export interface RunnerUnderTest {
  readonly service: Service;
  /** Reads the text at a `stdoutRef` or `stderrRef`, or at a URI in a log's header; required for `outputs`. */
  readonly readOutput?: (uri: string) => string | Promise<string>;
  /** Removes what the runner leaves behind by design, such as log files; called after `release`. */
  readonly dispose?: () => Promise<void>;
}

/** A world whose time passes only when it is advanced, such as that of fake timers. */
export interface HeldWorld {
  readonly world: World;
  /** Lets all promise reactions run, then fires the next event that is due; false if there was none. */
  advance(): Promise<boolean>;
}

/**
 * A runner, described for the conformance suite.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner } from 'dryrunner';
 * import { simCommands, supportsAllBut, type ConformanceSubject } from 'dryrunner/conformance';
 * const mine: ConformanceSubject = {
 *   name: 'mine',
 *   supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
 *   commands: simCommands,
 *   create: (world, options) => ({ service: createSimulatedRunner(world, options) }),
 * };
 * if (mine.supports.capacity !== true) throw new Error('expected the rest to be supported');
 * ```
 */
export interface ConformanceSubject {
  readonly name: string;
  readonly supports: Supports;
  readonly commands: CommandVocabulary;
  /** Makes a runner in a new world; called many times, one after another. */
  create(world: World, options: SubjectOptions): RunnerUnderTest | Promise<RunnerUnderTest>;
  /**
   * Makes a runner that also accepts its execer, outputs, temporary directories and sizes from outside: an exploration
   * then draws these parts, which answer immediately, later, just at their bound, never, or fail. Default: the runner's
   * own parts are used, and nothing about them is drawn.
   */
  readonly createOn?: (world: World, options: SubjectOptions, machine: PlannedMachine) => RunnerUnderTest;
  /**
   * Makes a world on the machine's time. If neither this nor `heldWorld` is given, cases run in virtual time, watched
   * by the default oracles.
   */
  readonly wallWorld?: () => World;
  /** Makes a world whose time the suite advances, one per seed. Its times are as exact as virtual ones. */
  readonly heldWorld?: (seed: string | number) => HeldWorld;
  /**
   * Length of one step of a case in milliseconds. Default 10 in virtual time, where it matters little, and 80 on the
   * machine: long enough to distinguish two moments, short enough not to wait.
   */
  readonly stepMs?: number;
  /** How long a stubborn command outlives the request to stop, in milliseconds, exactly (R125). Default: unknown. */
  readonly graceMs?: number;
}

const COMMANDS = is.withMethods('exit', 'hang');

/**
 * Refuses a subject that no case can run against.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` with the name of the field.
 */
export function checkSubject(subject: unknown): asserts subject is ConformanceSubject {
  check('subject', subject, is.readable('a ConformanceSubject'));
  check('subject', subject, is.withMethods('create'));
  const { name, commands, supports, createOn, wallWorld, heldWorld } = subject as Partial<ConformanceSubject>;
  check('subject.name', name, is.TEXT);
  check('subject.commands', commands, COMMANDS);
  checkSupports(supports);
  if (createOn !== undefined) check('subject.createOn', createOn, is.FUNCTION);
  if (wallWorld !== undefined && heldWorld !== undefined) {
    throw invalidArgument('subject', 'either wallWorld or heldWorld', subject);
  }
}

/**
 * Refuses a subject for which a workload cannot draw commands. A case that needs a missing command reports that itself.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` with the name of the field.
 */
export function checkWholeSubject(subject: unknown): asserts subject is ConformanceSubject {
  checkSubject(subject);
  const { commands, supports, wallWorld } = subject;
  if (wallWorld !== undefined && supports.virtualTime === true) {
    const expected = 'the reason why it lacks virtual time, since it has a wallWorld';
    throw invalidArgument('subject.supports.virtualTime', expected, true);
  }
  const claimed = CAPABILITIES.filter((capability) => supports[capability] === true);
  const words = claimed.flatMap((capability) => WORDS_OF[capability] ?? []);
  check('subject.commands', commands, is.withMethods('exit', 'hang', ...words));
}
