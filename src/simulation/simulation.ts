/**
 * What a scenario gets: its world, and the few verbs that end in the verdict. Invariant: after the end of the simulation no verb does
 * anything but say so.
 */
import * as is from '../kernel/shape.ts';
import type { Choices, DescribeAnswer } from '../kernel/decisions.ts';
import { invalidArgument, RunnerError, shownText } from '../kernel/errors.ts';
import { question, type Label, topicOf, type Topic } from '../kernel/question.ts';
import { propertyCall, type Holds, type PropertyVerb, type WatchedProperties } from './watched-properties.ts';
import { sleep } from '../kernel/clock.ts';
import type { World } from '../model/world.ts';
import { ArbitraryDraws, type DrawableArbitrary } from './arbitrary-draws.ts';
import type { DeclaredState } from './declared-state.ts';
import type { EventAction, EventActions } from './event-actions.ts';
import { isPending } from '../model/maybe-promise.ts';
import type { Healing } from './healing.ts';
import type { ModuleLoads } from './module-loads.ts';
import type { ReachedConditions } from './reached-conditions.ts';
import {
  SOME_EVENT_OPTIONS,
  type SomeEventOptions,
  STRIKES_OPTIONS,
  strikeAtSomeEvent,
  strikesAt,
  type StrikesOptions,
} from './scenario-faults.ts';
import type { ReportFailure } from './verdict.ts';
import { check, isInstance } from '../kernel/argument-check.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/** A property has a name, and a function that says whether it holds. */
function checkProperty(verb: PropertyVerb, name: string, holds: Holds): void {
  check(`sim.${verb}: name`, name, is.TEXT);
  check(`${propertyCall(verb, name)}: holds`, holds, is.FUNCTION);
}

/** What is wrong with a condition that would hold whatever comes of it: a promise that was not awaited, or a function that was not called. */
function neverFalse(condition: unknown, message: string): RunnerError | undefined {
  const isCallable = typeof condition === 'function';
  if (!isCallable && !isPending(condition)) return undefined;
  const what = isCallable ? 'a function that is not called' : 'a promise that is not awaited';
  return new RunnerError(
    'RUNNER_INVALID_ARGUMENT',
    `sim.check ${JSON.stringify(message)}: condition: expected true or false, got ${what}`,
    { expected: 'true or false', actual: condition },
  );
}

const WITHIN = is.closed(
  is.objectOf<{ readonly withinMs: number }>(
    'an object with withinMs, such as { withinMs: 60_000 }',
    { withinMs: is.DURATION_MS },
    {},
  ),
);

/** One of `values` by a choice; what explanations show is the value. */
function pickFrom<T>(
  choices: Choices,
  label: Label,
  values: readonly T[],
  describe: (value: T) => unknown = (value) => value,
): T {
  check('values', values, is.LIST);
  check('describe', describe, is.FUNCTION);
  if (values.length === 0) throw invalidArgument('values', 'at least one value', values);
  const describeAnswer: DescribeAnswer = (answer) => describe(values[answer] as T);
  return values[choices.choose(question('choice', label), values.length, describeAnswer)] as T;
}

/** Thrown by `sim.check`, so that the scenario goes no further; the verdict has noted it by then. */
class CheckFailedError extends Error {
  override readonly name = 'CheckFailedError';

  constructor(message = '', options: ErrorOptions = {}) {
    super(shownText(message), options);
  }
}

/** The world of a simulation: everything in it is there. */
export type SimulatedWorld = World & Required<Pick<World, 'tracer' | 'onHeal'>>;

/** What the engine of a simulation gives to its handle. */
export interface SimulationParts {
  readonly world: SimulatedWorld;
  readonly report: ReportFailure;
  readonly healing: Healing;
  readonly properties: WatchedProperties;
  readonly reached: ReachedConditions;
  readonly actions: EventActions;
  readonly state: DeclaredState;
  readonly loads: ModuleLoads;
}

/** The handle of a running simulation. */
export class Simulation {
  /** Clock, choices, random stream and tracer: what every `create…Runner` takes first. */
  readonly world: SimulatedWorld;
  readonly #parts: SimulationParts;
  readonly #draws: ArbitraryDraws;
  #isOver = false;
  readonly #endHooks: (() => void | Promise<void>)[] = [];

  /** @internal */
  constructor(parts: SimulationParts) {
    this.world = parts.world;
    this.#parts = parts;
    this.#draws = new ArbitraryDraws(parts.world.choices);
  }

