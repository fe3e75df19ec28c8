/**
 * The handle that a scenario gets: its world, and the few methods that lead to the verdict. Invariant: after the end of
 * the simulation a method only reports its misuse.
 */
import * as is from '../kernel/shape.ts';
import type { Choices, DescribeAnswer } from '../kernel/decisions.ts';
import { describeValue, invalidArgument, RunnerError, shownText } from '../kernel/errors.ts';
import { question, type Label, topicOf, type Topic } from '../kernel/question.ts';
import { propertyCall, type Holds, type PropertyVerb, type WatchedProperties } from './watched-properties.ts';
import { sleep } from '../kernel/clock.ts';
import type { World } from '../model/world.ts';
import { ArbitraryDraws, type DrawableArbitrary } from './arbitrary-draws.ts';
import type { DeclaredState } from './declared-state.ts';
import type { EventAction, EventActions } from './event-actions.ts';
import { isPending } from '../model/maybe-promise.ts';
import type { Healing } from './healing.ts';
import { lateUse, type LateOwner } from './late-use.ts';
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
import { check, isInstance, unreadable } from '../kernel/argument-check.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/** Checks that a property has a name, and a function that says whether it holds. */
function checkProperty(verb: PropertyVerb, name: string, holds: Holds): void {
  check(`sim.${verb}: name`, name, is.TEXT);
  check(`${propertyCall(verb, name)}: holds`, holds, is.FUNCTION);
}

/**
 * An error for a condition that could never be false: a promise that was not awaited, or a function that was not
 * called.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an object that cannot be read.
 */
function neverFalse(condition: unknown, message: string): RunnerError | undefined {
  const isCallable = typeof condition === 'function';
  try {
    if (!isCallable && !isPending(condition)) return undefined;
  } catch (error) {
    throw unreadable('condition', condition, error);
  }
  const what = isCallable ? 'a function that is not called' : 'a promise that is not awaited';
  return new RunnerError(
    'RUNNER_INVALID_ARGUMENT',
    `sim.check ${JSON.stringify(message)}: condition: expected true or false, got ${what}`,
    { expected: 'true or false', actual: condition },
  );
}

