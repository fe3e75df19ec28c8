/**
 * Plans of faults (R153): which call is struck how, by schedule or by chance, as plain data; what picks the fault of each call
 * from one; and rates as questions with as few answers as fit.
 */
import * as is from '../kernel/shape.ts';
import { SERVICE_METHODS, type Service } from '../model/service.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Choices, DescribeAnswer } from '../kernel/decisions.ts';
import type { Topic } from '../kernel/question.ts';
import { callFaultText, callText, FAULT_KINDS, type FaultKind } from '../model/faults.ts';
import { check } from '../kernel/argument-check.ts';

/** The calls that chaos can strike; `release` it never does (R152). */
export type ChaosOperation = Exclude<keyof Service, 'release'>;

/** All of them. */
export const CHAOS_OPERATIONS: readonly ChaosOperation[] = Object.freeze(
  SERVICE_METHODS.filter((method) => method !== 'release'),
);

/** One fault that must come: at the `call`-th call of `operation`, counted from 1 as calls get through their delays. */
export interface ScheduledFault {
  readonly operation: ChaosOperation;
  readonly call: number;
  readonly kind: FaultKind;
}

/** Probabilities from 0 to 1 by operation and kind; those of one operation add up to 1 at most. */
export type FaultRates = Readonly<
  Partial<Record<ChaosOperation, Readonly<Partial<Record<FaultKind, number>>>>>
>;

/** Which faults come, by chance and by schedule; plain data, so that it can be written down, drawn and shrunk. */
export interface FaultPlan {
  readonly rates?: FaultRates;
  /** At most one fault per call. A scheduled fault goes before one by chance. */
  readonly schedule?: readonly ScheduledFault[];
}

const RATES = is.recordOf<Partial<Record<FaultKind, number>>>({}, is.each(FAULT_KINDS, is.finite(0, 1)));
/** A {@link FaultPlan}; rates are looked at one operation at a time. */
const FAULT_PLAN = is.objectOf<FaultPlan>(
  'an object with rates and schedule',
  {},
  {
    rates: is.recordOf<FaultRates>(
      {},
      is.each(CHAOS_OPERATIONS, is.anObject('an object with rates by kind')),
    ),
    schedule: is.listOf(
      is.recordOf<ScheduledFault>(
        { operation: is.oneOf(...CHAOS_OPERATIONS), call: is.integer(1), kind: is.oneOf(...FAULT_KINDS) },
        {},
      ),
    ),
  },
);

/** Nothing happens. */
export const NO_FAULTS: FaultPlan = Object.freeze({});

/** No probability is finer than one in this many. */
const MAX_ANSWERS = 10_000;
const TOLERANCE = 1e-9;

/**
 * Probabilities as decisions: an open question with `n` answers of which the highest ones are faults. Invariant: answer 0 is never a
 * fault, so that each one can be taken away singly (R212).
 *
 * The faults of one operation by chance: `kindOf(choose(question, n))`.
 */
class RateTable {
  readonly n: number;
  readonly #kinds: readonly FaultKind[];
  readonly #counts: readonly number[];

  /** `counts[i]` answers, the highest ones, stand for `kinds[i]`. */
  constructor(n: number, kinds: readonly FaultKind[], counts: readonly number[]) {
    this.n = n;
    this.#kinds = kinds;
    this.#counts = counts;
  }

  /** The fault that an answer stands for: in the order of `FAULT_KINDS` from the lowest faulty answer up. */
  kindOf(answer: number): FaultKind | undefined {
    let from = this.n;
    for (let index = this.#kinds.length - 1; index >= 0; index -= 1) {
      from -= this.#counts[index] as number;
      if (answer >= from) return this.#kinds[index];
    }
    return undefined;
  }
}

/** Not frozen, since to iterate over a frozen array is slow. */
const KINDS = FAULT_KINDS.slice();

/** Tables by their rates, those of one kind after those of the other. */
interface KnownTables {
  table: RateTable | undefined;
  readonly byRate: Map<number, KnownTables>;
}

/** Tables hold no state, and an exploration asks for the same ones in each execution: looking for `n` takes longer than all calls. */
let known: KnownTables = { table: undefined, byRate: new Map() };
let knownCount = 0;
const KNOWN_MAX = 256;

/**
 * Makes the question for one operation: the smallest `n` for which every rate is a whole number of answers, at most 10,000; rates
 * that fit none are rounded to ten-thousandths, upwards from nothing. Rates that add up to 1 leave one answer in 10,000 plain.
 * Without rates above 0 there is no question.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an unknown kind, a rate outside [0, 1], or a sum above 1.
 */
export function makeRateTable(
  operation: ChaosOperation,
  rates: Readonly<Partial<Record<FaultKind, number>>>,
): RateTable | undefined {
  checkRates(operation, rates);
  const of = knownOf(rates);
  if (of.table !== undefined) return of.table;
  const kinds = FAULT_KINDS.filter((kind) => (rates[kind] ?? 0) > 0);
  if (kinds.length === 0) return undefined;
  of.table = newTable(
    kinds,
    kinds.map((kind) => rates[kind] as number),
  );
  return of.table;
}

/** Where the table of these rates is kept: no text is made to find it. */
function knownOf(rates: Readonly<Partial<Record<FaultKind, number>>>): KnownTables {
  if (knownCount >= KNOWN_MAX) {
    known = { table: undefined, byRate: new Map() };
    knownCount = 0;
  }
  let of = known;
  for (const kind of KINDS) {
    const rate = rates[kind] ?? 0;
    let next = of.byRate.get(rate);
    if (next === undefined) {
      next = { table: undefined, byRate: new Map() };
      of.byRate.set(rate, next);
      knownCount += 1;
    }
    of = next;
  }
  return of;
}

