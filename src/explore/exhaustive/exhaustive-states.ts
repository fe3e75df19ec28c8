/**
 * Merges the states that a scenario declares: a state that is reached again after everything that can follow it was
 * seen is not explored again (Godefroid 1996 calls it state caching). This must not be combined with sleep sets or race
 * reversal: the executions left out here would have had to request reversals at earlier points (Yang, Chen,
 * Gopalakrishnan and Kirby, "Efficient Stateful Dynamic Partial Order Reduction", SPIN 2008).
 *
 * A state can also recur at one instant, before all that can follow it was seen. What follows is then explored where it
 * was reached first, so the execution need not go on. The ends of such states are known only once nothing is left to try
 * after any of those that lead to each other, which is after the first of them: strongly connected components (Tarjan,
 * "Depth-First Search and Linear Graph Algorithms", SIAM Journal on Computing 1, 1972). A schedule that goes round for
 * ever is one of their ends, and no execution stands for it.
 *
 * A declaration is incomplete if equal states have different futures. To detect that, an execution that reaches a known
 * state goes on to one end, which must be one of the ends known for that state; and a sample of such states is explored
 * again in full, and all ends are compared. Invariants: everything that can follow a merged state is explored, by the end
 * of the search; per explored state only a hash is kept, and its list of ends, which states with equal ends share.
 */
import { invariant } from '../../kernel/invariant.ts';
import { RollingHash } from '../../kernel/rolling-hash.ts';
import type { Failure, Verdict } from '../../simulation/verdict.ts';
import type { StateReport } from './certificate.ts';
import { failureKey } from '../failure-key.ts';

/** One execution in four may be used to check the declaration. */
const CHECKS_ONE_IN = 4;
/** Maximum number of executions without merging, from one state that is explored again. */
const CHECK_LENGTH_MAX = 64;
const TEXT_MAX = 400;
/** The end of schedules that come back to a state at one instant, and go on so for ever. Other ends count from 0. */
const GOES_ROUND = -1;

/** An open state: one on the current path of the search, or one that leads back to such a state. */
interface StateNode {
  /** Index of the step that follows. */
  readonly step: number;
  readonly text: string;
  readonly key: string;
  /** Numbers of the ends reached so far. */
  readonly ends: Set<number>;
  /** Its place among the open states. */
  readonly place: number;
  /** The least place of an open state that is known to follow, or its own. */
  leastPlace: number;
}

