/**
 * Probabilities as decisions: an open question with `n` answers of which the highest ones are faults. Invariant: answer 0 is never a
 * fault, so that each one can be taken away singly (R212).
 */
import { invalidArgument } from '../kernel/errors.ts';
import { FAULT_KINDS } from './chaos-fault.ts';
import type { ChaosOperation, FaultKind } from './chaos-fault.ts';

/** No probability is finer than one in this many. */
const MAX_ANSWERS = 10_000;
const TOLERANCE = 1e-9;

/** The faults of one operation by chance: `kindOf(choose(label, n))`. */
export class RateTable {
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

/** Tables hold no state, and an exploration asks for the same ones in each execution: looking for `n` takes longer than all calls. */
const known = new Map<string, RateTable>();
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
  const kinds = FAULT_KINDS.filter((kind) => (rates[kind] ?? 0) > 0);
  if (kinds.length === 0) return undefined;
  const positive = kinds.map((kind) => rates[kind] as number);
  const key = `${kinds.join()} ${positive.join()}`;
  const table = known.get(key) ?? newTable(kinds, positive);
  if (known.size < KNOWN_MAX) known.set(key, table);
  return table;
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
