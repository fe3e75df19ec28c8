/**
 * One case of the suite: what it proves, what it needs, and its body. Invariant: it is independent of test frameworks;
 * a caller checks `skipReason` first, and an error thrown by `prove` is the failure.
 */
import { SEED } from '../kernel/seeded-random.ts';
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { messageOf } from '../kernel/errors.ts';
import type { World } from '../model/world.ts';
import { thrownText } from '../oracles/answer-form.ts';
import { ServiceReach } from '../oracles/reach-kinds.ts';
import { framesOfThrown } from '../simulation/scenario-stack.ts';
import { factsOf, factText } from '../simulation/failure-fact.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Failure, FailureKind } from '../simulation/verdict.ts';
import { lackOf } from './capability-probe.ts';
import { CAPABILITY, type Capability } from './capability.ts';
import { CaseContext } from './case-context.ts';
import { ConformanceError } from './check.ts';
import { endInHeldTime, leftInHeldTime } from './held-time.ts';
import { checkSubject, type ConformanceSubject, type HeldWorld, type SubjectOptions } from './subject.ts';
import type { Service } from '../model/service.ts';

/** The definition of a case. */
export type CaseSpec = {
  /** Starts with the numbers of the rules that it proves, then says what happens. */
  readonly title: string;
  /** Capabilities that the case needs, in addition to those that `options` need. Default: none. */
  readonly needs?: readonly Capability[];
} & (
  | {
      /** Makes its runners itself. */
      readonly run: (t: CaseContext) => Promise<void>;
    }
  | {
      /** Options of its only runner; each needs the capability of its name. Default: the runner's own defaults. */
      readonly options?: Pick<SubjectOptions, 'capacity' | 'history' | 'idPrefix'>;
      readonly serve: (t: CaseContext, runner: Service) => Promise<void>;
    }
);

/** A case about one runner. */
type RunnerCase = Extract<CaseSpec, { readonly serve: unknown }>;

/** How to run a case. */
export interface ProveOptions {
  /**
   * Seeds of the simulations in virtual time, each giving its own order of events; at least one. Default 1, 2 and 3.
   */
  readonly seeds?: readonly (string | number)[];
  /**
   * After how many milliseconds a case on the machine's time is given up, and fails; its release has a tenth of that,
   * and so has what its subject disposes of. Default 120,000. Only a case that hangs reaches this: no outcome depends on how fast the machine is.
   */
  readonly cutOffMs?: number;
  /** Counts what the case has reached. */
  readonly reach?: ServiceReach;
  /** Ends a simulation early, for a test that has run out of time. */
  readonly signal?: AbortSignal;
}

/** The shape of the seeds of a case; without a seed nothing would run, and every case would pass. */
export const SEEDS: is.Shape = is.listOf(SEED, 'a list of at least one seed', 1);
/** The shapes of these options. */
export const PROVE_FIELDS: is.OptionalShapes<ProveOptions> = {
  seeds: SEEDS,
  cutOffMs: is.limit(),
  reach: is.instanceOf('the counts of a watch', ServiceReach),
  signal: is.ABORT_SIGNAL,
};
const PROVE_OPTIONS = is.optionsOf<ProveOptions>({}, PROVE_FIELDS);

const DEFAULT_SEEDS = [1, 2, 3];
const DEFAULT_CUT_OFF_MS = 120_000;
/** A case that was given up gets this share of its time to clean up. */
const CLOSE_SHARE = 0.1;
const TICK_MS = 100;
/** A case of a subject that polls takes more than 60,000. */
const VIRTUAL_EVENTS_MAX = 1_000_000;

/** A case that can be run against any subject. See {@link runConformance}. */
export class ConformanceCase {
  readonly title: string;
  /** The part of the contract it belongs to, such as `abort`. */
  readonly group: string;
  /** Numbers of the rules that it proves. */
  readonly rules: readonly string[];
  readonly needs: readonly Capability[];
  readonly run: (t: CaseContext) => Promise<void>;

  /**
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` with the name of the field, or of an unknown capability in `needs`.
   */
  constructor(group: string, spec: CaseSpec) {
    check('group', group, is.text('a name'));
    check('spec', spec, is.readable('an object with title and run or serve'));
    const { title, needs = [] } = spec;
    check('title', title, is.TEXT);
    check('needs', needs, is.listOf(CAPABILITY, 'a list of capabilities'));
    const run = 'serve' in spec ? servingBody(spec) : spec.run;
    check('run', run, is.FUNCTION);
    this.title = title;
    this.group = group;
    this.rules = /^(?:[RD]\d+ )+/.exec(title)?.[0].match(/R\d+/g) ?? [];
    this.needs = 'serve' in spec ? [...capabilitiesFor(spec), ...needs] : needs;
    this.run = run;
  }

