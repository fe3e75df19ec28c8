/** What a runner has to say about itself to be held to the contract. */
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

/** What a case asks for; nothing that needs a capability which the subject lacks. Absent means the runner's own default. */
export interface SubjectOptions {
  /** Default 1 (R59). */
  readonly capacity?: number;
  /** Default 1 for capacity 1, else all. */
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

/** The parts of a machine that only some runners take from outside, as an exploration draws them. */
export interface PlannedMachine {
  readonly execer: Execer;
  /** Outputs that may fail, on those of the runner. */
  readonly outputs: (outputs: OutputCreator) => OutputCreator;
  readonly tempDirs: TempDirs;
  readonly dirMonitor?: DirMonitor;
  readonly localBoundMs: number;
}

/** A runner that was made for a case. */
export interface RunnerUnderTest {
  readonly service: Service;
  /** The text at a `stdoutRef` or `stderrRef`, or at a URI of a log's header; needed for `outputs`. */
  readonly readOutput?: (uri: string) => string | Promise<string>;
  /** Removes what the runner leaves by design, such as log files; called after `release`. */
  readonly dispose?: () => Promise<void>;
}

/** A world whose time passes only when somebody moves it, such as that of fake timers. */
export interface HeldWorld {
  readonly world: World;
  /** Lets all promise reactions run, then fires what is due next, if anything is; false if nothing was. */
  advance(): Promise<boolean>;
}

/**
 * A runner as the conformance suite sees it.
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
  /** Makes a runner in a new world; many may be made after one another. */
  create(world: World, options: SubjectOptions): RunnerUnderTest | Promise<RunnerUnderTest>;
  /**
   * Makes a runner whose execer, outputs, temporary directories and sizes come from outside as well: exploration draws them then, and they answer
   * at once, later, just at their bound, never, or fail. Default: they are the runner's own, and are not drawn.
   */
  readonly createOn?: (world: World, options: SubjectOptions, machine: PlannedMachine) => RunnerUnderTest;
  /** Makes a world on the machine's time. Without this and the next cases run in virtual time, watched by the default oracles. */
  readonly wallWorld?: () => World;
  /** Makes a world whose time the suite moves, one per seed. Its times are exact, as virtual ones are. */
  readonly heldWorld?: (seed: string | number) => HeldWorld;
  /**
   * How long one step of a case lasts, in milliseconds. Default 10 in virtual time, where it matters little, and 80 on the machine:
   * long enough to distinguish two moments, short enough not to wait.
   */
  readonly stepMs?: number;
  /** How long a stubborn command outlives the request to stop, in milliseconds, exactly (R125). Default: not known. */
  readonly graceMs?: number;
}

const COMMANDS = is.withMethods('exit', 'hang');

/**
 * Refuses what no case can be run against.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the field.
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
 * Refuses what a workload cannot draw commands for. A case that needs a command which is missing says so itself.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the field.
 */
export function checkWholeSubject(subject: unknown): asserts subject is ConformanceSubject {
  checkSubject(subject);
  const { commands, supports } = subject;
  const claimed = CAPABILITIES.filter((capability) => supports[capability] === true);
  const words = claimed.flatMap((capability) => WORDS_OF[capability] ?? []);
  check('subject.commands', commands, is.withMethods('exit', 'hang', ...words));
}
