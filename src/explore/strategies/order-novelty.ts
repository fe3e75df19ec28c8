/**
 * Measures how unusual an execution's order of events and its declared states are within its campaign. Invariants:
 * memory is fixed; an event is identified by the place in the code that creates it, so ids do not count.
 */
import type { DueEvents } from '../../kernel/decisions.ts';
import { hashText, mixBits } from '../../kernel/text-hash.ts';

const CELLS = 16_384;
const SITES_KEPT = 8192;
/** With more due events the next pair says little, and looking at it would take a third of the execution. */
const DUE_MAX = 64;
const STATE = 0x3c6ef372;
const STEP = 0x9e3779b1;

/** Counts in how many executions each pair of events came in that order, and each declared state was reached. */
export class OrderNovelty {
  /** Per cell: number of executions that had it. */
  readonly #had = new Uint32Array(CELLS);
  /** Per cell: the last execution that had it. */
  readonly #hadLast = new Uint32Array(CELLS);
  /** Hash of an event's site, by the text of the event. */
  readonly #sites = new Map<string, number>();
  #executions = 0;
  /** Number of executions, including this one, that had the rarest feature of this one. */
  #rarest = 0;
  /** Site of the event that was chosen last; 0 before the first. */
  #before = 0;

  begin(): void {
    this.#executions += 1;
    this.#rarest = this.#executions;
    this.#before = 0;
  }

  /**
   * Records that the `k`-th due event goes next: after which event, and past how many later ones, counted in powers of
   * two.
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

  /** Records a declared state, as text. */
  noteState(text: string): void {
    this.#note(hashText(text, STATE));
  }

  /**
   * The share of executions so far that lacked the rarest feature of this one: 0 for what all had, nearly 1 for what
   * none had before.
   */
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
