/** Picks the fault of each call from a plan (R153): a scheduled one if its turn has come, else one by chance, which is a decision. */
import { checkRecord } from '../kernel/argument-check.ts';
import type { Choices, DescribeAnswer } from '../kernel/decisions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Topic } from '../kernel/question.ts';
import { callFaultText, callText } from '../model/fault-text.ts';
import { CHAOS_OPERATIONS, FAULT_KINDS } from './chaos-fault.ts';
import type { ChaosOperation, FaultKind, FaultPlan, ScheduledFault } from './chaos-fault.ts';
import { makeRateTable } from './chaos-rate.ts';
import type { RateTable } from './chaos-rate.ts';

/** A plan at work; it counts the calls since it came into force. */
export class FaultPicker {
  readonly #choices: Choices;
  readonly #rates: ReadonlyMap<ChaosOperation, Chances | undefined>;
  readonly #schedule: ReadonlyMap<ChaosOperation, ReadonlyMap<number, FaultKind>>;
  readonly #calls = new Map<ChaosOperation, number>();

  /**
   * `name` is whose calls they are.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a plan that is none.
   */
  constructor(choices: Choices, plan: FaultPlan, name = 'chaos') {
    checkRecord('plan', 'an object with rates and schedule', plan);
    this.#choices = choices;
    this.#rates = makeRateTables(plan.rates ?? {}, name);
    this.#schedule = makeSchedule(plan.schedule ?? []);
  }

  /**
   * The fault that strikes this call, if any. The decision is asked for even where a fault is scheduled, so that
   * taking a scheduled fault away moves no other decision.
   */
  pick(operation: ChaosOperation, topic: () => Topic): FaultKind | undefined {
    const call = (this.#calls.get(operation) ?? 0) + 1;
    this.#calls.set(operation, call);
    const chances = this.#rates.get(operation);
    const byChance = chances === undefined ? undefined : this.#byChance(chances, topic);
    return this.#schedule.get(operation)?.get(call) ?? byChance;
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
  for (const operation of Object.keys(rates)) {
    checkOperation('plan.rates', operation);
    const table = makeRateTable(operation, rates[operation] ?? {});
    tables.set(operation, table === undefined ? undefined : makeChances(operation, table, name));
  }
  return tables;
}

function makeSchedule(faults: readonly ScheduledFault[]): Map<ChaosOperation, Map<number, FaultKind>> {
  const schedule = new Map<ChaosOperation, Map<number, FaultKind>>();
  for (const [index, { operation, call, kind }] of faults.entries()) {
    const name = `plan.schedule[${index}]`;
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
