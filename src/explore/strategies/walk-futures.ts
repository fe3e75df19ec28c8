/**
 * How much still depends on an event: the events of the same instant that follow from it, itself included, as learned from earlier
 * executions. Invariant: an event is known by its path (which child of which child …), so that it is the same one in every
 * interleaving; memory is bounded.
 */
import type { EventInfo } from '../../kernel/event-queue.ts';
import { mixBits } from '../../kernel/text-hash.ts';
import { EventNumbers } from './event-numbers.ts';

const PATHS_KEPT = 65_536;
const TEXTS_KEPT = 8192;
/** The share of the newest execution in what was learned. */
const SHARE = 1 / 4;

/** Learns sizes of futures; `clear` begins an execution, `learn` ends it. */
export class WalkFutures {
  private readonly paths = new EventNumbers();
  /** Per event that fired: how many events had been made by then, plus one. */
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

  /** Takes note of an event that is about to fire after `made` events were made. */
  fire(event: EventInfo, made: number): void {
    const { id, cause } = event;
    this.paths.set(id, this.pathOf(id, cause));
    this.madeBefore.set(id, made + 1);
    this.fired.push(event);
  }

  /** The size of the future of a pending event; 1 if nothing like it was seen before. */
  sizeOf(id: number, cause: number, text: string): number {
    return this.byPath.get(this.pathOf(id, cause)) ?? this.byText.get(text) ?? 1;
  }

  /** Learns from the events that fired. What happens later in time leaves no choice now and does not count. */
  learn(): void {
    const { fired, sizes, instants } = this;
    sizes.clear();
    instants.clear();
    let instant = 0;
    let lastMs = -1;
    for (const { id, atMs } of fired) {
      if (atMs !== lastMs) instant += 1;
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

  /** Children have consecutive ids, because nothing else is made while their cause fires and its reactions run. */
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
