/**
 * Delays awaits by some microtasks: see {@link AwaitLevel}. Invariant: all awaits of one promise are delayed by the same
 * number, so that they continue in order.
 */
import type { Choices } from '../../kernel/decisions.ts';
import { topicOfSite } from './await-topic.ts';
import { type AwaitParts, Awaits } from './controlled-awaits.ts';

const SETTLED = Promise.resolve();
/** A race is usually decided by a few microtasks. */
const HOPS_MAX = 7;

/** Shared by all awaits of one promise, so that they continue in order. */
interface Hops {
  readonly count: number;
  awaiting: number;
}

/** See the top of the file. */
export class HoppingAwaits extends Awaits {
  readonly #choices: Choices;
  /** By awaited value, for those that are delayed now. */
  readonly #hops = new Map<unknown, Hops>();

  constructor({ choices }: AwaitParts, controlsThens: boolean) {
    super(controlsThens);
    this.#choices = choices;
  }

  awaited(value: unknown, site: string): unknown {
    if (Object(value) !== value) {
      const count = this.#choose(site);
      return count === 0 ? value : hop(value, count);
    }
    const known = this.#hops.get(value);
    const count = known?.count ?? this.#choose(site);
    if (count === 0) return value;
    const hops = known ?? { count, awaiting: 0 };
    if (known === undefined) this.#hops.set(value, hops);
    hops.awaiting += 1;
    return hop(value, count, () => {
      hops.awaiting -= 1;
      if (hops.awaiting === 0) this.#hops.delete(value);
    });
  }

  disposal(site: string): AsyncDisposable | null {
    const count = this.#choose(site);
    return count === 0 ? null : { [Symbol.asyncDispose]: () => hop(undefined, count) as Promise<void> };
  }

  end(): void {
    this.#hops.clear();
  }

  #choose(site: string): number {
    return this.#choices.choose(topicOfSite(site).asks('delay'), HOPS_MAX + 1);
  }
}

/** Settles as `value` does, `count` microtasks later than a plain await would. */
async function hop(value: unknown, count: number, onEnd?: () => void): Promise<unknown> {
  try {
    return await value;
  } finally {
    // The await of the result takes one microtask as well.
    for (let left = count - 1; left > 0; left -= 1) await SETTLED;
    onEnd?.();
  }
}