  /** Virtual milliseconds since the beginning. */
  now(): number {
    return this.world.clock.now();
  }

  /** Lets `ms` of virtual time pass. `label` is what reports call it; without one it is a sleep of the scenario among others. */
  sleep(ms: number, label: Label = SCENARIO_SLEEP): Promise<void> {
    this.#mustRun('sleep');
    return sleep(this.world.clock, ms, label);
  }

  /**
   * An integer in [0, n) that the exploration decides; 0 is the plain choice. Where a failure is explained, `describe` says what value an
   * answer stands for; it must depend on the answer alone. What can go wrong is no choice but a fault: see `strikes`, `atSomeEvent`.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `label` is a text or parts, and n an integer ≥ 1.
   */
  choose(label: Label, n: number, describe?: DescribeAnswer): number {
    this.#mustRun('choose');
    if (describe !== undefined) check('describe', describe, is.FUNCTION);
    const asked = typeof label === 'string' ? label : question('choice', label);
    return this.world.choices.choose(asked, n, describe);
  }

  /**
   * One of `values` that the exploration decides; the first is the plain choice. Explanations of failures show the value, or what
   * `describe` makes of it.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `values` is a list of at least one.
   * @example
   * ```ts
   * import { fifoDecisions } from 'dryrunner/kernel';
   * import { simulate } from 'dryrunner';
   * const { held } = await simulate({
   *   source: fifoDecisions(),
   *   scenario: (sim) => sim.check(sim.pick('timeout', [50, 100], (ms) => `${ms} ms`) === 50, 'the first'),
   * });
   * if (!held) throw new Error('expected the plain choice');
   * ```
   */
  pick<T>(label: Label, values: readonly T[], describe?: (value: T) => unknown): T {
    this.#mustRun('pick');
    return pickFrom(this.world.choices, label, values, describe);
  }

  /**
   * Draws a value of a fast-check arbitrary from the decision log, so that inputs are replayed and shrunk together with the schedule.
   * The smaller the answers, the smaller the value: of numbers the one nearest to zero, of lists and texts the shortest, of
   * alternatives the first. `label` names the value in the log; a label that is used again is numbered.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `arbitrary` generates values.
   * @example
   * ```ts
   * import fc from 'fast-check';
   * import { fifoDecisions } from 'dryrunner/kernel';
   * import { simulate } from 'dryrunner';
   * const { held } = await simulate({
   *   source: fifoDecisions(),
   *   scenario: (sim) => {
   *     const sizes = sim.draw(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2 }), 'sizes');
   *     sim.check(sizes.join() === '1,1', 'the plain choice is the smallest value');
   *   },
   * });
   * if (!held) throw new Error('expected the smallest list');
   * ```
   */
  draw<T>(arbitrary: DrawableArbitrary<T>, label = 'draw'): T {
    this.#mustRun('draw');
    return this.#draws.draw(arbitrary, label);
  }

  /**
   * States a property. If it does not hold, the simulation has failed, also if the scenario catches what this throws. `cause` is an error
   * that was caught and led to it: a report shows where that was thrown.
   *
   * @throws CheckFailedError if `condition` is false; RunnerError `RUNNER_SIMULATION_MISUSE` if it is false after the end, because
   * the scenario has not awaited what leads here, and `RUNNER_INVALID_ARGUMENT` unless `message` is a text, or if `condition` is a promise
   * or a function, which are never false.
   */
  check(condition: boolean, message: string, cause?: unknown): void {
    check('message', message, is.TEXT);
    if (condition) {
      const wrong = neverFalse(condition, message);
      if (wrong === undefined) return;
      this.#parts.report('error', wrong.message, wrong);
      throw wrong;
    }
    this.#mustRun(`check "${message}"`);
    const error = new CheckFailedError(message, cause === undefined ? {} : { cause });
    this.#parts.report('check', message, error);
    throw error;
  }

  /**
   * States that `holds` is true from now on. It is asked after every event of the clock, when all promise reactions have run, and at
   * the end; the first time that it returns false, or throws, is a failure of kind `always`. It must only look, not change anything.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `holds` is a function.
   */
  always(name: string, holds: Holds): void {
    this.#mustRun('always');
    checkProperty('always', name, holds);
    this.#parts.properties.addAlways(name, holds);
  }

  /**
   * Notes that something was reached, or with `condition` false that it might have been. One simulation does not fail for it:
   * `verdict.sometimes` says which were reached, and a campaign which were reached by none of its seeds.
   */
  sometimes(name: string, condition = true): void {
    this.#mustRun('sometimes');
    check('name', name, is.TEXT);
    check('condition', condition, is.BOOLEAN);
    this.#parts.reached.note(name, condition);
  }

