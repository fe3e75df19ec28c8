/** Uniform random walk: every interleaving with the same probability. */
import type { EventInfo } from '../../kernel/event-queue.ts';
import { mixBits } from '../../kernel/text-hash.ts';
import { EventNumbers } from './event-numbers.ts';
import { indexOfDue, NewlyDue, SCANNED_MAX } from './highest-due.ts';
import type { DueEvents } from '../../kernel/decisions.ts';
import type { Question } from '../../kernel/question.ts';
import type { Strategy } from './strategy.ts';
import { OrderStrategy } from './value-policy.ts';

const PATHS_KEPT = 65_536;
const TEXTS_KEPT = 8192;
/** Weight of the newest execution in what is learned. */
const SHARE = 1 / 4;

/**
 * Estimates the size of an event's future: the number of events of the same instant that follow from it, including
 * itself, as learned from earlier executions. Invariants: an event is identified by its path (which child of which
 * child …), so it is the same in every interleaving; memory is bounded.
 *
 * `clear` begins an execution, `learn` ends it.
 */
class WalkFutures {
  private readonly paths = new EventNumbers();
  /** Per event that fired: number of events created by then, plus one. */
  private readonly madeBefore = new EventNumbers();
  private readonly sizes = new EventNumbers();
  private readonly instants = new EventNumbers();
  private fired: EventInfo[] = [];
  private readonly byPath = new Map<number, number>();
  private readonly byText = new Map<string, number>();

  clear(): void {
    this.paths.clear();
    this.madeBefore.clear();
    this.fired = [];
  }

  /** Records an event that is about to fire after `made` events were created. */
  fire(event: EventInfo, made: number): void {
    const { id, cause } = event;
    this.paths.set(id, this.pathOf(id, cause));
    this.madeBefore.set(id, made + 1);
    this.fired.push(event);
  }

  /** Size of the future of a pending event; 1 if nothing like it was seen before. */
  sizeOf(id: number, cause: number, text: string): number {
    return this.byPath.get(this.pathOf(id, cause)) ?? this.byText.get(text) ?? 1;
  }

  /** Learns from the events that fired. Those at later times or at the end of the instant leave no choice now, and do not count. */
  learn(): void {
    const { fired, sizes, instants } = this;
    sizes.clear();
    instants.clear();
    let instant = 0;
    let lastMs = -1;
    for (const { id, atMs, late } of fired) {
      if (late || atMs !== lastMs) instant += 1;
      lastMs = atMs;
      instants.set(id, instant);
    }
    for (let i = fired.length - 1; i >= 0; i--) {
      const { id, cause, topic } = fired[i] as EventInfo;
      const size = sizes.get(id) + 1;
      if (instants.get(cause) === instants.get(id)) sizes.set(cause, sizes.get(cause) + size);
      remember(this.byPath, this.paths.get(id), size, PATHS_KEPT);
      remember(this.byText, topic.text, size, TEXTS_KEPT);
    }
  }

  /** Children have consecutive ids, because nothing else is created while their cause fires and its reactions run. */
  private pathOf(id: number, cause: number): number {
    const ordinal = id - this.madeBefore.get(cause);
    return mixBits(Math.imul(this.paths.get(cause), 31) ^ mixBits(ordinal + 1));
  }
}

function remember<Key>(sizes: Map<Key, number>, key: Key, size: number, limit: number): void {
  const known = sizes.get(key);
  if (known !== undefined) sizes.set(key, known + (size - known) * SHARE);
  else if (sizes.size < limit) sizes.set(key, size);
}

/** Weights are multiples of 1 / this, so that their sums are exact. */
const WEIGHT_UNITS = 256;

/** A Fenwick tree of weighted ids to draw from. Adding, removing and drawing cost O(log n). */
class WeightedIds {
  #ids: number[] = [];
  #weights: number[] = [];
  /** Per position from 1: the sum of weights of the positions that it covers. */
  #sums: number[] = [0];
  #total = 0;

  get total(): number {
    return this.#total;
  }

  clear(): void {
    this.#ids = [];
    this.#weights = [];
    this.#sums = [0];
    this.#total = 0;
  }

  add(id: number, weight: number): void {
    const place = this.#ids.push(id);
    this.#weights.push(weight);
    this.#total += weight;
    let sum = weight;
    // The positions before it that it covers as well.
    for (let each = place - 1, end = place - (place & -place); each > end; each -= each & -each) {
      sum += this.#sums[each] as number;
    }
    this.#sums.push(sum);
  }

