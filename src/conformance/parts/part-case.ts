/**
 * A case about a part other than a runner: a network, a lock, a store, a filer. The lists of cases are beside this
 * file, one for each kind of part. Invariant: a case is independent of test frameworks, and uses only the parts that
 * its subject makes.
 */
import type { Service } from '../../model/service.ts';
import { statusAll } from '../../model/status-lookup.ts';
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { sleep } from '../../kernel/clock.ts';
import { isRunnerError, messageOf } from '../../kernel/errors.ts';
import type { World } from '../../model/world.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { PART_CAPABILITY, REASON, type PartCapability } from '../capability.ts';
import { checkEqual, checkThat, ConformanceError } from '../check.ts';
import { CLOCK_ROUNDING_MS } from '../clock-rounding.ts';
import { SEEDS } from '../conformance-case.ts';
import { type NoteCall, OpenCalls } from './noted-part.ts';
import { type PlayAnswers, simulateHolding } from './played.ts';

/** The common part of all subjects of such lists. */
export interface PartSubject {
  /** Shown in titles. */
  readonly name: string;
  /**
   * Capabilities that it lacks, each with the reason: cases that need them are skipped. Default: none.
   *
   * If it lacks `words`, its messages are its own: only the codes of errors are compared, and cases about our texts are
   * skipped. Texts that the contract fixes are still compared.
   */
  readonly lacks?: Readonly<Partial<Record<PartCapability, string>>>;
}

/** How to run a case about a part. */
export interface PartProveOptions {
  /** Seeds of the simulations of a case that must hold in any order of events; at least one. Default 1, 2 and 3. */
  readonly seeds?: readonly (string | number)[];
  /** Ends the case early, for a test that has run out of time. */
  readonly signal?: AbortSignal;
}

export const PART_PROVE_OPTIONS: is.RecordShape = is.optionsOf<PartProveOptions>(
  {},
  { seeds: SEEDS, signal: is.ABORT_SIGNAL },
);
const DEFAULT_SEEDS = [1, 2, 3];

/** The definition of a case about a part. */
export interface PartCaseSpec<Subject extends PartSubject> {
  /** May start with the numbers of the rules that it proves. */
  readonly title: string;
  /** Capabilities that it needs. Default: none beyond those of every subject. */
  readonly needs?: readonly PartCapability[];
  readonly prove: (subject: Subject, options: PartProveOptions) => Promise<void>;
}

/** A case about a part, for any subject of its kind. It fits `describeRunner` of `dryrunner/vitest`. */
export class PartCase<Subject extends PartSubject> {
  readonly title: string;
  /** Its topic, such as `mutex`. */
  readonly group: string;
  /** Numbers of the rules that it proves. */
  readonly rules: readonly string[];
  readonly #spec: PartCaseSpec<Subject>;

  /** @internal */
  constructor(group: string, spec: PartCaseSpec<Subject>) {
    this.title = spec.title;
    this.group = group;
    this.rules = /^(?:[RD]\d+ )+/.exec(spec.title)?.[0].match(/R\d+/g) ?? [];
    this.#spec = spec;
  }