  /**
   * Ends all faults: from now on no question about a fault is asked (its answer is 0), and chaos runners, nodes and all others that asked
   * with `onHeal` are called. There is no way back.
   */
  heal(): void {
    this.#mustRun('heal');
    this.#parts.healing.heal();
  }

  /** True once `heal` or `eventually` was called. */
  get healed(): boolean {
    return this.#parts.healing.isHealed;
  }

  /** Calls `hook` once when faults end; at once if they have. */
  onHeal(hook: () => void): void {
    this.#mustRun('onHeal');
    this.#parts.healing.onHeal(hook);
  }

  /**
   * Ends all faults, and then waits until `holds` is true: at once, after any event, or at last after everything that is due
   * `withinMs` of virtual time from now. If it is not true by then, the simulation has failed with kind `eventually` and the promise
   * rejects with an `EventuallyFailedError`.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `holds` is a function and `withinMs` finite and ≥ 0 (as a rejection).
   * @example
   * ```ts
   * import { simulate } from 'dryrunner';
   * const { failure } = await simulate({
   *   scenario: (sim) => sim.eventually('the queue is empty', () => false, { withinMs: 60_000 }),
   * });
   * if (failure?.kind !== 'eventually' || failure.atMs !== 60_000) throw new Error('expected it to be too late');
   * ```
   */
  async eventually(name: string, holds: Holds, limits: { readonly withinMs: number }): Promise<void> {
    this.#mustRun('eventually');
    checkProperty('eventually', name, holds);
    check(`${propertyCall('eventually', name)}: limits`, limits, WITHIN);
    this.heal();
    await this.#parts.properties.awaitProperty(name, holds, limits.withinMs);
  }

  /**
   * A place where something can go wrong: true if it does, which is the highest of `oneIn` (default 8) answers to the question
   * `WHERE KIND fault`, and a `fault` event of the trace (R212). Never true once faults have ended.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `oneIn` is an integer ≥ 2: a fault that cannot be left out is none.
   */
  strikes(where: string, kind: string, options: StrikesOptions = {}): boolean {
    this.#mustRun('strikes');
    check('options', options, STRIKES_OPTIONS);
    const { oneIn = FAULT_ODDS.strikesOneIn } = options;
    return strikesAt(this.world, where, kind, oneIn);
  }

  /**
   * Lets the exploration strike with `action` right after one of the next `within` (default 64) events, or not at all: one decision
   * `LABEL fault`, whose answer 0 is never and k is after the k-th event from now, once its promise reactions have run. When it
   * strikes, that is a `fault` event of the trace (R212); it does not if faults have ended by then, or fewer events come. What the
   * action throws, or rejects with, fails the simulation.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `action` is a function and `within` an integer ≥ 1.
   */
  atSomeEvent(label: string, action: EventAction, options: SomeEventOptions = {}): void {
    this.#mustRun('atSomeEvent');
    check('options', options, SOME_EVENT_OPTIONS);
    const { within = FAULT_ODDS.someEventWithin } = options;
    const strike = strikeAtSomeEvent(this.world, label, action, within);
    if (strike === undefined) return;
    this.#parts.actions.add(strike.nth, () => (this.healed ? undefined : strike.act()));
  }

  /**
   * Declares that `value()`, together with virtual time and what is pending (labels and times), decides all that can still happen. An
   * exhaustive search then explores no state twice. It is asked between two events and must only look; what it returns is plain data.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `value` is a function, `RUNNER_SIMULATION_MISUSE` for a second declaration, or
   * one that comes after something was chosen, drawn or awaited.
   * @example
   * ```ts
   * import { defineScenario } from 'dryrunner';
   * import { certify } from 'dryrunner/explore';
   * const scenario = defineScenario({
   *   name: 'three-counters',
   *   description: 'three counters count to two, in any order',
   *   async run(sim) {
   *     const counts = [0, 0, 0];
   *     sim.state(() => counts);
   *     const count = (which: number): void => {
   *       counts[which] = (counts[which] ?? 0) + 1;
   *       if (counts[which] < 2) sim.world.clock.post(`counter ${which}`, () => count(which));
   *     };
   *     counts.forEach((_, which) => sim.world.clock.post(`counter ${which}`, () => count(which)));
   *     await sim.sleep(1);
   *   },
   * });
   * const { complete, executions } = await certify(scenario);
   * if (complete !== true || executions >= 90) throw new Error('expected less than the 90 orders there are');
   * ```
   */
  state(value: () => unknown): void {
    this.#mustRun('state');
    this.#parts.state.declare(value);
  }

