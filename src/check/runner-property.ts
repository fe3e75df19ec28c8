/** The model-based property: no sequence of commands, under any schedule, makes a runner break its contract. */
import { NAT } from './nat.ts';
import fc from 'fast-check';
import * as is from '../kernel/shape.ts';
import { check, isInstance, mustBeAbsent } from '../kernel/argument-check.ts';
import type { Timer } from '../kernel/clock.ts';
import { errorsOfSteps } from '../kernel/errors-of-steps.ts';
import { framesOf } from '../explore/explain/source-place.ts';
import { rulesNamedIn } from '../explore/explain/named-rules.ts';
import type { Service } from '../model/service.ts';
import { ALL_MASK } from '../model/state-mask.ts';
import type { World } from '../model/world.ts';
import { ContractBrokenError } from '../oracles/contract-broken-error.ts';
import { REACH_KINDS, ServiceReach, type ReachKind } from '../oracles/reach-kinds.ts';
import { createChaosRunner } from '../network/chaos-runner.ts';
import { LOG_HEADER_END } from '../model/log-markers.ts';
import type { Command } from '../model/command.ts';
import type { CommandedRunner, RunnerCommand, TranslatedCommand } from './runner-command.ts';
import { CallHistory } from './call-history.ts';
import { checkForm, HeldService } from './held-service.ts';
import { shellCommand } from './shell-command.ts';
import { RUNNER_COMMAND_FIELDS, weightedCommands, type RunnerCommandConstraints } from './runner-commands.ts';
import { RunnerModel } from './runner-model.ts';
import { NeverReachedError, requiredReach } from './required-reach.ts';
import {
  detailedProperty,
  SIMULATION_PROPERTY_FIELDS,
  type SimulationPropertyOptions,
} from './simulation-property.ts';
import { finish, unusualWait } from './wait-commands.ts';

/** The runner under test, and what may be done to it. */
export interface RunnerPropertyOptions<Runner extends Service = Service>
  extends RunnerCommandConstraints, SimulationPropertyOptions {
  /**
   * Makes the runner in a simulated world, or in one from `wallWorld`. The runner must have room for `capacity` runs
   * and remember all of them.
   */
  readonly create: (world: World) => Runner;
  /**
   * Makes a world on the machine's time (`realWorld` of `dryrunner/host`), one per sequence, for runners of real
   * commands. Nothing is simulated then: each step takes real time, and `seed` and `path` repeat the commands, but not
   * what the machine does.
   */
  readonly wallWorld?: () => World;
  /**
   * Makes a command that does what a script describes, for runners that do not take scripts as they are. Default with
   * `wallWorld`: {@link shellCommand}, for POSIX shells.
   */
  readonly translate?: (script: Command) => TranslatedCommand;
  /**
   * With `wallWorld`: removes what the runner leaves behind by design, such as log files; called after its release,
   * even a failed one.
   */
  readonly dispose?: (runner: Runner) => void | Promise<void>;
  /** With `wallWorld`: fails a sequence that has not ended after this many milliseconds. Default 60,000. */
  readonly cutOffMs?: number;
  /** How many runs the runner has room for, the active one included. Default 1. */
  readonly capacity?: number;
  /** Maximum number of commands per sequence. Default 30, with `wallWorld` 12. */
  readonly maxCommands?: number;
  /**
   * Reads the log at a ref. If given, the output of each run that ended by itself is compared with what its script
   * writes (R97), except with `faults`: then it is not called.
   */
  readonly readOutput?: (runner: Runner, ref: string) => string | Promise<string>;
  /** Kinds that need not be reached, each with the reason. */
  readonly mayMiss?: Partial<Record<ReachKind, string>>;
  /** After how many sequences every other kind must have been reached at least once. Default 100. */
  readonly reachWithin?: number;
}

/** A property that counts what it reaches. */
export interface RunnerProperty extends fc.IAsyncProperty<[[RunnerCommand[]], number]> {
  /** How often each kind of end, abort, wait, offer, release and fault was reached, by all sequences so far. */
  readonly reach: ServiceReach;
}

const REACH_WITHIN = 100;

