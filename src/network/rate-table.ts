/**
 * Turns probabilities into decisions: a question with `n` answers, the highest of which are faults. Invariant: answer 0
 * is never a fault, so that each fault can be removed on its own (R212).
 */
import type { AskedFault } from '../kernel/decisions.ts';
import { invalidArgument } from '../kernel/errors.ts';

/** Resolution: no probability is finer than one in this many. */
const MAX_ANSWERS = 10_000;
const TOLERANCE = 1e-9;
const KNOWN_MAX = 256;

/** The random faults at one place: `kindOf(choose(question, n))`. */
export class RateTable<K extends string> {
  readonly n: number;
  /** Each kind with the highest answer that stands for it. */
  readonly faults: readonly AskedFault[];
  readonly #kinds: readonly K[];
  readonly #counts: readonly number[];

  /** The highest answers are faults: `counts[i]` of them stand for `kinds[i]`, in ascending order. */
  constructor(n: number, kinds: readonly K[], counts: readonly number[]) {
    this.n = n;
    this.#kinds = kinds;
    this.#counts = counts;
    let answer = n - counts.reduce((sum, count) => sum + count, 0) - 1;
    this.faults = kinds.map((kind, index) => ({ kind, answer: (answer += counts[index] as number) }));
  }

  /** The fault that an answer stands for; undefined for a plain answer. */
  kindOf(answer: number): K | undefined {
    let from = this.n;
    for (let index = this.#kinds.length - 1; index >= 0; index -= 1) {
      from -= this.#counts[index] as number;
      if (answer >= from) return this.#kinds[index];
    }
    return undefined;
  }
}

/** Probabilities from 0 to 1 by kind. */
type Rates<K extends string> = Readonly<Partial<Record<K, number>>>;

/** A trie of tables: each level is indexed by the rate of one kind. */
interface KnownTables<K extends string> {
  table: RateTable<K> | undefined;
  readonly byRate: Map<number, KnownTables<K>>;
}

/**
 * Caches the tables for a set of kinds. They are stateless, every execution of an exploration needs the same ones, and
 * finding `n` takes longer than all calls.
 */
export class RateTables<K extends string> {
  readonly #kinds: readonly K[];
  #known: KnownTables<K> = { table: undefined, byRate: new Map() };
  #knownCount = 0;

  constructor(kinds: readonly K[]) {
    // A copy, because iterating over a frozen array is slow.
    this.#kinds = kinds.slice();
  }

  /**
   * The table for these rates: the smallest `n`, up to 10,000, for which every rate is a whole number of answers. If
   * there is none, rates are rounded to ten-thousandths, and a rate above 0 to at least one of them. Rates that add up
   * to 1 leave one answer in 10,000 plain. Undefined if no rate is above 0.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a sum above 1.
   */
  of(name: string, rates: Rates<K>): RateTable<K> | undefined {
    const known = this.#knownOf(rates);
    if (known.table !== undefined) return known.table;
    const kinds = this.#kinds.filter((kind) => (rates[kind] ?? 0) > 0);
    if (kinds.length === 0) return undefined;
    const positive = kinds.map((kind) => rates[kind] as number);
    const sum = positive.reduce((total, rate) => total + rate, 0);
    if (sum > 1 + TOLERANCE) throw invalidArgument(name, 'rates that add up to 1 at most', sum);
    return (known.table = newTable(kinds, positive));
  }

  /** The cache entry of these rates, found without building a text key. */
  #knownOf(rates: Rates<K>): KnownTables<K> {
    if (this.#knownCount >= KNOWN_MAX) {
      this.#known = { table: undefined, byRate: new Map() };
      this.#knownCount = 0;
    }
    let of = this.#known;
    for (const kind of this.#kinds) {
      const rate = rates[kind] ?? 0;
      let next = of.byRate.get(rate);
      if (next === undefined) {
        next = { table: undefined, byRate: new Map() };
        of.byRate.set(rate, next);
        this.#knownCount += 1;
      }
      of = next;
    }
    return of;
  }
}

function newTable<K extends string>(kinds: readonly K[], positive: readonly number[]): RateTable<K> {
  for (let n = 2; n < MAX_ANSWERS; n += 1) {
    if (fits(n, positive)) return new RateTable(n, kinds, countAnswers(n, positive));
  }
  return new RateTable(MAX_ANSWERS, kinds, leaveOnePlain(countAnswers(MAX_ANSWERS, positive)));
}

/** True if each rate is a whole number out of `n` answers and at least one answer remains plain. */
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

/** Reduces the largest share so that answer 0 remains plain. */
function leaveOnePlain(counts: readonly number[]): readonly number[] {
  const tooMany = counts.reduce((sum, answers) => sum + answers, 1 - MAX_ANSWERS);
  if (tooMany <= 0) return counts;
  const largest = Math.max(...counts);
  return counts.with(counts.indexOf(largest), largest - tooMany);
}