  /**
   * Why the case does not apply to this subject; undefined if it does.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `lacks` has an unknown capability.
   */
  skipReason(subject: Subject): string | undefined {
    checkPart(subject);
    const { lacks = {} } = subject;
    const lack = (this.#spec.needs ?? []).find((need) => Object.hasOwn(lacks, need));
    return lack === undefined ? undefined : lacks[lack];
  }

  /** Rejects with a `ConformanceError`, or with any other error that the part threw. */
  async prove(subject: Subject, options: PartProveOptions = {}): Promise<void> {
    checkPart(subject);
    check('options', options, PART_PROVE_OPTIONS);
    await this.#spec.prove(subject, options);
  }
}

function checkPart(subject: PartSubject): void {
  check('subject', subject, is.readable('a subject'));
  const { name, lacks = {} } = subject;
  check('subject.name', name, is.TEXT);
  check('subject.lacks', lacks, is.mapOf(REASON, 'an object of reasons'));
  for (const word of Object.keys(lacks)) check('a word in subject.lacks', word, PART_CAPABILITY);
}

/** All cases of a list, by topic. */
export function partCases<Subject extends PartSubject>(
  groups: Readonly<Record<string, readonly PartCaseSpec<Subject>[]>>,
): readonly PartCase<Subject>[] {
  return Object.freeze(
    Object.entries(groups).flatMap(([group, specs]) => specs.map((spec) => new PartCase(group, spec))),
  );
}

/**
 * Runs a body whose parts only the subject knows how to run, and records their calls. If it fails, other than by a
 * check of its own, or the signal is aborted, the error names the calls in flight.
 */
export async function notingCalls(
  { signal }: PartProveOptions,
  prove: (note: NoteCall) => Promise<void>,
): Promise<void> {
  const calls = new OpenCalls();
  try {
    await untilAborted(signal, () => prove(calls.note));
  } catch (error) {
    const { lines } = calls;
    if (error instanceof ConformanceError || lines.length === 0) throw error;
    const text = [messageOf(error), ...lines].join('\n');
    throw new ConformanceError(text, 'an end of the case', lines.join(', '), error);
  }
}

/** Does the work until the signal aborts, which is an error; the work is not begun if it has. */
async function untilAborted(signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
  const cutOff = (): Error => new Error('cut off: the case has not ended');
  if (signal?.aborted === true) throw cutOff();
  let onAbort = (): void => undefined;
  const cut = new Promise<never>((_, reject) => {
    onAbort = () => reject(cutOff());
  });
  signal?.addEventListener('abort', onAbort);
  try {
    await Promise.race([meanwhile(work()), meanwhile(cut)]);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** A world in which time passes: virtual time, or the machine's. */
export interface PartTime {
  readonly world: World;
  /** The simulation, in virtual time. */
  readonly sim: Simulation | undefined;
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Checks the time: exactly in virtual time; on the machine, that it is not earlier. */
  checkNow(what: string, ms: number): void;
}

/** Runs a body in virtual time, once for each seed, or in a world of the machine. */
export async function inTime(
  wallWorld: (() => World) | undefined,
  { seeds = DEFAULT_SEEDS, signal }: PartProveOptions,
  body: (t: PartTime) => Promise<void>,
): Promise<void> {
  if (wallWorld !== undefined) {
    await untilAborted(signal, () => body(timeOf(wallWorld(), undefined)));
    return;
  }
  for (const seed of seeds) {
    await simulateHolding(seed, { seed, signal, scenario: (sim) => body(timeOf(sim.world, sim)) });
  }
}

function timeOf(world: World, sim: Simulation | undefined): PartTime {
  const { clock } = world;
  const startMs = clock.now();
  const now = (): number => clock.now() - startMs;
  return {
    world,
    sim,
    now,
    sleep: (ms) => sleep(clock, ms, 'case sleep'),
    checkNow(what, ms) {
      if (sim !== undefined) checkEqual(`the time when ${what}`, now(), ms);
      else checkThat(now() >= ms - CLOCK_ROUNDING_MS, `the time when ${what}`, `at least ${ms} ms`, now());
    },
  };
}

/** Marks a promise that the case awaits later: if the case fails first, its rejection is not reported as unhandled. */
export function meanwhile<T>(promise: Promise<T>): Promise<T> {
  // A broken part may return anything.
  void Promise.resolve(promise).catch(() => undefined);
  return promise;
}

/** The error of a throw or a rejection, as a text: `RUNNER_TIMED_OUT a did not get mutex jobs within 5 ms`. */
export async function refusalOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (isRunnerError(error)) return `${error.code} ${error.message}`;
    if (error instanceof ConformanceError) throw error;
    return String(error);
  }
  return 'nothing';
}

/** The code of a throw or a rejection; `none` if there is neither. */
export async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (isRunnerError(error)) return error.code;
    throw error;
  }
  return 'none';
}

/** Checks that the act is refused with the code, and with a message that contains all these words. */
export async function checkRefuses(
  what: string,
  act: () => unknown,
  code: string,
  ...words: readonly string[]
): Promise<void> {
  const refusal = await refusalOf(act);
  checkThat(refusal.startsWith(`${code} `), what, `an error of code ${code}`, refusal);
  for (const word of words) checkThat(refusal.includes(word), what, `an error that says ${word}`, refusal);
}

