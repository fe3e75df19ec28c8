/**
 * The logs that reached something new, and which of them to go on from. Invariant: bounded in number; which one is chosen depends on
 * what was added and drawn alone.
 */
import type { Decision } from '../../kernel/decisions.ts';
import type { DrawStream } from './draw-stream.ts';
import { IndexedLog } from './indexed-log.ts';

const LOGS_KEPT = 256;

/** A kept log. */
export interface CorpusLog {
  /** Number in the order of keeping, from 1. */
  readonly id: number;
  readonly log: IndexedLog;
  /** How much of what it reached was new. */
  readonly novelty: number;
  /** How often it was gone on from since it, or what came of it, last reached something new. */
  tries: number;
}

/**
 * How much of the effort a log deserves: more for more novelty, less for each try that brought nothing, as in the power schedules of
 * AFLFast (Böhme, Pham, Roychoudhury, CCS 2016). An integer ≥ 1, because rounding must not differ between machines.
 */
function energyOf({ novelty, tries }: CorpusLog): number {
  return 1 + Math.floor((64 * (33 - Math.clz32(novelty))) / (4 + tries));
}

/** Kept logs. */
export class MutationCorpus {
  readonly #logs: CorpusLog[] = [];
  #added = 0;

  get size(): number {
    return this.#logs.length;
  }

  add(decisions: readonly Decision[], novelty: number): void {
    if (this.#logs.length >= LOGS_KEPT) this.#dropWeakest();
    this.#added += 1;
    this.#logs.push({ id: this.#added, log: new IndexedLog(decisions), novelty, tries: 0 });
  }

  /** A log in proportion to its energy; there must be one. */
  choose(draws: DrawStream): CorpusLog {
    let left = draws.below(this.#logs.reduce((sum, log) => sum + energyOf(log), 0));
    for (const log of this.#logs) {
      left -= energyOf(log);
      if (left < 0) return log;
    }
    return this.#logs[0] as CorpusLog;
  }

  #dropWeakest(): void {
    let weakest = 0;
    this.#logs.forEach((log, i) => {
      if (energyOf(log) < energyOf(this.#logs[weakest] as CorpusLog)) weakest = i;
    });
    this.#logs.splice(weakest, 1);
  }
}
