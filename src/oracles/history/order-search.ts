/**
 * Searches for an order of operations that agrees with their real-time order and with a sequential model: the search of
 * J. Wing and C. Gong ("Testing and verifying concurrent objects", Journal of Parallel and Distributed Computing 17,
 * 1993) with the cache of G. Lowe (2017), without partition. It keeps a frontier instead of backtracking, so that open
 * operations can be tried last. Invariant: the answer depends on the operations and the model alone.
 */
import { type HistoryOperation, byInvocation } from './history.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { TooManyStatesError, type SequentialModel } from './sequential-model.ts';

/**
 * A point of the search: some placed operations, and the state after them. Invariant: immutable. Indices refer to the
 * operations that returned, in the order of their invocations. "All before `first`, and these beyond" is short however
 * long the history is.
 */
export interface Configuration<O, R, S> {
  readonly state: S;
  /** All operations before this index are placed; the one at this index is not. */
  readonly first: number;
  /** Placed operations after `first`, ascending. */
  readonly beyond: readonly number[];
  /** Open operations that took effect, ascending. */
  readonly usedOpen: readonly number[];
  /** The operation placed last, and the configuration before it. */
  readonly last: HistoryOperation<O, R> | undefined;
  readonly before: Configuration<O, R, S> | undefined;
}

/** Number of placed operations that returned. */
function placedCount({ first, beyond }: Configuration<never, never, unknown>): number {
  return first + beyond.length;
}

/** The configuration after placing one more operation that returned. */
function placeReturned<O, R, S>(
  before: Configuration<O, R, S>,
  index: number,
  last: HistoryOperation<O, R>,
  state: S,
): Configuration<O, R, S> {
  const { usedOpen } = before;
  if (index !== before.first) {
    return { state, first: before.first, beyond: inserted(before.beyond, index), usedOpen, last, before };
  }
  let first = index + 1;
  let skipped = 0;
  while (before.beyond[skipped] === first) {
    first += 1;
    skipped += 1;
  }
  return { state, first, beyond: before.beyond.slice(skipped), usedOpen, last, before };
}

/** The configuration after placing one more open operation. */
function placeOpen<O, R, S>(
  before: Configuration<O, R, S>,
  index: number,
  last: HistoryOperation<O, R>,
  state: S,
): Configuration<O, R, S> {
  const { first, beyond, usedOpen } = before;
  return { state, first, beyond, usedOpen: inserted(usedOpen, index), last, before };
}

/** The placed operations, in order. */
function placedOrder<O, R, S>(configuration: Configuration<O, R, S>): HistoryOperation<O, R>[] {
  const order: HistoryOperation<O, R>[] = [];
  let at: Configuration<O, R, S> | undefined = configuration;
  while (at?.last !== undefined) {
    order.push(at.last);
    at = at.before;
  }
  return order.reverse();
}

function inserted(sorted: readonly number[], index: number): number[] {
  const at = sorted.findIndex((other) => other > index);
  return at === -1 ? [...sorted, index] : [...sorted.slice(0, at), index, ...sorted.slice(at)];
}

/** Indices of open operations, ascending. */
export type UsedOpen = readonly number[];

/**
 * The known configurations: a set of placed operations and the state after them (G. Lowe, "Testing for
 * linearizability", Concurrency and Computation 29(4), 2017). Invariant: of configurations that differ only in the open
 * operations used, one is dropped if another uses a subset of its open operations: every continuation is possible with
 * more of them left.
 */
class ConfigurationCache {
  readonly #known = new Map<string, UsedOpen[]>();

  /** False if an equally good configuration is known; if not, adds this one. */
  add(key: string, used: UsedOpen): boolean {
    const others = this.#known.get(key);
    if (others === undefined) {
      this.#known.set(key, Array.of(used));
      return true;
    }
    if (others.some((other) => isSubset(other, used))) return false;
    const kept = others.filter((other) => !isSubset(used, other));
    kept.push(used);
    this.#known.set(key, kept);
    return true;
  }
}

function isSubset(small: UsedOpen, large: UsedOpen): boolean {
  if (small.length > large.length) return false;
  let at = 0;
  for (const index of small) {
    while (at < large.length && (large[at] as number) < index) at += 1;
    if (large[at] !== index) return false;
    at += 1;
  }
  return true;
}

/**
 * Configurations in the order in which to visit them. Invariants: configurations reached by operations that returned
 * come first, the deepest first, as in a backtracking search; open operations are tried only when none of those is
 * left, starting where most operations are placed with the fewest open ones, so that a lost operation is used only when
 * something needs it.
 */
class SearchFrontier<C> {
  readonly #next: C[] = [];
  /** Indexed by the number of placed operations, then by the number of open ones used. */
  readonly #stuck: (C[] | undefined)[][] = [];

  /** Adds a configuration to visit next. */
  push(configuration: C): void {
    this.#next.push(configuration);
  }

  pop(): C | undefined {
    return this.#next.pop();
  }

