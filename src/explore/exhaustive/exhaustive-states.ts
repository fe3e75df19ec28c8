/**
 * Merges the states that a scenario declares: a state that is reached again after everything that can follow it was
 * seen is not explored again (Godefroid 1996 calls it state caching). This must not be combined with sleep sets or race
 * reversal: the executions left out here would have had to request reversals at earlier points (Yang, Chen,
 * Gopalakrishnan and Kirby, "Efficient Stateful Dynamic Partial Order Reduction", SPIN 2008).
 *
 * A declaration is incomplete if equal states have different futures. To detect that, an execution that reaches a known
 * state goes on to one end, which must be one of the ends known for that state; and a sample of such states is explored
 * again in full, and all ends are compared. Invariants: only states with nothing left to try are merged; per state only
 * a hash is kept, and its list of ends, which states with equal ends share.
 */
import { RollingHash } from '../../kernel/rolling-hash.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { StateReport } from './certificate.ts';
import { failureKey } from '../failure-key.ts';

/** One execution in four may be used to check the declaration. */
const CHECKS_ONE_IN = 4;
/** Maximum number of executions without merging, from one state that is explored again. */
const CHECK_LENGTH_MAX = 64;
const TEXT_MAX = 400;

/** A state on the current path of the search. */
interface StateNode {
  /** Index of the step that follows. */
  readonly step: number;
  readonly text: string;
  readonly key: string;
  /** Numbers of the ends reached so far. */
  readonly ends: Set<number>;
}

/** A state that is being explored again, and the executions left for it. */
interface StateCheck {
  readonly node: StateNode;
  left: number;
}

/** How an execution counts. */
export type StateEnd =
  /** It ran to its end. */
  | 'new'
  /** It reached a known state, or was used to check the declaration. */
  | 'repeated';

/** The states of one search. */
export class ExhaustiveStates {
  #executions = 0;
  #merged = 0;
  #checked = 0;
  #gap: string | undefined;
  #isDeclared = false;
  /** Ends by the key of an explored state, as sorted numbers; states with equal ends share one list. */
  readonly #explored = new Map<string, readonly number[]>();
  readonly #lists = new Map<string, readonly number[]>();
  /** Numbers of ends. */
  readonly #ends = new Map<string, number>();
  readonly #path: StateNode[] = [];
  /** Length of the path when the current schedule was chosen, and the check that was going on then. */
  #kept: { readonly length: number; readonly check: StateCheck | undefined } = {
    length: 0,
    check: undefined,
  };
  #check: StateCheck | undefined;
  #last = '';
  /** Set where the execution reached an explored state: the state, and its known ends. */
  #walk: { readonly text: string; readonly known: readonly number[] } | undefined;

  /** True once a scenario has declared a state. */
  get isDeclared(): boolean {
    return this.#isDeclared;
  }

  /** The finding that shows the declaration to be incomplete, if any. */
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
   * Called when the state before the step `step` is reached for the first time on this path. False if everything that
   * can follow was seen: the execution then continues in any one way, of which only the end is recorded.
   */
  reach(step: number, text: string): boolean {
    const key = keyOf(text);
    const known = this.#explored.get(key);
    const node: StateNode = { step, text, key, ends: new Set() };
    if (known !== undefined && !this.#mayContinue(node)) {
      for (const end of known) this.#path.at(-1)?.ends.add(end);
      this.#walk = { text, known };
      return false;
    }
    this.#path.push(node);
    return true;
  }

  /** Called when everything has ended without a failure. */
  reachLast(text: string): void {
    this.#last = text;
  }

  /** Called when the execution is over. */
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

  /** Called when nothing is left to try after the step `step`: its states become explored. */
  leave(step: number): void {
    for (let node = this.#path.at(-1); node !== undefined && node.step > step; node = this.#path.at(-1)) {
      this.#path.pop();
      this.#settle(node);
    }
    this.#kept = { length: this.#path.length, check: this.#check };
  }

  /** Called when the current schedule begins, also once more after an execution that did not come to its end. */
  begin(): void {
    this.#path.length = this.#kept.length;
    this.#check = this.#kept.check;
    this.#walk = undefined;
  }

  /** True if a known state is to be explored again: one of the sample, or a later one of the same check. */
  #mayContinue(node: StateNode): boolean {
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
