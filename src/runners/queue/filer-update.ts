/**
 * One update of one filer, with its limit (R79, R80). Invariant: `onOver` is called exactly once; an update that keeps neither its
 * limit nor its cancel bound is given up, and `onReturn` tells when it has come back after all.
 */
import type { Timer } from '../../kernel/clock.ts';
import { Cancellation } from '../../model/cancellation.ts';
import type { Filer } from '../../model/filer.ts';
import { isPending } from '../../model/maybe-promise.ts';
import type { World } from '../../model/world.ts';

/** How an update ended: by itself, with an error of its own, cancelled at its limit and back in time, or given up. */
export type UpdateEnd =
  | { readonly type: 'done' }
  | { readonly type: 'late' }
  | { readonly type: 'failed'; readonly error: unknown }
  | { readonly type: 'overdue' };

/** Who is told. */
export interface FilerUpdateListener {
  onOver(end: UpdateEnd): void;
  /** An update that was given up has come back. */
  onReturn(): void;
}

const DONE: UpdateEnd = Object.freeze({ type: 'done' });
const LATE: UpdateEnd = Object.freeze({ type: 'late' });
const OVERDUE: UpdateEnd = Object.freeze({ type: 'overdue' });

/** An update at work. */
export class FilerUpdate {
  readonly #world: World;
  readonly #label: string;
  readonly #filer: Filer;
  readonly #listener: FilerUpdateListener;
  readonly #cancellation = new Cancellation();
  #timer: Timer | undefined;
  #isLate = false;
  #over = false;

  constructor(world: World, label: string, filer: Filer, listener: FilerUpdateListener) {
    this.#world = world;
    this.#label = label;
    this.#filer = filer;
    this.#listener = listener;
  }

  /** Starts it; `limitMs` 0 or Infinity means no limit. A synchronous update is over before this returns. */
  start(limitMs: number): void {
    const { clock } = this.#world;
    try {
      const update = this.#filer.update(this.#cancellation);
      if (!isPending(update)) {
        this.#end(DONE);
        return;
      }
      update.then(
        () => clock.post(this.#label, () => this.#end(DONE)),
        (error: unknown) => clock.post(this.#label, () => this.#end({ type: 'failed', error })),
      );
      if (limitMs > 0 && limitMs < Infinity) {
        this.#timer = clock.endOfInstant(`${this.#label} limit`, limitMs, () => {
          this.#isLate = true;
          this.cancel();
        });
      }
    } catch (error) {
      this.#end({ type: 'failed', error });
    }
  }

  /** Tells the filer to stop and holds it to its bound. */
  cancel(): void {
    if (this.#over || this.#cancellation.cancelled) return;
    this.#cancellation.cancel();
    this.#timer?.cancel();
    const giveUp = (): void => {
      this.#over = true;
      this.#listener.onOver(OVERDUE);
    };
    this.#timer = this.#world.clock.endOfInstant(`${this.#label} bound`, this.#filer.cancelBoundMs, giveUp);
  }

  #end(end: UpdateEnd): void {
    this.#timer?.cancel();
    if (this.#over) {
      this.#listener.onReturn();
      return;
    }
    this.#over = true;
    this.#listener.onOver(this.#isLate ? LATE : end);
  }
}