/**
 * A property for `fc.assert`: no sequence of run, abort, query, look, wait, release, passing time and faults makes the
 * runner break its contract, and nothing of the runner is left at the end. Runs that are sure to end are awaited, and
 * their ends, exit codes and, without faults, outputs are compared with their scripts.
 *
 * A property that never sees a run end proves nothing about ends. So its hundredth sequence (`reachWithin`) fails with
 * a {@link NeverReachedError} if a kind of end, abort, wait, offer, release or fault was never reached. For fewer
 * sequences than that, use {@link assertRunnerProperty}, which runs more until it knows.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid or unknown options, for those of simulations with
 * `wallWorld`, and for `dispose` and `cutOffMs` without it.
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { createSimulatedRunner } from 'dryrunner';
 * import { runnerProperty } from 'dryrunner/check';
 * const property = runnerProperty({
 *   capacity: 2,
 *   create: (world) => createSimulatedRunner(world, { capacity: 2, history: 0 }),
 * });
 * await fc.assert(property, { numRuns: 20, seed: 1 });
 * if (property.reach.times('end COMPLETE 0') === 0) throw new Error('expected runs that end by themselves');
 * ```
 */
export function runnerProperty<Runner extends Service>(
  options: RunnerPropertyOptions<Runner>,
): RunnerProperty {
  return countedProperty(options, true).property;
}

/**
 * Asserts a {@link runnerProperty}, and that it reached everything it must: if `parameters.numRuns` sequences did not,
 * more are run, up to `reachWithin`.
 *
 * Rejects as `fc.assert` does, with a {@link NeverReachedError}, or with `RUNNER_INVALID_ARGUMENT` for wrong options or
 * parameters.
 *
 * @example
 * ```ts
 * import { createFakeRunner, argvScript } from 'dryrunner';
 * import { assertRunnerProperty } from 'dryrunner/check';
 * const reach = await assertRunnerProperty(
 *   { capacity: 3, create: (world) => createFakeRunner(world, { capacity: 3, history: 0, script: argvScript }) },
 *   { numRuns: 20 },
 * );
 * console.log(reach.times('end TIMEDOUT') > 0); // true
 * ```
 */
export async function assertRunnerProperty<Runner extends Service>(
  options: RunnerPropertyOptions<Runner>,
  parameters: fc.Parameters<[[RunnerCommand[]], number]> = {},
): Promise<ServiceReach> {
  const { property, required, sequences } = countedProperty(options, false);
  check('parameters', parameters, is.readable('parameters of fc.assert'));
  const { reach } = property;
  await fc.assert(property, parameters);
  const { reachWithin = REACH_WITHIN } = options;
  const { seed, path } = { ...fc.readConfigureGlobal(), ...parameters };
  // A path repeats one case, which need not reach anything else.
  while (path === undefined && reach.missed(required).length > 0 && sequences() < reachWithin) {
    const left = Math.min(reachWithin - sequences(), REACH_WITHIN);
    const other = seed === undefined ? {} : { seed: seed + sequences() };
    await fc.assert(property, { ...parameters, ...other, numRuns: left });
  }
  const missed = reach.missed(required);
  if (path === undefined && missed.length > 0) {
    throw new NeverReachedError(missed, sequences(), reach);
  }
  return reach;
}

interface CountedProperty {
  readonly property: RunnerProperty;
  readonly required: readonly ReachKind[];
  readonly sequences: () => number;
}

function countedProperty<Runner extends Service>(
  options: RunnerPropertyOptions<Runner>,
  judgesItself: boolean,
): CountedProperty {
  check('options', options, OPTIONS);
  checkWorldOptions(options);
  const { wallWorld } = options;
  const {
    maxCommands = 30,
    reachWithin = REACH_WITHIN,
    ...rest
  } = {
    ...(wallWorld === undefined ? {} : ON_THE_MACHINE),
    ...options,
  };
  const required = requiredReach(options);
  const reach = new ServiceReach();
  let count = 0;
  let hasFailed = false;
  const judge = (hasHeld: boolean): void => {
    count += 1;
    hasFailed ||= !hasHeld;
    // Only once, and never while a failure is being shrunk: shrunk sequences naturally reach less.
    if (!judgesItself || hasFailed || count !== reachWithin) return;
    const missed = reach.missed(required);
    if (missed.length > 0) throw new NeverReachedError(missed, count, reach);
  };
  // A plain array: `fc.commands` shrinks by what has run before, which a path cannot repeat without a `replayPath`.
  const commands = fc.array(fc.oneof({ withCrossShrink: true }, ...weightedCommands(rest)), {
    maxLength: maxCommands,
    size: 'max',
  });
  const property = sequenceProperty(commands, options, reach, judge);
  return { property: Object.assign(property, { reach }), required, sequences: () => count };
}

