/**
 * Declares tests that are simulations. Invariant: it imports as little as possible, because every test file pays for
 * it; the code that runs a test is loaded by the first test that runs.
 */
import * as inspector from 'node:inspector';
import { expect, test as vitestTest, type TestAPI, type TestContext } from 'vitest';
import { installGlobals } from '../ambient/globals/install-globals.ts';
import { unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import * as is from '../kernel/shape.ts';
import type { Simulation } from '../simulation/simulation.ts';
import { keepAnonymous } from './anonymous-scenario.ts';
import { matchers } from './matchers.ts';
import { requestedLinesIn, requestedSeedIn } from './requested-run.ts';
import { VITEST_OPTIONS, type SimTestOptions, type TestedScenario } from './sim-test-options.ts';
import { identityOf } from './task-identity.ts';
import { rootFolder, rootOf } from './test-root.ts';
import type { SimulatedTest } from './test-run.ts';

/** Runs a simulation for each case of a list, and formats its name as Vitest's `each` does. */
export interface EachSimTest<Arguments extends unknown[]> {
  (
    name: string,
    scenario: (sim: Simulation, ...given: Arguments) => Promise<void> | void,
    options?: SimTestOptions | number,
  ): void;
  /** With the arguments in Vitest's own order. */
  (
    name: string,
    options: SimTestOptions,
    scenario: (sim: Simulation, ...given: Arguments) => Promise<void> | void,
  ): void;
}

/** Values or factories for fixtures, as in Vitest's `test.extend`. */
export type SimTestFixtures<More> = {
  readonly [name in keyof More]:
    | More[name]
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the other fixtures cannot be typed here
    | ((context: any, use: (value: More[name]) => Promise<void>) => Promise<void>);
};

/** Declares a simulation as a test. The members other than the call itself are Vitest's. */
export interface SimTest<Fixtures = object> {
  /** A number is the `timeout`, as in Vitest. */
  (name: string, scenario: TestedScenario<Fixtures>, options?: SimTestOptions | number): void;
  /** Vitest's own order, which keeps the options of a long scenario in sight. */
  (name: string, options: SimTestOptions, scenario: TestedScenario<Fixtures>): void;
  /** Runs only tests declared with `only` in this file. */
  readonly only: SimTest<Fixtures>;
  /** Declares the test without running it. */
  readonly skip: SimTest<Fixtures>;
  /** Expects the test to fail, and passes if it does. Nothing is explained or kept. */
  readonly fails: SimTest<Fixtures>;
  /** Lets the test overlap with others declared so. Their simulations take turns. */
  readonly concurrent: SimTest<Fixtures>;
  /** Declares a test that has not been written yet. */
  todo(name: string): void;
  skipIf(condition: unknown): SimTest<Fixtures>;
  runIf(condition: unknown): SimTest<Fixtures>;
  /** Declares one test per case; a case that is an array is spread into the arguments. */
  each<Case>(
    cases: readonly Case[],
  ): EachSimTest<Case extends readonly unknown[] ? [...Case] : [given: Case]>;
  /** Declares one test per row of a table, as an object with a field for each column. */
  each(
    table: TemplateStringsArray,
    ...values: readonly unknown[]
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a template does not say which types are in a column
  ): EachSimTest<[given: any]>;
  /** Declares one test per case, passed unchanged before the test context. */
  for<Case>(cases: readonly Case[]): EachSimTest<[given: Case, context: TestContext & Fixtures]>;
  /** Declares one test per row of a table, as `each` does. */
  for(
    table: TemplateStringsArray,
    ...values: readonly unknown[]
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a template does not say which types are in a column
  ): EachSimTest<[given: any, context: TestContext & Fixtures]>;
  /** Adds fixtures, which a scenario gets from its second argument. They are created once per test, in real time. */
  extend<More extends object>(fixtures: SimTestFixtures<More>): SimTest<Fixtures & More>;
  /** Bases it on a test of your own, with its fixtures. */
  on<Others>(base: TestAPI<Others>): SimTest<Others>;
}

// Installed here for code under test that is imported after this door. With the plugin they are in place even earlier.
installGlobals();
expect.extend(matchers as never);

/** The machine's clock, kept before any test replaces it. */
const now = performance.now.bind(performance);
/** Vitest's default is too short for a hundred executions beside other tests and the report of a failure. */
const DEFAULT_TIMEOUT_MS = 30_000;
/** One argument without parentheses: there is no second one. */
const BARE_ARGUMENT = /^(?:async\s+)?[^\s(),=]+\s*=>/;
/** In the source text of a function: comments and quoted texts, whose commas and brackets say nothing. */
const COMMENT_OR_TEXT = /\/\*[^]*?\*\/|\/\/.*|(["'`])(?:\\[^]|(?!\1)[^\\])*\1/y;
/** Text of a function without fixtures. */
const NO_ARGUMENTS = '() => {}';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test with any fixtures
type Base = TestAPI<any>;
type AnyScenario = TestedScenario<never> | ((sim: Simulation, ...given: unknown[]) => Promise<void> | void);
/** `_local` is true once code has used the `expect` of the context. */
type GivenContext = TestContext & { readonly signal: AbortSignal; readonly _local: boolean };

/** What may follow the name of a test, in either order. */
type Given = AnyScenario | SimTestOptions | number | undefined;

function isScenario(given: Given): given is AnyScenario {
  return typeof given === 'function' || typeof (given as { run?: unknown } | undefined)?.run === 'function';
}

/**
 * The scenario and the options, in this order. A value that is not a scenario is rejected when the test runs, where
 * Vitest shows which test it is.
 */
function ordered(first: Given, second: Given): readonly [scenario: AnyScenario, options: SimTestOptions] {
  const isLast = !isScenario(first) && isScenario(second);
  const [scenario, options = {}] = isLast ? [second, first] : [first, second];
  if (typeof options === 'number') return [scenario as AnyScenario, { timeout: options }];
  if (typeof options !== 'object' || (options as unknown) === null || isScenario(options)) {
    throw invalidArgument('options', 'an object of options or milliseconds, and one scenario', options);
  }
  return [scenario as AnyScenario, options];
}

/**
 * Splits the options into Vitest's and ours, and captures the stack: Vitest's location of a test is the line of its
 * declaration.
 */
function declarationOf(first: Given, second: Given, outer: (...given: never[]) => unknown) {
  try {
    return readDeclaration(first, second, outer);
  } catch (error) {
    throw unreadable('the scenario or the options of a simTest', first, error);
  }
}

function readDeclaration(first: Given, second: Given, outer: (...given: never[]) => unknown) {
  const [scenario, options] = ordered(first, second);
  keepAnonymous(scenario);
  const place = { stack: '' };
  Error.captureStackTrace(place, outer);
  const isDebugged = inspector.url() !== undefined;
  const { timeout: asked = DEFAULT_TIMEOUT_MS } = options;
  const timeout = isDebugged ? 0 : asked;
  const given = Object.entries(options);
  return {
    scenario,
    // With the time-out, which is checked with them when the test runs.
    options: Object.fromEntries(given.filter(([key]) => key === 'timeout' || !VITEST_OPTIONS.includes(key))),
    vitest: {
      ...Object.fromEntries(given.filter(([key]) => VITEST_OPTIONS.includes(key))),
      timeout: timeout >= 0 ? timeout : DEFAULT_TIMEOUT_MS,
    },
    declaredAt: place.stack,
    isDebugged,
    textBehindSim: textBehindSim(scenario),
  };
}

type Declaration = ReturnType<typeof declarationOf>;

/** Vitest reads the source text of a test function to find its fixtures; this makes it read `text`. */
function reading<Run extends (...given: never[]) => unknown>(run: Run, text: string): Run {
  return Object.defineProperty(run, 'toString', { value: () => text });
}

/** Text of the scenario without its first argument. */
function textBehindSim(scenario: AnyScenario): string {
  const text = typeof scenario === 'function' ? scenario.toString() : '';
  const comma = BARE_ARGUMENT.test(text) ? -1 : commaBehindFirst(text);
  return comma < 0 ? NO_ARGUMENTS : `(${text.slice(comma + 1)}`;
}

/** The place of the comma behind the first argument in the text of a function; -1 if there is no second argument. */
function commaBehindFirst(text: string): number {
  let depth = 0;
  for (let at = text.indexOf('('); at >= 0 && at < text.length; at += 1) {
    COMMENT_OR_TEXT.lastIndex = at;
    if (COMMENT_OR_TEXT.test(text)) at = COMMENT_OR_TEXT.lastIndex;
    const char = text.charAt(at);
    if ('([{'.includes(char)) depth += 1;
    else if (')]}'.includes(char)) depth -= 1;
    if (depth === 0) return -1;
    if (char === ',' && depth === 1) return at;
  }
  return -1;
}

/** Tests that are expected to fail and whose last try found no failure. */
const withoutFailure = new WeakSet<object>();

/**
 * A test that ends without having found a failure, as for a wrong option or for want of time, fails also where Vitest
 * expects a failure: it would pass for one that was seen. The next try, by `retry`, may find it.
 */
async function runDeclared(
  declared: Declaration,
  context: GivenContext,
  given: readonly unknown[],
): Promise<void> {
  const { task } = context;
  if (withoutFailure.delete(task)) Object.assign(task, { fails: true });
  const skip = notedSkip(context);
  try {
    await runAs(declared, context, given, skip);
  } catch (error) {
    if (task.fails === true && !skip.hasEnded()) {
      withoutFailure.add(task);
      Object.assign(task, { fails: false });
    }
    throw error;
  }
}

/** What holds each execution to what Vitest would hold the test to. */
async function watchesOf(context: GivenContext) {
  const { ExecutionExpects } = await import('./execution-expects.ts');
  const { SoftFailures } = await import('./soft-failures.ts');
  const { AwaitedAssertions } = await import('./awaited-assertions.ts');
  const { task, signal } = context;
  const expectNow = (): typeof expect => (context._local ? context.expect : expect);
  return {
    expects: new ExecutionExpects(expectNow, task.id, task.concurrent === true),
    soft: new SoftFailures(task, signal),
    // Vitest 4 has `sequential`, Vitest 5 has not.
    awaited: new AwaitedAssertions(task, !('sequential' in vitestTest)),
  };
}

async function runAs(
  { scenario, options, declaredAt, isDebugged }: Declaration,
  context: GivenContext,
  given: readonly unknown[],
  skip: NotedSkip,
): Promise<void> {
  const startedAt = now();
  const { task, signal } = context;
  const { runSimulatedTest } = await import('./simulated-test.ts');
  const { expects, soft, awaited } = await watchesOf(context);
  await runSimulatedTest({
    ...identityOf(task),
    file: task.file.filepath,
    project: task.file.projectName,
    rootOf: () => rootOf(task.file),
    root: rootFolder(task.file),
    scenario: expecting(scenario, given, [expects, soft, awaited]),
    options,
    timeoutMs: task.timeout,
    signal,
    declaredAt,
    isDebugged,
    isReported: task.fails !== true,
    snapshots: expects,
    soft,
    ...{ skip: skip.because, isSkipped: () => skip.error !== undefined, onFound: skip.end },
    ...{ requestedSeed: requestedSeedIn(process.env), linesMax: requestedLinesIn(process.env) },
    now,
    startedAt,
  }).then(
    () => {
      soft.stop();
      awaited.stop();
      expects.settle();
      if (skip.error !== undefined) throw skip.error;
    },
    (error: unknown) => {
      soft.stop();
      awaited.stop();
      expects.fail();
      throw error;
    },
  );
}

type Skip = (...given: unknown[]) => void;

/** What Vitest's own is behind one that notes: a test that runs again, by `retry`, has the context of its first run. */
const skipsOfVitest = new WeakMap<Skip, Skip>();

/** The `skip` of a test context. */
interface NotedSkip {
  /** By which it has skipped the test. */
  readonly error: Error | undefined;
  /** Skips the test without throwing. */
  readonly because: (why: string) => void;
  /** Called once a failure is found: from now on, `context.skip` throws and does not skip the test. */
  readonly end: () => void;
  readonly hasEnded: () => boolean;
}

/** Keeps the error by which `context.skip` skips the test: Vitest has to get it, and the simulation catches it. */
function notedSkip(context: GivenContext): NotedSkip {
  let hasEnded = false;
  const noted: { -readonly [Key in keyof NotedSkip]: NotedSkip[Key] } = {
    error: undefined,
    end() {
      hasEnded = true;
    },
    hasEnded: () => hasEnded,
    because(why) {
      try {
        noting(why);
      } catch (error) {
        noted.error ??= error as Error;
      }
    },
  };
  const { skip: current } = context as { readonly skip: Skip };
  const skip = skipsOfVitest.get(current) ?? current;
  const noting = (...given: unknown[]): void => {
    if (hasEnded && given[0] !== false) throw new Error('a test that has failed cannot be skipped');
    try {
      Reflect.apply(skip, context, given);
    } catch (error) {
      noted.error ??= error as Error;
      throw error;
    }
  };
  skipsOfVitest.set(noting, skip);
  Object.assign(context, { skip: noting });
  return noted;
}

/**
 * Passes all arguments on to the scenario, with an `expect` that counts per execution. Adds no promise turn to it. A
 * scenario that cannot be called is returned as it is: the simulation refuses it.
 */
function expecting(
  scenario: AnyScenario,
  given: readonly unknown[],
  expects: readonly { begin(): void; end(): void }[],
): SimulatedTest['scenario'] {
  const begin = (sim: Simulation): void => {
    for (const each of expects) {
      each.begin();
      sim.onEnd(() => each.end());
    }
  };
  if (typeof scenario === 'function') {
    if (!is.CALLABLE.fits(scenario)) return scenario as SimulatedTest['scenario'];
    return (sim: Simulation) => {
      begin(sim);
      return scenario(sim, ...(given as [never]));
    };
  }
  if (!isScenario(scenario) || !is.CALLABLE.fits((scenario as { readonly run: unknown }).run)) {
    return scenario;
  }
  return {
    ...scenario,
    run: (sim, input) => {
      begin(sim);
      return scenario.run(sim, input);
    },
  };
}

/** The cases of a list, or those of a template: a row of values below each line of names. */
function casesOf(cases: readonly unknown[], values: readonly unknown[]): readonly unknown[] {
  if (values.length === 0) return cases;
  const [head = ''] = cases.join('').trim().split('\n');
  const names = head.split('|').map((name) => name.trim());
  return Array.from({ length: Math.floor(values.length / names.length) }, (_row, at) =>
    Object.fromEntries(names.map((name, column) => [name, values[at * names.length + column]])),
  );
}

function simTestOn(base: Base): SimTest {
  const declare = (name: string, first: Given, second?: Given): void => {
    const declared = declarationOf(first, second, declare);
    base(
      name,
      declared.vitest,
      reading((context: GivenContext) => runDeclared(declared, context, [context]), declared.textBehindSim),
    );
  };
  const declareFor = (
    cases: readonly unknown[],
    argumentsOf: (one: unknown, context: GivenContext) => readonly unknown[],
    textOf: (declared: Declaration) => string,
  ) => {
    const declareCases = (name: string, first: Given, second?: Given): void => {
      const declared = declarationOf(first, second, declareCases);
      const run = (one: unknown, context: GivenContext): Promise<void> =>
        runDeclared(declared, context, argumentsOf(one, context));
      base.for(cases)(name, declared.vitest, reading(run, textOf(declared)) as never);
    };
    return declareCases;
  };
  const variants = Object.fromEntries(
    (['only', 'skip', 'fails', 'concurrent'] as const).map((name) => [
      name,
      { get: () => simTestOn(base[name] as Base), enumerable: true },
    ]),
  );
  const members: Omit<SimTest, 'only' | 'skip' | 'fails' | 'concurrent'> = {
    todo: (name) => base.todo(name),
    skipIf: (condition) => simTestOn(base.skipIf(condition) as Base),
    runIf: (condition) => simTestOn(base.runIf(condition) as Base),
    // Its scenarios get no context, so none of their arguments are fixtures.
    each: (cases: readonly unknown[], ...values: readonly unknown[]) =>
      declareFor(
        casesOf(cases, values),
        (one) => (Array.isArray(one) ? one : [one]),
        () => NO_ARGUMENTS,
      ) as never,
    for: (cases: readonly unknown[], ...values: readonly unknown[]) =>
      declareFor(
        casesOf(cases, values),
        (one, context) => [one, context],
        (declared) => declared.textBehindSim,
      ) as never,
    extend: (fixtures) => simTestOn(base.extend(fixtures as never) as Base) as never,
    on: (other) => simTestOn(other as unknown as Base) as never,
  };
  return Object.defineProperties(Object.assign(declare, members), variants) as unknown as SimTest;
}

/**
 * Declares a test that runs a scenario in virtual time, many times with different decisions, and fails at the first
 * execution that does not hold, shrunk and explained. Code called by the scenario may use `setTimeout`, `Date` and the
 * like unchanged. Logs of earlier failures run first, then the plain schedule, then `runs` executions of an
 * exploration. When the test runs out of time, its simulation is ended.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner, finalStatus } from 'dryrunner';
 * import { simTest } from 'dryrunner/vitest';
 * simTest('a build of an hour can be aborted at any time', async (sim) => {
 *   const runner = createSimulatedRunner(sim.world);
 *   const { runId } = await runner.run({ argv: ['sleep 3600000', 'complete 0'] });
 *   await sim.sleep(sim.pick('abort after', [0, 60_000, 3_600_000]));
 *   await runner.abort(runId);
 *   const { status } = await finalStatus(runner, runId);
 *   sim.check(status.state === 'ABORTED' || sim.now() === 3_600_000, 'only its end can be earlier');
 *   await runner.release();
 * });
 * ```
 */
export const simTest: SimTest = simTestOn(vitestTest);