/** The error for a condition of `sim.sometimes` that is no value: a property takes a function, which it calls. */
function notReached(name: string, condition: unknown): RunnerError {
  const isCallable = typeof condition === 'function';
  const got = isCallable ? 'a function, which is not called here: pass its value' : describeValue(condition);
  return new RunnerError(
    'RUNNER_INVALID_ARGUMENT',
    `sim.sometimes(${JSON.stringify(name)}): condition: expected true or false, got ${got}`,
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

/** Picks one of `values` by a choice; explanations show the value. */
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

/** Thrown by `sim.check` to stop the scenario; the verdict has noted the failure before. */
class CheckFailedError extends Error {
  override readonly name = 'CheckFailedError';

  constructor(message = '', options: ErrorOptions = {}) {
    super(shownText(message), options);
  }
}

/** The world of a simulation, with tracer and healing. */
export type SimulatedWorld = World & Required<Pick<World, 'tracer' | 'onHeal'>>;

/** What the engine of a simulation passes to its handle. */
export interface SimulationParts {
  readonly world: SimulatedWorld;
  readonly report: ReportFailure;
  readonly healing: Healing;
  readonly properties: WatchedProperties;
  readonly reached: ReachedConditions;
  readonly actions: EventActions;
  readonly state: DeclaredState;
  readonly loads: ModuleLoads;
  /** The simulation, for errors of code that uses the handle after the end. */
  readonly owner: LateOwner;
}

/** The handle of a running simulation. */
export class Simulation {
  /** Clock, choices, random stream and tracer: the first argument of every `create…Runner`. */
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

  /** Virtual milliseconds since the start. */
  now(): number {
    return this.world.clock.now();
  }

  /**
   * Waits for `ms` of virtual time. `label` names the wait in reports; without one it is one of the scenario's unnamed
   * sleeps.
   */
  sleep(ms: number, label: Label = SCENARIO_SLEEP): Promise<void> {
    this.#mustRun('sleep');
    return sleep(this.world.clock, ms, label);
  }

  /**
   * An integer in [0, n) that the exploration decides; 0 is the plain choice. When a failure is explained, `describe`
   * returns the value that an answer stands for; it must depend on the answer alone. For anything that can go wrong,
   * use a fault instead: see `strikes`, `atSomeEvent`.
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
   * One of `values` that the exploration decides; the first is the plain choice. Explanations of failures show the
   * value, or the result of `describe` for it.
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
   * Draws a value of a fast-check arbitrary from the decision log, so that inputs are replayed and shrunk together with
   * the schedule. Smaller answers give smaller values: 0 gives the number nearest to zero, the shortest list or text,
   * the first alternative. `label` names the value in the log; if it is used again, a number is appended.
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
   * Checks a property. If `condition` is false, the simulation has failed, even if the scenario catches what this
   * throws. `cause` is a caught error that led to it: a report shows where that was thrown.
   *
   * @throws CheckFailedError if `condition` is false; RunnerError `RUNNER_SIMULATION_MISUSE` after the end, whatever the
   * condition, because the scenario did not await the code that leads here, and `RUNNER_INVALID_ARGUMENT` unless
   * `message` is a text, or if `condition` is a promise or a function, which are never false, or cannot be read.
   */
  check(condition: boolean, message: string, cause?: unknown): void {
    check('message', message, is.TEXT);
    // Its text is made after the end only: most conditions are true.
    if (this.#isOver) this.#mustRun(`check "${message}"`);
    if (condition) {
      const wrong = neverFalse(condition, message);
      if (wrong === undefined) return;
      this.#parts.report('error', wrong.message, wrong);
      throw wrong;
    }
    const error = new CheckFailedError(message, cause === undefined ? {} : { cause });
    this.#parts.report('check', message, error);
    throw error;
  }

  /**
   * Requires `holds` to be true from now on. It is called after every event of the clock, when all promise reactions
   * have run, and at the end; the first time that it returns false, or throws, is a failure of kind `always`. It must
   * only read, and change nothing.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `holds` is a function.
   */
  always(name: string, holds: Holds): void {
    this.#mustRun('always');
    checkProperty('always', name, holds);
    this.#parts.properties.addAlways(name, holds);
  }

  /**
   * Records that a condition was reached, or, with `condition` false, that it could have been. A condition that is not
   * reached does not fail a simulation: `verdict.sometimes` says which were reached, and a campaign reports those that
   * none of its seeds reached.
   */
  sometimes(name: string, condition = true): void {
    this.#mustRun('sometimes');
    check('sim.sometimes: name', name, is.TEXT);
    if (typeof condition !== 'boolean') throw notReached(name, condition);
    this.#parts.reached.note(name, condition);
  }

  /**
   * Ends all faults for the rest of the simulation: questions about faults are no longer asked (the answer is 0), and
   * everything registered with `onHeal`, such as chaos runners and nodes, is called.
   *
   * @throws the first error of a hook, after all of them were called.
   */
  heal(): void {
    this.#mustRun('heal');
    this.#parts.healing.heal();
  }

  /** True once `heal` or `eventually` was called. */
  get healed(): boolean {
    return this.#parts.healing.isHealed;
  }

  /** Calls `hook` once when faults end; at once if they have ended. */
  onHeal(hook: () => void): void {
    this.#mustRun('onHeal');
    this.#parts.healing.onHeal(hook);
  }

  /**
   * Ends all faults, and then waits until `holds` is true: it is checked at once, after every event, and for the last
   * time after everything that is due `withinMs` of virtual time from now. If it is still false then, the simulation
   * has failed with kind `eventually` and the promise rejects with an `EventuallyFailedError`.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `holds` is a function and `withinMs` finite and ≥ 0 (as a
   * rejection).
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
   * A place where something can go wrong: returns true if it does. The question is `WHERE KIND fault` with `oneIn`
   * (default 8) answers, of which the highest is the fault; a fault is a `fault` event of the trace (R212). Always
   * false once faults have ended.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `where` and `kind` are texts and `oneIn` is an integer ≥ 2: a
   * fault must be possible to leave out.
   */
  strikes(where: string, kind: string, options: StrikesOptions = {}): boolean {
    this.#mustRun('strikes');
    check('where', where, is.TEXT);
    check('kind', kind, is.TEXT);
    check('options', options, STRIKES_OPTIONS);
    const { oneIn = FAULT_ODDS.strikesOneIn } = options;
    return strikesAt(this.world, where, kind, oneIn);
  }

  /**
   * Lets the exploration run `action` right after one of the next `within` (default 64) events, or not at all: one
   * decision `LABEL fault`, whose answer 0 means never and k means after the k-th event from now, once its promise
   * reactions have run. When the action runs, that is a `fault` event of the trace (R212); it does not run if faults
   * have ended by then, or fewer events fire. If the action throws or rejects, the simulation fails.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `label` is a text, `action` a function and `within` an integer ≥ 1.
   */
  atSomeEvent(label: string, action: EventAction, options: SomeEventOptions = {}): void {
    this.#mustRun('atSomeEvent');
    check('label', label, is.TEXT);
    check('options', options, SOME_EVENT_OPTIONS);
    const { within = FAULT_ODDS.someEventWithin } = options;
    const strike = strikeAtSomeEvent(this.world, label, action, within);
    if (strike === undefined) return;
    this.#parts.actions.add(strike.nth, () => (this.healed ? undefined : strike.act()));
  }

  /**
   * Declares that `value()`, together with virtual time and pending events (labels and times), determines everything
   * that can still happen. An exhaustive search then explores no state twice. `value` is called between two events,
   * must only read, and returns plain data.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `value` is a function, `RUNNER_SIMULATION_MISUSE` for a second
   * declaration, or one after something was chosen, drawn or awaited.
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
   * if (!complete || executions >= 90) throw new Error('expected less than the 90 orders there are');
   * ```
   */
  state(value: () => unknown): void {
    this.#mustRun('state');
    this.#parts.state.declare(value);
  }

  /**
   * Loads a module of the code under test, and all modules that it imports, as if for the first time: their internal
   * state is new in each execution. A relative path is resolved against the test file or the scenario's file; a package
   * is loaded by its name.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `specifier` is a text or a URL, `RUNNER_SIMULATION_MISUSE` if
   * the simulation has no `modules`. Rejects with `RUNNER_INVALID_ARGUMENT` if a module cannot be found or bundled,
   * with `RUNNER_MISSING_PACKAGE` without `rolldown`, and with whatever a module throws.
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
   * Calls `hook` when the scenario has ended: the place to stop code that would run forever. Hooks run last registered
   * first, each awaited before the next, and all of them run; what is still running or held after them is reported as
   * leftovers of the scenario. The first error of a hook fails the simulation. Hooks are not called if the simulation
   * has failed before.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless it is a function.
   */
  onEnd(hook: () => void | Promise<void>): void {
    this.#mustRun('onEnd');
    check('hook', hook, is.FUNCTION);
    this.#endHooks.push(hook);
  }

  /** Adds a line to the trace. */
  note(text: string): void {
    this.#mustRun('note');
    this.world.tracer.record({ at: this.now(), type: 'note', runner: 'scenario', text });
  }

  /** @internal Removes the hook that was registered last, and returns it. */
  takeEndHook(): (() => void | Promise<void>) | undefined {
    return this.#endHooks.pop();
  }

  /** @internal */
  end(): void {
    this.#isOver = true;
  }

  #mustRun(what: string): void {
    if (!this.#isOver) return;
    throw lateUse(what, this.#parts.owner);
  }
}

/**
 * As `sim.check`, and narrows the type of the condition in TypeScript. It is not a method, because TypeScript requires
 * an explicit type on the target of an assertion, and the `sim` of `async (sim) => …` has none.
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
  // An object may be a promise, which is never false; the method reports that.
  sim.check(typeof condition === 'object' ? (condition as never) : Boolean(condition), message);
}

/** Topic of a `sim.sleep` without a label; one that is left at the end means that the scenario did not await it. */
export const SCENARIO_SLEEP: Topic = topicOf({ owner: 'scenario', what: 'sleep' });