function sequenceProperty<Runner extends Service>(
  commands: fc.Arbitrary<RunnerCommand[]>,
  options: RunnerPropertyOptions<Runner>,
  reach: ServiceReach,
  judge: (hasHeld: boolean) => void,
): fc.IAsyncProperty<[[RunnerCommand[]], number]> {
  const { wallWorld, onVerdict } = options;
  const stated = statedHere();
  let history: CallHistory | undefined;
  const runIn = (
    world: World,
    sequence: readonly RunnerCommand[],
    run: typeof runSequence,
  ): Promise<void> => {
    history = new CallHistory(world.clock);
    return run(world, sequence, { ...options, history, reach, stated });
  };
  if (wallWorld !== undefined) {
    return machineProperty(commands, (sequence) => runIn(wallWorld(), sequence, runOnMachine), judge);
  }
  return detailedProperty<[RunnerCommand[]]>(
    [commands],
    ({ world }, sequence) => runIn(world, sequence, runSequence),
    {
      ...is.only<SimulationPropertyOptions>(SIMULATION_PROPERTY_FIELDS, options),
      onVerdict(verdict) {
        onVerdict?.(verdict);
        judge(verdict.held);
      },
    },
    ({ rule }) => detailsOf(rule, history),
  );
}

const OPTIONS = is.optionsOf<RunnerPropertyOptions>(
  { create: is.FUNCTION },
  {
    ...RUNNER_COMMAND_FIELDS,
    ...SIMULATION_PROPERTY_FIELDS,
    ...is.each(['wallWorld', 'translate', 'dispose', 'readOutput'], is.FUNCTION),
    cutOffMs: is.limit(),
    capacity: is.COUNT,
    maxCommands: NAT,
    mayMiss: is.optionsOf<Partial<Record<ReachKind, string>>>({}, is.each(REACH_KINDS, is.TEXT)),
    reachWithin: is.integer(1),
  },
);

/** Options that say something about sequences on the machine's time only. */
const OF_MACHINE = ['dispose', 'cutOffMs'] as const satisfies readonly (keyof RunnerPropertyOptions)[];

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an option that would have no effect in the requested world. */
function checkWorldOptions<Runner extends Service>(options: RunnerPropertyOptions<Runner>): void {
  const isSimulated = options.wallWorld === undefined;
  const names = isSimulated ? OF_MACHINE : Object.keys(SIMULATION_PROPERTY_FIELDS);
  const why = isSimulated ? 'it acts only with `wallWorld`' : 'with `wallWorld` nothing is simulated';
  mustBeAbsent('', options, Object.fromEntries(names.map((name) => [name, why])));
}

/** Smaller, because on the machine a sequence takes as long as its commands do. */
const ON_THE_MACHINE = { maxCommands: 12, maxSleepMs: 30, maxTimeoutMs: 300, maxWaitMs: 50 };
const CUT_OFF_MS = 60_000;

/** Like {@link simulationProperty}, with the same inputs, so that both can run with the same seed. */
function machineProperty(
  commands: fc.Arbitrary<RunnerCommand[]>,
  run: (sequence: readonly RunnerCommand[]) => Promise<void>,
  judge: (hasHeld: boolean) => void,
): fc.IAsyncProperty<[[RunnerCommand[]], number]> {
  const inputs: fc.Arbitrary<[RunnerCommand[]]> = fc.tuple(commands);
  const schedule: fc.Arbitrary<number> = fc.noShrink(fc.nat());
  return fc.asyncProperty(inputs, schedule, async ([sequence], _seed) => {
    try {
      await run(sequence);
    } catch (error) {
      judge(false);
      throw error;
    }
    judge(true);
  });
}

/** The options of a property, and the history of one of its sequences. */
interface SequenceOptions<Runner extends Service> extends RunnerPropertyOptions<Runner> {
  readonly reach: ServiceReach;
  readonly history: CallHistory;
  /** The stack frames at which the property was made. */
  readonly stated: readonly string[];
}

/** Further lines of a failure: the text of the rule, and the calls that led to it. */
function detailsOf(rule: string | undefined, history: CallHistory | undefined): string[] {
  const rules = rulesNamedIn(rule ?? '');
  const calls = history?.lines() ?? [];
  return [
    ...(rules.length === 0 ? [] : ['What the contract says', ...rules.map((text) => `  ${text}`)]),
    ...(calls.length === 0 ? [] : ['What happened', ...calls.map((line) => `  ${line}`)]),
  ];
}

/** The stack frames of the caller that makes a property: the only line of theirs that a failure can point to. */
function statedHere(): readonly string[] {
  const { stack = '' } = new Error('place');
  return framesOf(stack);
}

