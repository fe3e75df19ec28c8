/**
 * Turns faults of collaborators into decisions: outputs that fail or write short, filers that fail, hang or are slow,
 * clocks that are off. Invariant: answer 0 always means no fault and the highest answer always means one; the
 * collaborator does not know that its faults are decisions.
 */
import * as is from '../kernel/shape.ts';
import type { FilerBehaviour, FilerBehaviours } from '../filers/filer-behaviour.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { thing, topicOf } from '../kernel/question.ts';
import { type ClockSkew, DRIFT_PPM_LIMIT, OFFSET_MS_LIMIT } from '../kernel/skewed-clock.ts';
import { outputFaultText } from '../model/faults.ts';
import {
  checkOutputFault,
  OUTPUT_FAULT,
  type OutputFault,
  type OutputFaultPlan,
} from '../outputs/output-fault.ts';
import type { Simulation } from './simulation.ts';
import { check } from '../kernel/argument-check.ts';
import { WORLD_OF_CHOICES } from '../model/world.ts';
import { CHANCE } from './scenario-faults.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/**
 * Default faults of an output: it cannot be closed, is written short, is full, or is not created. Their number is part
 * of each question, so adding one changes the logs, tokens and hashes of every user of the default.
 */
const OUTPUT_FAULTS: readonly OutputFault[] = Object.freeze([
  { kind: 'close' },
  { kind: 'short', afterBytes: 16 },
  { kind: 'error', afterBytes: 0 },
  { kind: 'create' },
]);
const LATENCY_MS = 0;
const SLOW_MS = 5_000;
const SLOW_CANCEL_MS = 100;
const OFFSET_MS_MAX = 60_000;
const DRIFT_PPM_MAX = 10_000;

/** Options of {@link chosenOutputFaults}. */
export interface ChosenOutputFaultsOptions {
  /** Name of the place in labels and in the trace; default `output`. */
  readonly name?: string;
  /** One output in this many has a fault; default 8, ≥ 2. */
  readonly oneIn?: number;
  /**
   * Possible faults, all equally likely. By default an output cannot be closed, is written short, cannot be written at
   * all, or cannot be created.
   */
  readonly faults?: readonly OutputFault[];
}

const OUTPUT_FAULTS_OPTIONS = is.optionsOf<ChosenOutputFaultsOptions>(
  {},
  { name: is.TEXT, oneIn: CHANCE, faults: is.listOf(OUTPUT_FAULT) },
);

/**
 * A plan for `createMemoryOutputs({ faults })` by which the exploration decides which output fails and how: one
 * decision `NAME/ID fault` for each output, and a `fault` event for each output that has one (R169, R212).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
 * @example
 * ```ts
 * import { chosenOutputFaults, createMemoryOutputs, createSimulatedRunner, finalStatus, simulate } from 'dryrunner';
 * const verdict = await simulate({
 *   seed: 2,
 *   async scenario(sim) {
 *     const outputs = createMemoryOutputs({ faults: chosenOutputFaults(sim, { oneIn: 2 }) });
 *     const runner = createSimulatedRunner(sim.world, { outputs });
 *     const { runId } = await runner.run({ argv: ['stdout hello', 'complete 0'] });
 *     const { status } = await finalStatus(runner, runId);
 *     sim.check(['COMPLETE', 'FAILED'].includes(status.state), `a broken disk made it ${status.state}`);
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held || verdict.faults === 0) throw new Error('expected a fault, and nothing worse');
 * ```
 */
export function chosenOutputFaults(
  sim: Pick<Simulation, 'world'>,
  options: ChosenOutputFaultsOptions = {},
): OutputFaultPlan {
  check('sim', sim, SIMULATION);
  check('options', options, OUTPUT_FAULTS_OPTIONS);
  const { name = 'output', oneIn = FAULT_ODDS.partOneIn, faults = OUTPUT_FAULTS } = options;
  if (faults.length === 0) throw invalidArgument('faults', 'at least one fault', faults);
  faults.forEach(checkOutputFault);
  const n = faults.length * oneIn;
  return (id) => {
    const { choices, clock, tracer } = sim.world;
    const faultOf = (answer: number): OutputFault | undefined => faults[answer - (n - faults.length)];
    const describe = (answer: number): string => {
      const struck = faultOf(answer);
      return struck === undefined ? '' : outputFaultText(struck.kind, id);
    };
    const fault = faultOf(choices.choose(thing(name, id).topic('').asks('fault'), n, describe));
    if (fault === undefined) return undefined;
    tracer.record({
      at: clock.now(),
      type: 'fault',
      runner: name,
      operation: id,
      kind: fault.kind,
      runId: '',
    });
    return [fault];
  };
}

/** Options of {@link chosenFilerMenu}. */
export interface ChosenFilerMenuOptions {
  /** Usual duration of a call in milliseconds; pass the `latencyMs` of the filer. Default 0. */
  readonly latencyMs?: number;
  /** Duration in milliseconds of a slow call, and of one that ignores cancellation; default 5,000. */
  readonly slowMs?: number;
  /** One call in this many has a fault; default 8, ≥ 2. */
  readonly oneIn?: number;
}

const FILER_MENU_OPTIONS = is.optionsOf<ChosenFilerMenuOptions>(
  {},
  { latencyMs: is.DURATION_MS, slowMs: is.DURATION_MS, oneIn: CHANCE },
);

