/**
 * Merges states where a scenario declares them: what is reached again after everything that can follow was seen is not gone through
 * again (Godefroid 1996 calls it state caching). It must not be combined with sleep sets or race reversal: what is left out here would
 * have had to ask for reversals before it (Yang, Chen, Gopalakrishnan and Kirby, "Efficient Stateful Dynamic Partial Order Reduction",
 * SPIN 2008).
 *
 * Whether a declaration is complete shows where states are the same and what follows is not. So an execution that reaches a state again goes on
 * to one end, which must be one of those that the state is known to lead to; and a sample of the states that are reached again is gone
 * through in full, and all its ends are compared. Invariants: only states below which nothing is left to try are merged; of a state, a
 * hash is kept, and the list of its ends, which states with the same ends share.
 */
import { RollingHash } from '../../kernel/rolling-hash.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { StateReport } from './certificate.ts';
import { failureKey } from '../failure-key.ts';

/** Of four executions one may serve to check the declaration. */
const CHECKS_ONE_IN = 4;
/** Executions without merging, from one state that is gone through again. */
const CHECK_LENGTH_MAX = 64;
const TEXT_MAX = 400;

/** A state on the path at which the search is. */
interface StateNode {
  /** Index of the step that follows. */
  readonly step: number;
  readonly text: string;
  readonly key: string;
  /** Numbers of the ends that it came to so far. */
  readonly ends: Set<number>;
}

/** How an execution counts. */
export type StateEnd =
  /** It ran to its end. */
  | 'new'
  /** It came to a known state, or served to check the declaration. */
  | 'repeated';

/** The states of one search. */
export class ExhaustiveStates {
  #executions = 0;
  #merged = 0;
  #checked = 0;
  #gap: string | undefined;
  #isDeclared = false;
  /** Ends by the key of a state that is explored, as sorted numbers; the same list for all states with the same ends. */
  readonly #explored = new Map<string, readonly number[]>();
  readonly #lists = new Map<string, readonly number[]>();
  /** Numbers of ends. */
  readonly #ends = new Map<string, number>();
  readonly #path: StateNode[] = [];
  /** The state that is gone through again, and the executions that are left for that. */
  #check: { readonly node: StateNode; left: number } | undefined;
  #last = '';
  /** Where the execution came to a state that is explored, and what can follow there. */
  #walk: { readonly text: string; readonly known: readonly number[] } | undefined;

  /** True once a scenario has declared a state. */
  get isDeclared(): boolean {
    return this.#isDeclared;
  }

  /** What was found where the declaration is not complete. */
  get gap(): string | undefined {
    return this.#gap;
  }

  report(): StateReport {
    return {
      distinct: this.#explored.size,
      merged: this.#merged,
      checked: this.#checked,
      ...(this.#gap === undefined ? {} : { gap: this.#gap }),
    };
  }

  /** Must be called before anything else, as soon as a scenario declares a state. */
  declare(): void {
    this.#isDeclared = true;
  }

  /**
   * The state before the step `step` is reached for the first time on this path. False if all that can follow was seen: then the
   * execution goes on in any one way, of which nothing is reported but the end.
   */
  reach(step: number, text: string): boolean {
    const key = keyOf(text);
    const known = this.#explored.get(key);
    const node: StateNode = { step, text, key, ends: new Set() };
    if (known !== undefined && !this.#mayGoOn(node)) {
      for (const end of known) this.#path.at(-1)?.ends.add(end);
      this.#walk = { text, known };
      return false;
    }
    this.#path.push(node);
    return true;
  }

  /** Everything has ended, and nothing has failed. */
  reachLast(text: string): void {
    this.#last = text;
  }

  /** The execution is over. */
  end({ failure }: Verdict): StateEnd {
    this.#executions += 1;
    const end = this.#numberOf(
      failure === undefined ? `held, with the state ${this.#last}` : failureKey(failure),
    );
    const walk = this.#walk;
    this.#walk = undefined;
    if (walk === undefined) this.#path.at(-1)?.ends.add(end);
    else if (!walk.known.includes(end)) this.#gap ??= this.#describeGap(walk.text, walk.known, [end]);
    if (this.#check !== undefined) {
      this.#check.left -= 1;
      this.#checked += 1;
    } else if (walk !== undefined) this.#merged += 1;
    else return 'new';
    return 'repeated';
  }

  /** Nothing is left to try after the step `step`: the states there are explored. */
  leave(step: number): void {
    for (let node = this.#path.at(-1); node !== undefined && node.step > step; node = this.#path.at(-1)) {
      this.#path.pop();
      this.#settle(node);
    }
  }

  /** True if a known state is gone through again: one of the sample, or one after it. */
  #mayGoOn(node: StateNode): boolean {
    if (this.#check === undefined) {
      if (this.#checked * CHECKS_ONE_IN > this.#executions) return false;
      this.#check = { node, left: CHECK_LENGTH_MAX };
    }
    return this.#check.left > 0;
  }

  #settle(node: StateNode): void {
    if (node === this.#check?.node) this.#check = undefined;
    const found = this.#listOf(node.ends);
    const known = this.#explored.get(node.key);
    if (known === undefined) this.#explored.set(node.key, found);
    else if (known !== found) this.#gap ??= this.#describeGap(node.text, known, found);
    const before = this.#path.at(-1);
    for (const end of found) before?.ends.add(end);
  }

  #numberOf(end: string): number {
    const number = this.#ends.get(end) ?? this.#ends.size;
    this.#ends.set(end, number);
    return number;
  }

  #listOf(ends: ReadonlySet<number>): readonly number[] {
    const sorted = [...ends].sort((one, other) => one - other);
    const name = sorted.join();
    const list = this.#lists.get(name) ?? sorted;
    this.#lists.set(name, list);
    return list;
  }

  #describeGap(text: string, known: readonly number[], found: readonly number[]): string {
    const names = [...this.#ends.keys()];
    const onlyIn = (some: readonly number[], others: readonly number[]): string =>
      shortened(some.flatMap((end) => (others.includes(end) ? [] : [names[end] as string])).join('; or ')) ||
      'nothing';
    return [
      `From one declared state, different ends can follow: ${shortened(text)}.`,
      `Only when it was reached first: ${onlyIn(known, found)}.`,
      `Only when it was reached again: ${onlyIn(found, known)}.`,
    ].join(' ');
  }
}

function keyOf(text: string): string {
  const hash = new RollingHash();
  hash.addString(text, true);
  return hash.digest();
}

function shortened(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