/** Checks that each act is refused as wrong use, with a message that says what was expected and what came. */
async function checkWrongUse(
  table: readonly (readonly [act: () => unknown, message: string])[],
): Promise<void> {
  for (const [act, message] of table) {
    checkEqual(`what comes of ${message}`, await refusalOf(act), `RUNNER_INVALID_ARGUMENT ${message}`);
  }
}

/** How a case compares the texts of a part. */
export interface Said {
  /** As `checkEqual`. */
  equal(what: string, actual: unknown, expected: unknown): void;
  /** As `checkEqual`, for a message alone. */
  text(what: string, actual: unknown, expected: unknown): void;
  /** As {@link checkRefuses}. */
  refuses(what: string, act: () => unknown, code: string, ...words: readonly string[]): Promise<void>;
  /** As {@link checkWrongUse}. */
  wrongUse(table: readonly (readonly [act: () => unknown, message: string])[]): Promise<void>;
}

const IN_OUR_WORDS: Said = {
  equal: checkEqual,
  text: checkEqual,
  refuses: checkRefuses,
  wrongUse: checkWrongUse,
};

const IN_ANY_WORDS: Said = {
  equal: (what, actual, expected) => checkEqual(what, withoutWords(actual), withoutWords(expected)),
  text: () => undefined,
  refuses: (what, act, code) => checkRefuses(what, act, code),
  async wrongUse(table) {
    for (const [act, message] of table) {
      checkEqual(`the code of ${message}`, await codeOf(act), 'RUNNER_INVALID_ARGUMENT');
    }
  },
};

/** Fields whose texts are those of the part: of violations and statuses. */
const WORDED = ['text', 'faults'];
/** And of events in the trace, by their type. */
const WORDED_OF_EVENTS: Readonly<Record<string, readonly string[]>> = {
  recorded: ['error'],
  acquired: ['name'],
  freed: ['name'],
};

/**
 * Reduces refusals to their codes, and texts of reports to their number, in lists and fields too; the text for an
 * unknown run is fixed (R23).
 */
function withoutWords(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(/\b(RUNNER_(?!UNKNOWN_RUN\b)[A-Z_]+)\b.*$/s, '$1');
  }
  if (Array.isArray(value)) return value.map(withoutWords);
  if (!is.isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const worded = [...WORDED, ...(WORDED_OF_EVENTS[String(Reflect.get(value, 'type'))] ?? [])];
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => [name, worded.includes(name) ? textless(held) : held]),
  );
}

/** Every text replaced by the same one. */
const textless = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(textless) : typeof value === 'string' ? '…' : value;

/** A case that compares whole messages, or, if the subject lacks `words`, only the codes of errors. */
export function inWords<Subject extends PartSubject>(
  specOf: (said: Said) => PartCaseSpec<Subject>,
): PartCaseSpec<Subject> {
  const ours = specOf(IN_OUR_WORDS);
  const any = specOf(IN_ANY_WORDS);
  return {
    ...ours,
    prove: (subject, options) => (hasOurWords(subject) ? ours : any).prove(subject, options),
  };
}

const hasOurWords = ({ lacks = {} }: PartSubject): boolean => !Object.hasOwn(lacks, 'words');

/** A case about texts that only our parts have: labels of questions, and texts in reports. */
export function ofOurWords<Subject extends PartSubject>(spec: PartCaseSpec<Subject>): PartCaseSpec<Subject> {
  return { ...spec, needs: [...(spec.needs ?? []), 'words'] };
}

/** A case that answers questions by their labels: if it answers any, it is about ours. */
export function answering<Subject extends PartSubject>(
  answers: PlayAnswers,
  spec: PartCaseSpec<Subject>,
): PartCaseSpec<Subject> {
  return Object.keys(answers).length === 0 ? spec : ofOurWords(spec);
}

/** How many runs a service knows. */
export const runsOf = async (service: Service): Promise<number> => (await statusAll(service)).statuses.length;