function newTable(kinds: readonly FaultKind[], positive: readonly number[]): RateTable {
  for (let n = 2; n < MAX_ANSWERS; n += 1) {
    if (fits(n, positive)) return new RateTable(n, kinds, countAnswers(n, positive));
  }
  return new RateTable(MAX_ANSWERS, kinds, leaveOnePlain(countAnswers(MAX_ANSWERS, positive)));
}

function checkRates(operation: ChaosOperation, rates: Readonly<Partial<Record<FaultKind, number>>>): void {
  const name = `plan.rates.${operation}`;
  check(name, rates, RATES);
  const sum = Object.values(rates).reduce((total, rate) => total + rate, 0);
  if (sum > 1 + TOLERANCE) throw invalidArgument(name, 'rates that add up to 1 at most', sum);
}

/** True if each rate is a whole number of `n` answers and one answer stays plain. */
function fits(n: number, rates: readonly number[]): boolean {
  let taken = 0;
  for (const rate of rates) {
    const answers = Math.round(rate * n);
    if (answers < 1 || Math.abs(rate * n - answers) > TOLERANCE) return false;
    taken += answers;
  }
  return taken < n;
}

function countAnswers(n: number, rates: readonly number[]): number[] {
  return rates.map((rate) => Math.max(1, Math.round(rate * n)));
}

/** Takes from the largest share what the plain answer 0 needs. */
function leaveOnePlain(counts: readonly number[]): readonly number[] {
  const tooMany = counts.reduce((sum, answers) => sum + answers, 1 - MAX_ANSWERS);
  if (tooMany <= 0) return counts;
  const largest = Math.max(...counts);
  return counts.with(counts.indexOf(largest), largest - tooMany);
}

/**
 * Picks the fault of each call from a plan (R153): a scheduled one if its turn has come, else one by chance, which is a decision.
 *
 * A plan at work; it counts the calls since it came into force.
 */
export class FaultPicker {
  readonly #choices: Choices;
  readonly #rates: ReadonlyMap<ChaosOperation, Chances | undefined>;
  readonly #schedule: ReadonlyMap<ChaosOperation, ReadonlyMap<number, FaultKind>> | undefined;
  /** By operation, for the schedule. */
  readonly #calls: Map<ChaosOperation, number> | undefined;

  /**
   * `name` is whose calls they are.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a plan that is none.
   */
  constructor(choices: Choices, plan: FaultPlan, name = 'chaos') {
    check('plan', plan, FAULT_PLAN);
    this.#choices = choices;
    this.#rates = makeRateTables(plan.rates ?? {}, name);
    this.#schedule = plan.schedule === undefined ? undefined : makeSchedule(plan.schedule);
    this.#calls = this.#schedule === undefined ? undefined : new Map();
  }

  /**
   * The fault that strikes this call, if any. The decision is asked for even where a fault is scheduled, so that
   * taking a scheduled fault away moves no other decision.
   */
  pick(operation: ChaosOperation, topic: () => Topic): FaultKind | undefined {
    const chances = this.#rates.get(operation);
    const byChance = chances === undefined ? undefined : this.#byChance(chances, topic);
    return this.#scheduled(operation) ?? byChance;
  }

  #scheduled(operation: ChaosOperation): FaultKind | undefined {
    if (this.#calls === undefined) return undefined;
    const call = (this.#calls.get(operation) ?? 0) + 1;
    this.#calls.set(operation, call);
    return this.#schedule?.get(operation)?.get(call);
  }

  #byChance({ table, describe }: Chances, topic: () => Topic): FaultKind | undefined {
    return table.kindOf(this.#choices.choose(topic().asks('fault'), table.n, describe));
  }
}

/** The faults of one operation by chance, and what they are in words. */
interface Chances {
  readonly table: RateTable;
  readonly describe: DescribeAnswer;
}

function makeChances(operation: ChaosOperation, table: RateTable, name: string): Chances {
  const describe: DescribeAnswer = (answer, { topic: { subject } }) => {
    const kind = table.kindOf(answer);
    if (kind === undefined) return '';
    return callFaultText(
      kind,
      callText(operation, typeof subject === 'string' ? subject : subject.text),
      name,
    );
  };
  return { table, describe };
}

function makeRateTables(
  rates: NonNullable<FaultPlan['rates']>,
  name: string,
): Map<ChaosOperation, Chances | undefined> {
  const tables = new Map<ChaosOperation, Chances | undefined>();
  for (const operation of Object.keys(rates) as ChaosOperation[]) {
    const table = makeRateTable(operation, rates[operation] ?? {});
    tables.set(operation, table === undefined ? undefined : makeChances(operation, table, name));
  }
  return tables;
}

function makeSchedule(faults: readonly ScheduledFault[]): Map<ChaosOperation, Map<number, FaultKind>> {
  const schedule = new Map<ChaosOperation, Map<number, FaultKind>>();
  for (const [index, { operation, call, kind }] of faults.entries()) {
    const calls = schedule.get(operation) ?? new Map<number, FaultKind>();
    if (calls.has(call)) {
      throw invalidArgument(`plan.schedule[${index}]`, 'one fault per call', `${operation} ${call}`);
    }
    schedule.set(operation, calls.set(call, kind));
  }
  return schedule;
}