/** How an execution goes on after a state. */
export type AfterState =
  | 'explore'
  /** In any one way, of which only the end is recorded. */
  | 'walk'
  /** Not at all. */
  | 'abandon';

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
  readonly #open: StateNode[] = [];
  readonly #openByKey = new Map<string, StateNode>();
  /** Length of path and open states when the current schedule was chosen, and the check that was going on then. */
  #kept: { readonly path: number; readonly open: number; readonly check: StateCheck | undefined } = {
    ...{ path: 0, open: 0, check: undefined },
  };
  #check: StateCheck | undefined;
  #last = '';
  /** Set where the execution reached a state that is not explored again: the state, and its ends if they are known. */
  #walk: { readonly text: string; readonly known: readonly number[] | undefined } | undefined;
  #recurring: string | undefined;
  /** True once an execution that went round did not end. One shows it, and each takes as long as an execution may. */
  #hasGoneRound = false;

  /** True once a scenario has declared a state. */
  get isDeclared(): boolean {
    return this.#isDeclared;
  }

  /** The finding that shows the declaration to be incomplete, if any. */
  get gap(): string | undefined {
    return this.#gap;
  }

  /** A state that recurs at one instant, if any. */
  get recurring(): string | undefined {
    return this.#recurring;
  }

  report(): StateReport {
    return {
      distinct: this.#explored.size,
      merged: this.#merged,
      checked: this.#checked,
      ...(this.#gap === undefined ? {} : { gap: this.#gap }),
      ...(this.#recurring === undefined ? {} : { recurring: this.#recurring }),
    };
  }

  /** Must be called before anything else, as soon as a scenario declares a state. */
  declare(): void {
    this.#isDeclared = true;
  }

  /** Called when the state before the step `step` is reached by a step that is new on this path. */
  reach(step: number, text: string): AfterState {
    const key = keyOf(text);
    const open = this.#openByKey.get(key);
    if (open !== undefined) return this.#comeBack(open);
    const known = this.#explored.get(key);
    const place = this.#open.length;
    const node: StateNode = { step, text, key, ends: new Set(), place, leastPlace: place };
    if (known !== undefined && !this.#mayContinue(node)) {
      for (const end of known) this.#path.at(-1)?.ends.add(end);
      if (this.#hasGoneRound && known.includes(GOES_ROUND)) return 'abandon';
      this.#walk = { text, known };
      return 'walk';
    }
    this.#path.push(node);
    this.#open.push(node);
    this.#openByKey.set(key, node);
    return 'explore';
  }

  /** The last state of the path is followed by an open one, which leads to it. */
  #comeBack({ text, place }: StateNode): AfterState {
    this.#recurring ??= shortened(text);
    const last = this.#path.at(-1);
    invariant(last !== undefined, 'expected a path to a state that recurs');
    last.leastPlace = Math.min(last.leastPlace, place);
    last.ends.add(GOES_ROUND);
    if (this.#hasGoneRound) return 'abandon';
    this.#walk = { text, known: undefined };
    return 'walk';
  }

  /** Called when everything has ended without a failure. */
  reachLast(text: string): void {
    this.#last = text;
  }

  /** Called when the execution is over. */
  end({ failure }: Verdict): StateEnd {
    this.#executions += 1;
    if (this.#check !== undefined) this.#check.left -= 1;
    const isAbandoned = failure?.kind === 'abandoned';
    const walk = this.#walk;
    this.#walk = undefined;
    if (walk !== undefined && isEndless(failure) && walk.known?.includes(GOES_ROUND) !== false) {
      // No other execution shows it.
      this.#hasGoneRound = true;
      return 'new';
    }
    if (!isAbandoned) this.#noteEnd(failure, walk);
    if (this.#check !== undefined) this.#checked += 1;
    else if (walk !== undefined || isAbandoned) this.#merged += 1;
    else return 'new';
    return 'repeated';
  }

  #noteEnd(
    failure: Failure | undefined,
    walk: { text: string; known: readonly number[] | undefined } | undefined,
  ): void {
    const end = this.#numberOf(
      failure === undefined ? `held, with the state ${this.#last}` : failureKey(failure),
    );
    if (walk?.known === undefined) this.#path.at(-1)?.ends.add(end);
    else if (!walk.known.includes(end)) this.#gap ??= this.#describeGap(walk.text, walk.known, [end]);
  }

  /** Called when nothing is left to try after the step `step`: its states become explored, unless they lead back. */
  leave(step: number): void {
    for (let node = this.#path.at(-1); node !== undefined && node.step > step; node = this.#path.at(-1)) {
      this.#path.pop();
      this.#leaveNode(node);
    }
    this.#kept = { path: this.#path.length, open: this.#open.length, check: this.#check };
  }

  /** Called when the current schedule begins, also once more after an execution that did not come to its end. */
  begin(): void {
    this.#path.length = this.#kept.path;
    for (const { key } of this.#open.splice(this.#kept.open)) this.#openByKey.delete(key);
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

  #leaveNode(node: StateNode): void {
    if (node === this.#check?.node) this.#check = undefined;
    const before = this.#path.at(-1);
    for (const end of node.ends) before?.ends.add(end);
    if (before !== undefined && node.leastPlace < node.place) {
      before.leastPlace = Math.min(before.leastPlace, node.leastPlace);
      return;
    }
    // All states opened since lead back to it, so the same ends follow.
    const found = this.#listOf(node.ends);
    for (const one of this.#open.splice(node.place)) {
      this.#openByKey.delete(one.key);
      this.#settle(one, found);
    }
  }

  #settle({ key, text }: StateNode, found: readonly number[]): void {
    const known = this.#explored.get(key);
    if (known === undefined) this.#explored.set(key, found);
    else if (known !== found) this.#gap ??= this.#describeGap(text, known, found);
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
      shortened(
        some
          .filter((end) => !others.includes(end))
          .map((end) => (end === GOES_ROUND ? 'no end' : names[end]))
          .join('; or '),
      ) || 'nothing';
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

/** True for the end of an execution that would have gone on. */
function isEndless(failure: Failure | undefined): boolean {
  return failure?.kind === 'budget' || failure?.kind === 'stall';
}

function shortened(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
