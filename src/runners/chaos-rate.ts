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

type Share = readonly [kind: FaultKind, rate: number];

/** The faults of one operation by chance: `kindOf(choose(label, n))`. */
export class RateTable {
  readonly n: number;
  readonly #shares: readonly (readonly [kind: FaultKind, from: number])[];

  constructor(n: number, counts: readonly (readonly [kind: FaultKind, answers: number])[]) {
    let from = n;
    this.n = n;
    this.#shares = [...counts].reverse().map(([kind, answers]) => [kind, (from -= answers)] as const);
  }

  /** The fault that an answer stands for: in the order of `FAULT_KINDS` from the lowest faulty answer up. */
  kindOf(answer: number): FaultKind | undefined {
    return this.#shares.find(([, from]) => answer >= from)?.[0];
  }
}

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
  const shares: Share[] = FAULT_KINDS.flatMap((kind) => {
    const rate = rates[kind] ?? 0;
    return rate > 0 ? [[kind, rate] as const] : [];
  });
  if (shares.length === 0) return undefined;
  for (let n = 2; n < MAX_ANSWERS; n += 1) {
    if (fits(n, shares)) return new RateTable(n, countAnswers(n, shares));
  }
  return new RateTable(MAX_ANSWERS, leaveOnePlain(countAnswers(MAX_ANSWERS, shares)));
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
function fits(n: number, shares: readonly Share[]): boolean {
  let taken = 0;
  for (const [, rate] of shares) {
    const answers = Math.round(rate * n);
    if (answers < 1 || Math.abs(rate * n - answers) > TOLERANCE) return false;
    taken += answers;
  }
  return taken < n;
}

function countAnswers(n: number, shares: readonly Share[]): [kind: FaultKind, answers: number][] {
  return shares.map(([kind, rate]) => [kind, Math.max(1, Math.round(rate * n))]);
}

/** Takes from the largest share what the plain answer 0 needs. */
function leaveOnePlain(
  counts: readonly (readonly [kind: FaultKind, answers: number])[],
): [kind: FaultKind, answers: number][] {
  const tooMany = counts.reduce((sum, [, answers]) => sum + answers, 1 - MAX_ANSWERS);
  const largest = Math.max(...counts.map(([, answers]) => answers));
  const giver = counts.findIndex(([, answers]) => answers === largest);
  return counts.map(([kind, answers], index) => [
    kind,
    index === giver && tooMany > 0 ? answers - tooMany : answers,
  ]);
}
