/**
 * How unusual the order of an execution was, and the states that it came to, among those of its campaign. Invariants: memory is fixed; an
 * event is known by the place of the code that makes it, so that ids count for nothing.
 */
import type { DueEvents } from '../../kernel/decisions.ts';
import { hashText, mixBits } from '../../kernel/text-hash.ts';

const CELLS = 16_384;
const SITES_KEPT = 8192;
/** Among more than these, which pair comes next says little, and looking at it would take a third of the execution. */
const DUE_MAX = 64;
const STATE = 0x3c6ef372;
const STEP = 0x9e3779b1;

/** Counts in how many executions a pair of events came in that order, and a declared state was come to. */
export class OrderNovelty {
  /** Per cell: executions that had it. */
  readonly #had = new Uint32Array(CELLS);
  /** Per cell: the execution that had it last. */
  readonly #hadLast = new Uint32Array(CELLS);
  /** By the text of an event: the hash of its site. */
  readonly #sites = new Map<string, number>();
  #executions = 0;
  /** In how many executions the rarest of this one was met, itself included. */
  #rarest = 0;
  /** The site of the event that was chosen last; 0 before the first. */
  #before = 0;

  begin(): void {
    this.#executions += 1;
    this.#rarest = this.#executions;
    this.#before = 0;
  }

  /**
   * Takes note that the `k`-th of the due events goes next: after which one, and past how many that were made since, counted in powers
   * of two.
   */
  noteOrder(due: DueEvents, k: number): void {
    if (due.count > DUE_MAX) {
      this.#before = 0;
      return;
    }
    const site = this.#siteOf(due, k);
    const passed = 32 - Math.clz32(due.idOf(due.count - 1) - due.idOf(k));
    if (this.#before !== 0) {
      this.#note(mixBits(Math.imul(this.#before, 31) ^ site ^ Math.imul(passed + 1, STEP)));
    }
    this.#before = site;
  }

  /** Takes note of a state, as text. */
  noteState(text: string): void {
    this.#note(hashText(text, STATE));
  }

  /** The share of the executions so far without the rarest of what this one had: 0 for what all have had, nearly 1 for what none had before. */
  rarity(): number {
    return 1 - this.#rarest / this.#executions;
  }

  #note(hash: number): void {
    const cell = hash & (CELLS - 1);
    if (this.#hadLast[cell] === this.#executions) return;
    this.#hadLast[cell] = this.#executions;
    const had = (this.#had[cell] as number) + 1;
    this.#had[cell] = had;
    if (had < this.#rarest) this.#rarest = had;
  }

  #siteOf(due: DueEvents, k: number): number {
    const text = due.textOf(k);
    const known = this.#sites.get(text);
    if (known !== undefined) return known;
    if (this.#sites.size >= SITES_KEPT) this.#sites.clear();
    const site = hashText(due.topicOf(k).site);
    this.#sites.set(text, site);
    return site;
  }
}
