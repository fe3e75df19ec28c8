/**
 * Remembers what was tried while shrinking, so that nothing is run twice. Invariant: its size is bounded by the number
 * of executions for small logs; for large ones only hashes are kept.
 */
import type { Decision } from '../../kernel/decisions.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import { hashAnswers, keyDecisions } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import { compareSizes } from './log-order.ts';
import type { LogSize } from './log-order.ts';
import type { ShrinkState, Trial } from './shrink-pass.ts';

/** A failing execution on the way to the smallest. */
export interface ShrunkLog {
  /** All its decisions; they repeat the execution as it is. */
  readonly log: readonly Decision[];
  readonly verdict: Verdict;
  /** Number of executions so far. */
  readonly executions: number;
}

/** A failing execution with its questions and its size. */
export interface FailingRun extends ShrinkState, ShrunkLog {
  readonly log: readonly KeyedDecision[];
  readonly size: LogSize;
}

/** The result of a proposal: `failing` if it fails in the same way. */
export interface KnownTrial {
  readonly failing: FailingRun | undefined;
  /** The questions that were asked. Computed on demand, because most passes do not need them. */
  readonly asked: Trial['asked'];
}

const FORGOTTEN: KnownTrial = { asked: undefined, failing: undefined };

/** An execution that did not fail in the same way. */
function otherTrial(verdict: Verdict): KnownTrial {
  let asked: Trial['asked'];
  return {
    failing: undefined,
    get asked() {
      asked ??= keyDecisions(verdict.decisions());
      return asked;
    },
  };
}

/** Longer logs are kept as a hash only. */
const KEPT_LENGTH_MAX = 400;
/** The questions of passing executions are kept only for this many, the latest, and for the plain one. */
const ASKED_KEPT = 2_048;
const PLAIN = hashAnswers([]);
const DETOURS_KEPT = 48;

/** Results of proposals, by the hash of their answers. */
export class TrialMemory {
  readonly #trials = new Map<string, KnownTrial>();
  readonly #asked: string[] = [];
  /** Failing executions that are not the best and have not been used as a starting point, the smallest last. */
  readonly #detours: FailingRun[] = [];

  /** The earlier result of the same answers. */
  find(hash: string): KnownTrial | undefined {
    return this.#trials.get(hash);
  }

  keepFailing(hash: string, failing: FailingRun): KnownTrial {
    const trial = { failing, asked: failing.log };
    const isShort = failing.log.length <= KEPT_LENGTH_MAX;
    this.#trials.set(hash, isShort ? trial : FORGOTTEN);
    if (isShort) this.#keepDetour(failing);
    return trial;
  }

  keepOther(hash: string, verdict: Verdict): KnownTrial {
    const trial = otherTrial(verdict);
    const isShort = verdict.decisionCount <= KEPT_LENGTH_MAX;
    this.#trials.set(hash, isShort ? trial : FORGOTTEN);
    if (isShort && hash !== PLAIN) this.#forgetLater(hash);
    return trial;
  }

  /** Takes out the simplest failing execution that has not been used as a starting point. */
  takeSmallestDetour(): FailingRun | undefined {
    return this.#detours.pop();
  }

  /** Removes `run`, which is now the starting point. */
  dropDetour(run: FailingRun): void {
    const at = this.#detours.indexOf(run);
    if (at >= 0) this.#detours.splice(at, 1);
  }

  #keepDetour(run: FailingRun): void {
    let at = this.#detours.length;
    while (at > 0 && compareSizes((this.#detours[at - 1] as FailingRun).size, run.size) < 0) at -= 1;
    const next = this.#detours[at - 1];
    if (next !== undefined && compareSizes(next.size, run.size) === 0) return;
    this.#detours.splice(at, 0, run);
    if (this.#detours.length > DETOURS_KEPT) this.#detours.shift();
  }

  #forgetLater(hash: string): void {
    this.#asked.push(hash);
    if (this.#asked.length <= ASKED_KEPT) return;
    this.#trials.set(this.#asked.shift() as string, FORGOTTEN);
  }
}
