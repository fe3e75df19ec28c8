/**
 * Chains of events and their priorities. Invariant: a chain is a sequence of events each of which was caused by the one before it,
 * every event that was due together with others belongs to one chain, and what a chain did is all in the past of what it does next.
 */
import type { DueEvents } from '../../kernel/decisions.ts';
import type { DrawStream } from './draw-stream.ts';
import { EventNumbers } from './event-numbers.ts';

/** The chains of one execution, found as their events become due. */
export class PctChains {
  private readonly draws: DrawStream;
  private readonly chainOf = new EventNumbers();
  /** Per chain, from 1: the id of its last event. */
  private lastOf: number[] = [0];
  /** Per chain, from 1: ≥ 1 as drawn, below 1 once lowered. */
  private priorityOf: number[] = [0];

  constructor(draws: DrawStream) {
    this.draws = draws;
  }

  clear(): void {
    this.chainOf.clear();
    this.lastOf = [0];
    this.priorityOf = [0];
  }

  /** Which of the due events belongs to the chain of the highest priority. */
  highest(due: DueEvents): number {
    const { count } = due;
    let best = 0;
    let bestPriority = -1;
    for (let k = 0; k < count; k++) {
      const priority = this.priorityOf[this.find(due.idOf(k), due, k)] as number;
      if (priority <= bestPriority) continue;
      best = k;
      bestPriority = priority;
    }
    return best;
  }

  /** Gives the chain of the `k`-th due event another priority. */
  lower(due: DueEvents, k: number, priority: number): void {
    this.priorityOf[this.find(due.idOf(k), due, k)] = priority;
  }

  /** An event goes on the chain of its cause unless another event has done so before. */
  private find(id: number, due: DueEvents, k: number): number {
    const known = this.chainOf.get(id);
    if (known !== 0) return known;
    const cause = due.causeOf(k);
    let chain = this.chainOf.get(cause);
    if (chain === 0 || this.lastOf[chain] !== cause) {
      chain = this.lastOf.push(id) - 1;
      this.priorityOf.push(1 + this.draws.fraction());
    } else this.lastOf[chain] = id;
    this.chainOf.set(id, chain);
    return chain;
  }
}