/**
 * A menu for `createSimFiler({ menu, choices: sim.world.choices, tracer: sim.world.tracer })`: checkouts, ingestions
 * and updates that are slow, are slow to honour cancellation, fail, hang until they are cancelled, or ignore
 * cancellation. The filer asks `filer/NAME OPERATION SUBJECT fault`; the highest answers are these faults.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
 * @example
 * ```ts
 * import { chosenFilerMenu, createSimFiler, createSimulatedRunner, finalStatus, simulate } from 'dryrunner';
 * const verdict = await simulate({
 *   seed: 1,
 *   async scenario(sim) {
 *     const filer = createSimFiler({ ...sim.world, menu: chosenFilerMenu({ oneIn: 2 }) });
 *     const runner = createSimulatedRunner(sim.world, { filers: new Map([['scoot', { filer }]]) });
 *     const { runId } = await runner.run({ argv: ['complete 0'], snapshotId: 'a', timeoutMs: 1_000 });
 *     await finalStatus(runner, runId);
 *     await runner.release();
 *     await sim.sleep(10_000);
 *     sim.check(filer.verify().length === 0, 'every checkout came back');
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function chosenFilerMenu(options: ChosenFilerMenuOptions = {}): FilerBehaviours {
  check('options', options, FILER_MENU_OPTIONS);
  const { latencyMs = LATENCY_MS, slowMs = SLOW_MS, oneIn = FAULT_ODDS.partOneIn } = options;
  const wrong: readonly FilerBehaviour[] = [
    { latencyMs: slowMs, cancelMs: SLOW_CANCEL_MS },
    { latencyMs, fail: { text: 'injected fault' } },
    { hang: true },
    { latencyMs: slowMs, deaf: true },
  ];
  // Answer 0 is the filer's usual behaviour, so the menu needs one plain entry less.
  const plain = Array.from({ length: wrong.length * (oneIn - 1) - 1 }, (): FilerBehaviour => ({ latencyMs }));
  const menu = [...plain, ...wrong];
  return { checkout: menu, ingest: menu, update: menu };
}

/** Options of {@link chosenSkew}. */
export interface ChosenSkewOptions {
  /** Largest offset in milliseconds, up to 1e12; default 60,000. */
  readonly offsetMsMax?: number;
  /** Largest drift in parts per million, up to 500,000; default 10,000, one percent. */
  readonly driftPpmMax?: number;
}

const SIMULATION = is.objectOf<Pick<Simulation, 'world'>>('a simulation', { world: WORLD_OF_CHOICES }, {});
/** Argument shape of {@link ChosenSkewOptions}. */
export const CHOSEN_SKEW_OPTIONS: is.RecordShape = is.optionsOf<ChosenSkewOptions>(
  {},
  { offsetMsMax: OFFSET_MS_LIMIT, driftPpmMax: DRIFT_PPM_LIMIT },
);

/**
 * Lets the exploration decide how far the clock of a machine is off: decisions `NAME clock offset fault` and
 * `NAME clock drift fault`, whose answer 0 means exact and whose higher answers mean ahead, behind, further ahead, and
 * so on. A clock that is off is a `fault` event (R212).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for limits out of range.
 * @example
 * ```ts
 * import { chosenSkew, simulate, skewedClock } from 'dryrunner';
 * const { held } = await simulate({
 *   seed: 4,
 *   scenario: (sim) => {
 *     const clock = skewedClock(sim.world.clock, chosenSkew(sim, 'n1', { offsetMsMax: 500 }));
 *     sim.check(Math.abs(clock.now()) <= 500, 'it is not farther off than allowed');
 *   },
 * });
 * if (!held) throw new Error('expected it to hold');
 * ```
 */
export function chosenSkew(
  sim: Pick<Simulation, 'world'>,
  name: string,
  options: ChosenSkewOptions = {},
): ClockSkew {
  check('sim', sim, SIMULATION);
  check('name', name, is.TEXT);
  check('options', options, CHOSEN_SKEW_OPTIONS);
  const { offsetMsMax = OFFSET_MS_MAX, driftPpmMax = DRIFT_PPM_MAX } = options;
  const choose = (what: string, most: number, inWords: (amount: number) => string): number => {
    const amountOf = (answer: number): number =>
      ((Math.ceil(answer / 2) * most) / FAULT_ODDS.skewSteps) * (answer % 2 === 1 ? 1 : -1);
    const describe = (answer: number): string =>
      answer === 0 ? '' : `the clock of ${name} ${inWords(amountOf(answer))}`;
    const question = topicOf({ owner: name, what: `clock ${what}` }).asks('fault');
    const answer = sim.world.choices.choose(question, 2 * FAULT_ODDS.skewSteps + 1, describe);
    if (answer === 0) return 0;
    const { clock, tracer } = sim.world;
    tracer.record({
      at: clock.now(),
      type: 'fault',
      runner: name,
      operation: 'clock',
      kind: what,
      runId: '',
    });
    return amountOf(answer);
  };
  return {
    offsetMs: choose('offset', offsetMsMax, (ms) => `is ${Math.abs(ms)} ms ${ms > 0 ? 'ahead' : 'behind'}`),
    driftPpm: choose(
      'drift',
      driftPpmMax,
      (ppm) => `is ${Math.abs(ppm)} ppm too ${ppm > 0 ? 'fast' : 'slow'}`,
    ),
  };
}