  /** The position, from 1, at which the sum of weights exceeds `weight`, which is below the total. */
  find(weight: number): number {
    const sums = this.#sums;
    let left = weight;
    let place = 0;
    for (let step = 1 << (31 - Math.clz32(sums.length)); step > 0; step >>= 1) {
      const next = place + step;
      if (next >= sums.length || left < (sums[next] as number)) continue;
      left -= sums[next] as number;
      place = next;
    }
    return place + 1;
  }

  idAt(place: number): number {
    return this.#ids[place - 1] as number;
  }

  /** Removes the id at that position. */
  removeAt(place: number): void {
    const weight = this.#weights[place - 1] as number;
    this.#weights[place - 1] = 0;
    this.#total -= weight;
    for (let each = place; each < this.#sums.length; each += each & -each) {
      this.#sums[each] = (this.#sums[each] as number) - weight;
    }
  }
}

class WalkStrategy extends OrderStrategy {
  readonly #futures = new WalkFutures();
  readonly #sizes: number[] = [];
  readonly #newly = new NewlyDue();
  /** Filled once many events are due, until time passes. */
  readonly #weighted = new WeightedIds();
  #isWeighted = false;

  protected restart(): void {
    this.#futures.clear();
    this.#forgetWeights();
  }

  order(_question: Question, due: DueEvents): number {
    if (this.#isWeighted && this.#newly.isOther(due)) this.#forgetWeights();
    if (this.#isWeighted || due.count > SCANNED_MAX) return this.#drawWeighted(due);
    const { count } = due;
    const sizes = this.#sizes;
    let left = 0;
    for (let k = 0; k < count; k++) {
      const size = this.#sizeOf(due, k);
      sizes[k] = size;
      left += size;
    }
    left *= this.draws.fraction();
    for (let k = 0; k < count - 1; k++) {
      left -= sizes[k] as number;
      if (left < 0) return k;
    }
    return count - 1;
  }

  onFire(event: EventInfo, made: number): void {
    this.#futures.fire(event, made);
  }

  end(): void {
    this.#futures.learn();
  }

  #sizeOf(due: DueEvents, k: number): number {
    return this.#futures.sizeOf(due.idOf(k), due.causeOf(k), due.textOf(k));
  }

  #drawWeighted(due: DueEvents): number {
    const weighted = this.#weighted;
    this.#isWeighted = true;
    for (let k = this.#newly.take(due); k < due.count; k += 1) {
      weighted.add(due.idOf(k), Math.max(1, Math.round(this.#sizeOf(due, k) * WEIGHT_UNITS)));
    }
    for (;;) {
      const place = weighted.find(this.draws.below(weighted.total));
      const k = indexOfDue(due, weighted.idAt(place));
      weighted.removeAt(place);
      if (k >= 0) return k;
    }
  }

  #forgetWeights(): void {
    this.#weighted.clear();
    this.#newly.clear();
    this.#isWeighted = false;
  }
}

/**
 * The uniform random walk: each interleaving of the events of an instant is equally likely, whereas a uniform choice at
 * each step prefers interleavings in which short chains end early. Events form a forest, each below the event that
 * caused it, and choosing each with a weight proportional to the size of its future draws their orders uniformly (the
 * hook length formula: Knuth, The Art of Computer Programming 3, 5.1.4, exercise 20). The weights are learned from
 * earlier executions, so an execution depends on seed, index and those; the first one is a plain random walk. As in
 * shuttle's `UrwScheduler`. Everything but order is answered as by {@link pctStrategy}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, explore, walkStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'long-first',
 *   description: 'a chain of six events never ends before one that stands alone begins',
 *   async run(sim) {
 *     let done = 0;
 *     const step = (): void => void ((done += 1) < 6 && sim.world.clock.post('chain', step));
 *     sim.world.clock.post('chain', step);
 *     sim.world.clock.post('alone', () => sim.check(done < 6, 'the chain has ended'));
 *     await sim.sleep(1);
 *   },
 * });
 * const { executions } = await explore(createExecutor(scenario), walkStrategy(1), { maxExecutions: 100 });
 * if (executions === 100) throw new Error('one in seven interleavings, not one in 64');
 * ```
 */
export function walkStrategy(seed: string | number = 1): Strategy {
  return new WalkStrategy('walk', seed);
}