  /** Adds a configuration to be extended by an open operation when nothing else is left. */
  defer(configuration: C, placed: number, usedOpen: number): void {
    while (this.#stuck.length <= placed) this.#stuck.push([]);
    const byUse = this.#stuck[placed] ?? [];
    (byUse[usedOpen] ??= []).push(configuration);
  }

  popDeferred(): C | undefined {
    while (this.#stuck.length > 0) {
      const found = this.#stuck.at(-1)?.find((configurations) => (configurations?.length ?? 0) > 0);
      if (found !== undefined) return found.pop();
      this.#stuck.pop();
    }
    return undefined;
  }
}

/** The bounds of a search. */
export interface SearchBounds {
  /** The most configurations to visit. */
  readonly maxStates: number;
  /** After this many steps of the model, no further configuration is visited. Default `Infinity`. */
  readonly maxSteps?: number;
}

/** The cost of a search: configurations visited, and steps of the model. */
interface SearchEffort {
  readonly visited: number;
  readonly steps: number;
}

/** The result of a search. */
export type SearchOutcome<O, R> = SearchEffort &
  (
    | { readonly kind: 'found'; readonly order: readonly HistoryOperation<O, R>[] }
    | { readonly kind: 'impossible' | 'undecided' }
  );

/** Decides whether there is such an order, unless a bound is reached first. */
export function searchOrder<O, R, S>(
  operations: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
  bounds: SearchBounds,
): SearchOutcome<O, R> {
  const search = new OrderSearch(operations, model);
  try {
    return search.run(bounds);
  } catch (error) {
    if (!(error instanceof TooManyStatesError)) throw error;
    return { kind: 'undecided', ...search.effort() };
  }
}

class OrderSearch<O, R, S> {
  readonly #model: SequentialModel<O, R, S>;
  readonly #returned: readonly HistoryOperation<O, R>[];
  readonly #open: readonly HistoryOperation<O, R>[];
  /** For each open operation, the index of the equal one that began before it and must be used first. */
  readonly #twins: readonly (number | undefined)[];
  readonly #cache = new ConfigurationCache();
  readonly #frontier = new SearchFrontier<Configuration<O, R, S>>();
  #visited = 0;
  #steps = 0;

  constructor(operations: readonly HistoryOperation<O, R>[], model: SequentialModel<O, R, S>) {
    const inOrder = operations.toSorted(byInvocation);
    this.#model = model;
    this.#returned = inOrder.filter(({ outcome }) => outcome === 'returned');
    this.#open = inOrder.filter(({ outcome }) => outcome === 'open');
    this.#twins = findTwins(this.#open, model);
  }

  run({ maxStates, maxSteps = Infinity }: SearchBounds): SearchOutcome<O, R> {
    const { initial } = this.#model;
    const start = { state: initial, first: 0, beyond: [], usedOpen: [], last: undefined, before: undefined };
    this.#frontier.push(start);
    for (;;) {
      const configuration = this.#frontier.pop();
      if (configuration === undefined) {
        const stuck = this.#frontier.popDeferred();
        if (stuck === undefined) return { kind: 'impossible', ...this.effort() };
        this.#placeNextOpen(stuck);
        continue;
      }
      if (!this.#isNew(configuration)) continue;
      if (this.#visited >= maxStates || this.#steps > maxSteps) {
        return { kind: 'undecided', ...this.effort() };
      }
      this.#visited += 1;
      const placed = placedCount(configuration as Configuration<never, never, S>);
      if (placed === this.#returned.length) {
        return { kind: 'found', order: placedOrder(configuration), ...this.effort() };
      }
      this.#placeNextReturned(configuration);
      if (this.#open.length > configuration.usedOpen.length) {
        this.#frontier.defer(configuration, placed, configuration.usedOpen.length);
      }
    }
  }

  /** The cost so far. */
  effort(): SearchEffort {
    return { visited: this.#visited, steps: this.#steps };
  }

  #isNew({ first, beyond, usedOpen, state }: Configuration<O, R, S>): boolean {
    return this.#cache.add(`${first} ${beyond.join(',')} ${this.#model.key(state)}`, usedOpen);
  }

  /** The next operation may be any that began before each of the remaining ones returned. */
  #placeNextReturned(configuration: Configuration<O, R, S>): void {
    const { candidates } = this.#candidates(configuration);
    // Reversed, because the frontier takes the last one first, and the earliest invocations are the likeliest.
    for (const index of candidates.reverse()) {
      const operation = this.#returned[index] as HistoryOperation<O, R>;
      for (const state of this.#next(configuration.state, operation).toReversed()) {
        this.#frontier.push(placeReturned(configuration, index, operation, state));
      }
    }
  }

  #placeNextOpen(configuration: Configuration<O, R, S>): void {
    const { firstReturn } = this.#candidates(configuration);
    const { usedOpen, state: before } = configuration;
    const key = this.#model.key(before);
    for (const [index, operation] of this.#open.entries()) {
      if (operation.invokedAt > firstReturn) break;
      const twin = this.#twins[index];
      if (usedOpen.includes(index) || (twin !== undefined && !usedOpen.includes(twin))) continue;
      for (const state of this.#next(before, operation)) {
        // An operation that changes nothing might as well never have happened.
        if (this.#model.key(state) !== key) {
          this.#frontier.push(placeOpen(configuration, index, operation, state));
        }
      }
    }
  }

  #candidates({ first, beyond }: Configuration<O, R, S>): { candidates: number[]; firstReturn: number } {
    const candidates: number[] = [];
    let firstReturn = Infinity;
    for (let index = first; index < this.#returned.length; index += 1) {
      const { invokedAt, respondedAt } = this.#returned[index] as HistoryOperation<O, R>;
      if (invokedAt > firstReturn) break;
      if (beyond.includes(index)) continue;
      candidates.push(index);
      firstReturn = Math.min(firstReturn, respondedAt);
    }
    return { candidates, firstReturn };
  }

  #next(state: S, { operation, reply }: HistoryOperation<O, R>): readonly S[] {
    this.#steps += 1;
    const states: unknown = this.#model.step(state, operation, reply) ?? [];
    if (!Array.isArray(states)) throw invalidArgument('model.step()', 'a list of states', states);
    return states as readonly S[];
  }
}

function findTwins<O, R, S>(
  open: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
): (number | undefined)[] {
  const latest = new Map<string, number>();
  return open.map(({ operation }, index) => {
    const key = model.operationKey?.(operation);
    if (key === undefined) return undefined;
    const twin = latest.get(key);
    latest.set(key, index);
    return twin;
  });
}
