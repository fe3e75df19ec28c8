/**
 * Fault plans (R153) as plain data: which call is struck by which fault, by schedule or at random; and the picker that
 * applies a plan to each call.
 */
import * as is from '../kernel/shape.ts';
import { SERVICE_METHODS, type Service } from '../model/service.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Choices, DescribeAnswer } from '../kernel/decisions.ts';
import type { Topic } from '../kernel/question.ts';
import { callFaultText, callText, FAULT_KINDS, type FaultKind } from '../model/faults.ts';
import { check } from '../kernel/argument-check.ts';
import { type RateTable, RateTables } from './rate-table.ts';

/** The calls that chaos can strike: all but `release` (R152). */
export type ChaosOperation = Exclude<keyof Service, 'release'>;

/** Every {@link ChaosOperation}. */
export const CHAOS_OPERATIONS: readonly ChaosOperation[] = Object.freeze(
  SERVICE_METHODS.filter((method) => method !== 'release'),
);

/**
 * A fault that always strikes: at the `call`-th call of `operation`, counted from 1 as calls come out of their delays.
 */
export interface ScheduledFault {
  readonly operation: ChaosOperation;
  readonly call: number;
  readonly kind: FaultKind;
}

/** Probabilities from 0 to 1 by operation and kind; those of one operation add up to at most 1. */
export type FaultRates = Readonly<
  Partial<Record<ChaosOperation, Readonly<Partial<Record<FaultKind, number>>>>>
>;

/** Which faults strike, at random and by schedule; plain data, so that it can be stored, drawn and shrunk. */
export interface FaultPlan {
  readonly rates?: FaultRates;
  /** At most one fault per call. A scheduled fault takes precedence over a random one. */
  readonly schedule?: readonly ScheduledFault[];
}

const RATES = is.recordOf<Partial<Record<FaultKind, number>>>({}, is.each(FAULT_KINDS, is.finite(0, 1)));
/** Argument shape of a {@link FaultPlan}; rates are checked one operation at a time. */
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

/** A plan without faults. */
export const NO_FAULTS: FaultPlan = Object.freeze({});

/** Tables of the random faults of an operation. */
const TABLES = new RateTables(FAULT_KINDS);

/**
 * Creates the rate table of one operation; undefined if no rate is above 0.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an unknown kind, a rate outside [0, 1], or a sum above 1.
 */
export function makeRateTable(
  operation: ChaosOperation,
  rates: Readonly<Partial<Record<FaultKind, number>>>,
): RateTable<FaultKind> | undefined {
  const name = `plan.rates.${operation}`;
  check(name, rates, RATES);
  return TABLES.of(name, rates);
}

/**
 * Picks the fault of each call from a plan (R153): a scheduled one if its turn has come, otherwise a random one, which
 * is a decision. It counts the calls since the plan came into force.
 */
export class FaultPicker {
  readonly #choices: Choices;
  readonly #rates: ReadonlyMap<ChaosOperation, Chances | undefined>;
  readonly #schedule: ReadonlyMap<ChaosOperation, ReadonlyMap<number, FaultKind>> | undefined;
  /** Number of calls by operation, for the schedule. */
  readonly #calls: Map<ChaosOperation, number> | undefined;

  /**
   * `name` is the runner whose calls are struck.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an invalid plan.
   */
  constructor(choices: Choices, plan: FaultPlan, name = 'chaos') {
    check('plan', plan, FAULT_PLAN);
    this.#choices = choices;
    this.#rates = makeRateTables(plan.rates ?? {}, name);
    this.#schedule = plan.schedule === undefined ? undefined : makeSchedule(plan.schedule);
    this.#calls = this.#schedule === undefined ? undefined : new Map();
  }

  /**
   * The fault that strikes this call, if any. The decision is made even if a fault is scheduled, so that removing a
   * scheduled fault does not shift other decisions.
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

/** The random faults of one operation, and their descriptions. */
interface Chances {
  readonly table: RateTable<FaultKind>;
  readonly describe: DescribeAnswer;
}

function makeChances(operation: ChaosOperation, table: RateTable<FaultKind>, name: string): Chances {
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