  /**
   * Loads a module of the code under test as if for the first time, with all modules that it imports: whatever they keep to themselves is new
   * in each execution. A relative path starts at the test file or the scenario's file, a package is loaded by its name.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `specifier` is a text or a URL, `RUNNER_SIMULATION_MISUSE` if the simulation has
   * no `modules`. Rejects with `RUNNER_INVALID_ARGUMENT` for what cannot be found or put together, `RUNNER_MISSING_PACKAGE` without
   * `rolldown`, and with what a module throws.
   * @example
   * ```ts
   * import { simulate } from 'dryrunner';
   * import { freshModules } from 'dryrunner/ambient';
   * const { held, failure } = await simulate({
   *   modules: freshModules(import.meta.url),
   *   scenario: async (sim) => {
   *     const one = await sim.load<typeof import('node:path')>('node:path');
   *     sim.check(one.basename('/a/b') === 'b', 'it is the module');
   *   },
   * });
   * if (!held) throw failure?.cause;
   * ```
   */
  load<T = Record<string, unknown>>(specifier: string | URL): Promise<T> {
    this.#mustRun('load');
    const text = isInstance(specifier, URL) ? specifier.href : specifier;
    check('specifier', text, is.TEXT);
    return this.#parts.loads.load(text) as Promise<T>;
  }

  /**
   * Calls `hook` when the scenario has come to its end: the place to stop what would go on for ever. All hooks are called, the last one
   * first, each awaited before the next; what they leave running or held then is reported as leftovers of the scenario are. The first error
   * of one fails the simulation. Not called if the simulation has failed before.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless it is a function.
   */
  onEnd(hook: () => void | Promise<void>): void {
    this.#mustRun('onEnd');
    check('hook', hook, is.FUNCTION);
    this.#endHooks.push(hook);
  }

  /** Puts a line into the trace. */
  note(text: string): void {
    this.#mustRun('note');
    this.world.tracer.record({ at: this.now(), type: 'note', runner: 'scenario', text });
  }

  /** @internal The scenario has come to its end. Returns a promise if a hook takes its time. */
  leave(fail: (error: unknown) => void): Promise<void> | undefined {
    for (let hook = this.#endHooks.pop(); hook !== undefined; hook = this.#endHooks.pop()) {
      try {
        const result = hook();
        if (isPending(result)) return this.#leaveAfter(result, fail);
      } catch (error) {
        fail(error);
      }
    }
    return undefined;
  }

  async #leaveAfter(hook: Promise<void>, fail: (error: unknown) => void): Promise<void> {
    try {
      await hook;
    } catch (error) {
      fail(error);
    }
    await this.leave(fail);
  }

  /** @internal */
  end(): void {
    this.#isOver = true;
  }

  #mustRun(what: string): void {
    if (!this.#isOver) return;
    throw new RunnerError(
      'RUNNER_SIMULATION_MISUSE',
      `sim.${what} was called after the end of its simulation; a promise of the scenario was not awaited`,
    );
  }
}

/**
 * As `sim.check`, and TypeScript knows from then on that the condition is true. It is no method, because TypeScript takes an assertion only
 * from what has a declared type, and the `sim` of `async (sim) => …` has none.
 *
 * @throws CheckFailedError if `condition` is false, 0, empty, null or undefined; else as `sim.check`.
 * @example
 * ```ts
 * import { checkThat, simulate } from 'dryrunner';
 * const leases = new Map([['a', { owner: 'ann' }]]);
 * const { held } = await simulate({
 *   scenario: (sim) => {
 *     const lease = leases.get('a');
 *     checkThat(sim, lease, 'there is a lease');
 *     sim.check(lease.owner === 'ann', `it is of ${lease.owner}`);
 *   },
 * });
 * if (!held) throw new Error('expected it to hold');
 * ```
 */
export function checkThat(
  sim: Pick<Simulation, 'check'>,
  condition: unknown,
  message: string,
): asserts condition {
  check('sim', sim, is.withMethods('check'));
  sim.check(Boolean(condition), message);
}

/** What a `sim.sleep` without a label is about: one that is left says that the scenario has not awaited it. */
export const SCENARIO_SLEEP: Topic = topicOf({ owner: 'scenario', what: 'sleep' });
