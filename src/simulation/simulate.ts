/**
 * One seed, one clock, one log, one trace, one verdict. Invariants: a property that fails does not throw; only the seed
 * (or the log) decides what happens; one simulation runs at a time.
 */
import * as is from '../kernel/shape.ts';
import type { DecisionSource } from '../kernel/decisions.ts';
import { invalidArgument, RunnerError } from '../kernel/errors.ts';
import { randomDecisions } from '../kernel/random-decisions.ts';
import { replayDecisions } from '../kernel/replay-decisions.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { noteSimulation } from './simulating.ts';
import { SimulationRun } from './simulation-run.ts';
import { STALL_LOOK_EVERY_LEAST } from './stall-watch.ts';
import type { Verdict } from './verdict.ts';
import { check, unreadable } from '../kernel/argument-check.ts';
import { SEED } from '../kernel/seeded-random.ts';

interface Running {
  readonly run: SimulationRun;
  readonly ended: Promise<Verdict>;
}

let running: Running | undefined;

/** Argument shape of {@link SimulateOptions}. */
export const SIMULATE_OPTIONS: is.RecordShape = is.closed(
  is.objectOf<SimulateOptions>(
    'an object with a scenario',
    { scenario: is.CALLABLE },
    {
      ...is.each(['keepTrace', 'capturePlaces', 'captureAwaits', 'captureOutside', 'omitStacks'], is.BOOLEAN),
      ...is.each(['onFire', 'onState', 'onTurn', 'nextTurn'], is.FUNCTION),
      ...is.each(['maxEvents', 'defaultMaxEvents'], is.limit(1)),
      name: is.TEXT,
      seed: SEED,
      replay: is.LIST,
      source: is.withMethods('decide'),
      oracles: is.listOf(is.FUNCTION),
      ambient: is.withMethods('begin'),
      modules: is.withMethods('prepare', 'evaluate'),
      stallLookEvery: is.integer(STALL_LOOK_EVERY_LEAST),
      leftovers: is.oneOf('fail', 'ignore'),
      drain: is.oneOf('fast', 'documented', 'auto'),
      isolator: is.withMethods('isolate'),
      watchServices: is.withMethods('service', 'node'),
      signal: is.ABORT_SIGNAL,
    },
  ),
);

const SIMULATE_FIELDS = Object.fromEntries(
  SIMULATE_OPTIONS.fields,
) as unknown as is.ShapesOf<SimulateOptions>;

/**
 * Runs a scenario in virtual time and returns its verdict. Simulations of one thread run one after another: one that
 * starts while another is running waits for its end, even if the other's caller no longer awaits it, as after a test
 * timeout.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for wrong options, `RUNNER_SIMULATION_MISUSE` inside another simulation
 * (as rejections).
 * @example
 * ```ts
 * import { createSimulatedRunner, finalStatus, simulate } from 'dryrunner';
 * const verdict = await simulate({
 *   seed: 7,
 *   scenario: async (sim) => {
 *     const runner = createSimulatedRunner(sim.world);
 *     const { runId } = await runner.run({ argv: ['sleep 86400000', 'complete 0'], timeoutMs: 3_600_000 });
 *     const { status } = await finalStatus(runner, runId);
 *     sim.check(status.state === 'TIMEDOUT', 'a day does not fit into an hour');
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held || verdict.virtualMs !== 3_600_000) throw new Error('expected one hour of virtual time');
 * ```
 */
export function simulate(given: SimulateOptions): Promise<Verdict> {
  try {
    return simulateChecked(readOnce(given));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** As {@link simulate}, for options that are already checked. */
export async function simulateChecked(options: SimulateOptions): Promise<Verdict> {
  if (options.replay !== undefined && options.source !== undefined) {
    throw invalidArgument('source', 'either replay or source', options.source);
  }
  while (running !== undefined) {
    if (running.run.turns.isOn) {
      const error = new RunnerError(
        'RUNNER_SIMULATION_MISUSE',
        'A simulation was started inside another one; run them one after another.',
      );
      running.run.noteMisuse(error);
      throw error;
    }
    await running.ended.catch(() => undefined);
  }
  const run = new SimulationRun(options, sourceOf(options));
  const ended = run.run();
  running = { run, ended };
  noteSimulation(run);
  try {
    return await ended;
  } finally {
    running = undefined;
    noteSimulation(undefined);
  }
}

/** The engine has ended the code of the simulation inside an endless loop, so that the end of its turn was not noted. */
export function noteCutOff(): void {
  if (running !== undefined) running.run.turns.isOn = false;
}

/** Reads each option once: a getter may return something else, or throw, the next time. */
function readOnce(given: SimulateOptions): SimulateOptions {
  const options = isPlain(given) ? copyOf(given) : copyOfHeir(given);
  check('options', options, SIMULATE_OPTIONS);
  return options;
}

/** A fast path: most options inherit nothing, and then inspecting each possible field would cost more than the copy. */
function isPlain(given: unknown): boolean {
  try {
    return typeof given === 'object' && given !== null && Object.getPrototypeOf(given) === Object.prototype;
  } catch {
    // A proxy that refuses: the next access reports it.
    return false;
  }
}

function copyOf(given: SimulateOptions): SimulateOptions {
  try {
    return { ...given };
  } catch (error) {
    throw unreadable('options', given, error);
  }
}

/**
 * Copies options that have a prototype of their own, whose fields count as well; also takes invalid values of other
 * types.
 */
function copyOfHeir(given: SimulateOptions): SimulateOptions {
  check('options', given, SIMULATE_OPTIONS);
  try {
    return { ...given, ...is.only<SimulateOptions>(SIMULATE_FIELDS, given) };
  } catch (error) {
    throw unreadable('options', given, error);
  }
}

function sourceOf({ replay, source, seed = 1 }: SimulateOptions): DecisionSource {
  if (source !== undefined) return source;
  return replay === undefined ? randomDecisions(seed) : replayDecisions(replay);
}
