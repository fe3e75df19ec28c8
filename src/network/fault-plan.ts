/**
 * Plans of faults (R153): which call is struck how, by schedule or by chance, as plain data; what picks the fault of each call
 * from one; and rates as questions with as few answers as fit.
 */
import { SERVICE_METHODS, type Service } from '../model/service.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { checkArray, checkRecord } from '../kernel/argument-check.ts';
import type { Choices, DescribeAnswer } from '../kernel/decisions.ts';
import type { Topic } from '../kernel/question.ts';
import { callFaultText, callText, FAULT_KINDS, type FaultKind } from '../model/faults.ts';

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
  let sum = 0;
  for (const [kind, rate] of Object.entries(rates)) {
    if (!FAULT_KINDS.includes(kind as FaultKind)) {
      throw invalidArgument(name, `kinds out of ${FAULT_KINDS.join(', ')}`, kind);
    }
    if (!(rate >= 0 && rate <= 1)) throw invalidArgument(`${name}.${kind}`, 'a number from 0 to 1', rate);
    sum += rate;
  }
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
    checkRecord('plan', 'an object with rates and schedule', plan);
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
  checkRecord('plan.rates', 'an object with operations', rates);
  for (const operation of Object.keys(rates)) {
    checkOperation('plan.rates', operation);
    checkRecord(`plan.rates.${operation}`, 'an object with rates by kind', rates[operation] ?? {});
    const table = makeRateTable(operation, rates[operation] ?? {});
    tables.set(operation, table === undefined ? undefined : makeChances(operation, table, name));
  }
  return tables;
}

function makeSchedule(faults: readonly ScheduledFault[]): Map<ChaosOperation, Map<number, FaultKind>> {
  const schedule = new Map<ChaosOperation, Map<number, FaultKind>>();
  checkArray('plan.schedule', 'a list of faults', faults);
  for (const [index, fault] of faults.entries()) {
    const name = `plan.schedule[${index}]`;
    checkRecord(name, 'an object with operation, call and kind', fault);
    const { operation, call, kind } = fault;
    checkOperation(`${name}.operation`, operation);
    if (!(Number.isSafeInteger(call) && call >= 1)) {
      throw invalidArgument(`${name}.call`, 'an integer ≥ 1', call);
    }
    if (!FAULT_KINDS.includes(kind)) {
      throw invalidArgument(`${name}.kind`, `one of ${FAULT_KINDS.join(', ')}`, kind);
    }
    const calls = schedule.get(operation) ?? new Map<number, FaultKind>();
    if (calls.has(call)) throw invalidArgument(name, 'one fault per call', `${operation} ${call}`);
    schedule.set(operation, calls.set(call, kind));
  }
  return schedule;
}

function checkOperation(name: string, operation: string): asserts operation is ChaosOperation {
  if (CHAOS_OPERATIONS.includes(operation as ChaosOperation)) return;
  throw invalidArgument(name, `operations out of ${CHAOS_OPERATIONS.join(', ')}`, operation);
}