  /** Why the case does not apply to this subject; undefined if it does. */
  skipReason(subject: ConformanceSubject): string | undefined {
    checkSubject(subject);
    const { supports } = subject;
    const reasons = this.needs.map((capability) => supports[capability]);
    return reasons.find((reason) => reason !== true);
  }

  /** The timeout for test frameworks: 0, for none, if the case has its own cut-off; undefined if any will do. */
  timeoutMs(subject: ConformanceSubject): number | undefined {
    checkSubject(subject);
    return subject.wallWorld === undefined ? undefined : 0;
  }

  /**
   * Runs the case. In virtual time it is a simulation per seed, which also fails for a violation that the default
   * oracles find, for a deadlock, for a stall and for anything left behind. In held time it fails for a deadlock and
   * for a timer left behind.
   *
   * Rejects with a {@link ConformanceError}, or with any other error that the runner threw. If the subject lacks a
   * capability that it claims and that the case needs, the error says so first.
   */
  async prove(subject: ConformanceSubject, options: ProveOptions = {}): Promise<void> {
    checkSubject(subject);
    check('options', options, PROVE_OPTIONS);
    try {
      await this.#run(subject, options);
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      const lack = await lackOf(subject, this.needs, (run) =>
        new ConformanceCase('probe', { title: 'a probe', run }).#run(subject, { ...options, seeds: [1] }),
      );
      if (lack === undefined) throw error;
      throw new ConformanceError(`${lack} (${messageOf(error)})`, 'what the subject claims', lack, error);
    }
  }

  async #run(subject: ConformanceSubject, options: ProveOptions): Promise<void> {
    const { seeds = DEFAULT_SEEDS, cutOffMs = DEFAULT_CUT_OFF_MS, reach, signal } = options;
    if (subject.wallWorld !== undefined) {
      await this.#onTheMachine(subject, subject.wallWorld(), cutOffMs, reach);
      return;
    }
    for (const seed of seeds) {
      if (subject.heldWorld !== undefined) {
        const { error } = await settled(this.#inHeldTime(subject, subject.heldWorld(seed), options));
        if (error === undefined) continue;
        throw simulationError({ kind: 'error', message: messageOf(error), details: [], cause: error }, seed);
      }
      let context: CaseContext | undefined;
      const scenario = ({ world }: { readonly world: World }): Promise<void> => {
        context = new CaseContext(subject, world);
        return this.#inTime(context, reach);
      };
      const { failure } = await simulate({
        ...{ seed, name: this.title, scenario, defaultMaxEvents: VIRTUAL_EVENTS_MAX },
        ...(signal === undefined ? {} : { signal }),
      });
      if (failure !== undefined) throw simulationError(withUnanswered(failure, context), seed);
    }
  }

  /** Closes the context only on success: a body that fails ends the simulation, which then needs no clean-up. */
  async #inTime(context: CaseContext, reach: ServiceReach | undefined): Promise<void> {
    await this.#body(context, reach);
    await context.close();
    const late = context.violation();
    if (late !== undefined) throw late;
  }

  /** Advances time until the case is over; then, as in a simulation, no timer may be left. */
  async #inHeldTime(
    subject: ConformanceSubject,
    held: HeldWorld,
    { reach, signal }: ProveOptions,
  ): Promise<void> {
    const context = new CaseContext(subject, held.world);
    const ended = settled(this.#inTime(context, reach));
    const why = await endInHeldTime(held, ended, signal);
    if (why !== undefined) {
      const what = context.standstill;
      const cut = new ConformanceError(`${why}: ${what}`, 'an end', what);
      throw context.violation(cut) ?? cut;
    }
    const { error } = await ended;
    if (error !== undefined) throw error;
    const left = await leftInHeldTime(held, signal);
    if (left !== undefined) throw new ConformanceError(left, 'nothing that is left', left);
  }

  async #onTheMachine(
    subject: ConformanceSubject,
    world: World,
    cutOffMs: number,
    reach: ServiceReach | undefined,
  ): Promise<void> {
    const context = new CaseContext(subject, world);
    const { clock } = world;
    const body = await settled(withCutOff(clock, cutOffMs, this.#body(context, reach)));
    let failure = body.error;
    if (body.value?.isCut === true) {
      const cut = cutOffError(context, cutOffMs);
      context.giveUp(cut);
      failure = context.violation(cut) ?? cut;
    }
    const closeMs = cutOffMs * CLOSE_SHARE;
    // A release that never returns must not leave what the subject would dispose of.
    for (const close of [() => context.release(), () => context.dispose()]) {
      const closed = await settled(withCutOff(clock, closeMs, close()));
      const isCut = closed.value?.isCut === true;
      failure ??= context.violation(closed.error) ?? closed.error;
      if (isCut) failure ??= cutOffError(context, closeMs);
    }
    if (failure !== undefined) throw failure;
  }

  /** Violations found in answers are thrown first, because other errors may follow from them. */
  async #body(context: CaseContext, reach: ServiceReach | undefined): Promise<void> {
    try {
      await this.run(context);
    } catch (error) {
      throw context.violation(error) ?? context.refusal(error) ?? error;
    } finally {
      if (reach !== undefined) context.addReach(reach);
    }
    const wrong = context.violation();
    if (wrong !== undefined) throw wrong;
  }
}