/** Releases and disposes of the runner after the sequence, even if that or the release fails or does not end. */
async function runOnMachine<Runner extends Service>(
  world: World,
  sequence: readonly RunnerCommand[],
  options: SequenceOptions<Runner>,
): Promise<void> {
  const { create, dispose, translate = shellCommand, cutOffMs = CUT_OFF_MS, history, stated } = options;
  const runner = create(world);
  const once = { ...options, create: () => runner, translate };
  try {
    const errors = await errorsOfSteps([
      () => beforeCutOff(world, cutOffMs, 'the sequence', runSequence(world, sequence, once)),
      () => beforeCutOff(world, cutOffMs, 'the release', runner.release()),
      () => dispose?.(runner),
    ]);
    // Those after the first may follow from it.
    if (errors.length > 0) throw errors[0];
  } catch (error) {
    if (!isInstance(error, ContractBrokenError)) throw error;
    const { rule, reason } = error;
    throw statedAt(stated, new ContractBrokenError(rule, reason, detailsOf(rule, history)));
  }
}

/** Replaces the stack by the caller's: which of our own lines noticed the failure is of no interest. */
function statedAt(frames: readonly string[], error: ContractBrokenError): ContractBrokenError {
  const lines = frames.map((frame) => `    at ${frame}`);
  error.stack = [`${error.name}: ${error.message}`, ...lines].join('\n');
  return error;
}

async function beforeCutOff(world: World, ms: number, what: string, work: Promise<void>): Promise<void> {
  let timer: Timer | undefined;
  const cut = new Promise<never>((_resolve, reject) => {
    timer = world.clock.timer('cut-off', ms, () => {
      reject(new ContractBrokenError('R200', `${what} has not ended after ${ms} ms`));
    });
  });
  try {
    await Promise.race([work, cut]);
  } finally {
    timer?.cancel();
  }
}

async function runSequence<Runner extends Service>(
  world: World,
  sequence: readonly RunnerCommand[],
  options: SequenceOptions<Runner>,
): Promise<void> {
  const { create, capacity = 1, faults = [], translate, reach, history, stated } = options;
  const runner = create(world);
  const chaos = faults.length > 0 ? createChaosRunner(world, runner) : undefined;
  const model = new RunnerModel(capacity);
  const held = new HeldService(world, chaos ?? runner, model, history);
  const real: CommandedRunner = {
    ...{ world, service: held.service, background: [], failed: held.note },
    ...(chaos === undefined ? {} : { chaos }),
    ...(translate === undefined ? {} : { translate }),
  };
  try {
    await fc.asyncModelRun(() => ({ model, real }), sequence);
    await endSequence(model, real, runner, options);
    held.throwAny();
  } catch (error) {
    held.note(error);
    throw held.first === undefined ? error : statedAt(stated, held.first);
  } finally {
    reach.add(held.watched.reach);
  }
}

/** Waits for the runs that are sure to end, releases the runner, and checks what is left. */
async function endSequence<Runner extends Service>(
  model: RunnerModel,
  real: CommandedRunner,
  runner: Runner,
  { readOutput, history }: SequenceOptions<Runner>,
): Promise<void> {
  const { chaos, service, background } = real;
  chaos?.heal();
  for (const runId of model.runIds) await finish(model, real, runId);
  if (chaos === undefined && readOutput !== undefined) {
    await checkOutputs(model, (ref) => readOutput(runner, ref));
  }
  const waiting = unusualWait(0, 'for a new run');
  if (waiting.check(model)) await waiting.run(model, real);
  model.releaseAsked();
  await service.release();
  await Promise.all(background);
  const all = { allRuns: true, states: ALL_MASK };
  const last = await history.note({ method: 'queryNow', args: [all] }, () => runner.queryNow(all));
  checkForm('queryNow', last);
  if (chaos !== undefined) return;
  model.sawTogether('queryNow', last.statuses);
  model.allOver();
}

/** R97: the log of a run that ended by itself has exactly what its script writes. */
async function checkOutputs(
  model: RunnerModel,
  read: (ref: string) => string | Promise<string>,
): Promise<void> {
  for (const { runId, end, seen } of model.runs) {
    if (end === undefined || (seen.state !== 'COMPLETE' && seen.state !== 'FAILED')) continue;
    for (const name of ['stdout', 'stderr'] as const) {
      const ref = seen[`${name}Ref`];
      // A command that could not be started has no log.
      const text = ref === '' && seen.state === 'FAILED' ? '' : await read(ref);
      const header = text.indexOf(LOG_HEADER_END);
      const body = header === -1 ? text : text.slice(header + LOG_HEADER_END.length);
      if (body === end[name]) continue;
      const [was, wanted] = [JSON.stringify(body), JSON.stringify(end[name])];
      throw new ContractBrokenError('R97', `${name} of run ${runId} is ${was}, its script writes ${wanted}`);
    }
  }
}