function servingBody({ options, serve }: RunnerCase): ConformanceCase['run'] {
  check('serve', serve, is.FUNCTION);
  return async (t) => serve(t, await t.runner(options));
}

function capabilitiesFor({ options = {} }: RunnerCase): Capability[] {
  return Object.keys(options) as (keyof typeof options)[];
}

interface Settled<T> {
  readonly value?: T;
  readonly error?: Error;
}

async function settled<T>(promise: Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await promise };
  } catch (error) {
    return {
      error: error instanceof Error ? error : new ConformanceError(messageOf(error), 'no error', error),
    };
  }
}

/** The error of a case that has waited for `cutOffMs`. */
function cutOffError(context: CaseContext, cutOffMs: number): ConformanceError {
  const what = context.standstill;
  return new ConformanceError(`cut off after ${cutOffMs} ms: ${what}`, 'an end', what);
}

/** The result of the work: its value, or that it was cut off. */
type CutOff<T> = { readonly isCut: false; readonly value: T } | { readonly isCut: true };

/**
 * Waits for the work for at most `ms`. Work that is cut off still runs; the caller has to end it. Counts ticks of
 * this process rather than time, so that work is not cut off because the machine suspended the process for a while.
 */
async function withCutOff<T>(clock: Clock, ms: number, work: Promise<T>): Promise<CutOff<T>> {
  let timer: Timer | undefined;
  const cut = new Promise<CutOff<T>>((resolve) => {
    let ticks = Math.ceil(ms / TICK_MS);
    const tick = (): void => {
      ticks -= 1;
      if (ticks < 0) resolve({ isCut: true });
      else timer = clock.timer('cut-off', TICK_MS, tick);
    };
    tick();
  });
  try {
    return await Promise.race([work.then((value) => ({ isCut: false, value }) as const), cut]);
  } finally {
    timer?.cancel();
  }
}

/**
 * A case that does not end fails with the first answer that broke a rule; if none did, the unanswered call comes first.
 */
function withUnanswered(failure: Failure, context: CaseContext | undefined): Failure {
  if (context === undefined || !NO_END.has(failure.kind)) return failure;
  const wrong = context.violation(failure.cause);
  if (wrong !== undefined) return { ...failure, kind: 'error', message: wrong.message, cause: wrong };
  const { unanswered } = context;
  return unanswered === undefined ? failure : { ...failure, message: `${unanswered}. ${failure.message}` };
}

const NO_END: ReadonlySet<FailureKind> = new Set(['deadlock', 'stall', 'budget', 'escape']);

/** What was expected of a simulation instead of each kind of failure. */
const EXPECTED_OF: Readonly<Record<FailureKind, string>> = {
  check: 'a check that holds',
  always: 'a property that always holds',
  eventually: 'a property that comes true',
  error: 'no error',
  rule: 'a rule that is kept',
  deadlock: 'an end of the case',
  stall: 'an end of the case',
  budget: 'an end of the case',
  leftovers: 'nothing that is left',
  escape: 'nothing from outside of the simulation',
  diverged: 'decisions that fit',
  hang: 'an end of the case',
  interrupted: 'an end of the case',
  abandoned: 'an end of the case',
};

/** The error that the body threw, with the seed; a failure of the simulation itself is described in words. */
export function simulationError(failure: Omit<Failure, 'atMs'>, seed: string | number): ConformanceError {
  const { kind, message, cause, rule } = failure;
  // Of use to the author of a scenario, who is not the reader here.
  const details = factsOf(failure).filter((fact) => fact.kind !== 'remedy');
  const what = kind === 'error' ? errorText(cause, message) : `${rule ?? kind} ${message}`;
  const text = [`${what} (seed ${seed})`, ...details.map(factText)].join('\n');
  const [expected, actual] =
    cause instanceof ConformanceError ? [cause.expected, cause.actual] : [EXPECTED_OF[kind], what];
  // One error rather than two that say the same: only the seed is added.
  const error = new ConformanceError(text, expected, actual, cause instanceof Error ? cause.cause : cause);
  const frames = framesOfThrown(cause);
  if (frames.length > 0) error.stack = [`${error.name}: ${text}`, ...frames].join('\n');
  return error;
}

/** The message of an error; a value that is none does not explain itself. */
function errorText(cause: unknown, message: string): string {
  const saysEnough = cause instanceof Error || typeof cause === 'string';
  return saysEnough ? messageOf(cause) : `expected no error, got ${thrownText(cause ?? message)}`;
}
