/**
 * What was tried while shrinking, so that nothing is run twice. Invariant: it is bounded by the number of executions for small logs and
 * keeps hashes only for large ones.
 */
import type { Decision } from '../../kernel/decisions.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import { keyDecisions } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import { compareSizes } from './log-order.ts';
import type { LogSize } from './log-order.ts';
import type { ShrinkState, Trial } from './shrink-pass.ts';

/** A failing execution on the way to the smallest. */
export interface ShrunkLog {
  /** All its decisions; it repeats the execution as it is. */
  readonly log: readonly Decision[];
  readonly verdict: Verdict;
  /** Executions until then. */
  readonly executions: number;
}

/** An execution with what was asked, and its size. */
export interface FailingRun extends ShrinkState, ShrunkLog {
  readonly log: readonly KeyedDecision[];
  readonly size: LogSize;
}

/** What came of a proposal: `failing` if it fails in the same way. */
export interface KnownTrial {
  readonly failing: FailingRun | undefined;
  /** What was asked; most passes do not want to know, so that it is made when they do. */
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

/** Of longer logs only the hash is kept. */
const KEPT_LENGTH_MAX = 400;
/** What passing executions asked is kept of the last ones only. */
const ASKED_KEPT = 2_048;
const DETOURS_KEPT = 48;

/** The proposals by the hash of their answers. */
export class TrialMemory {
  readonly #trials = new Map<string, KnownTrial>();
  readonly #asked: string[] = [];
  /** Failing executions that are not the best, and from which nothing has gone down yet, the smallest last. */
  readonly #detours: FailingRun[] = [];

  /** What came of the same answers before. */
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
    if (isShort) this.#forgetLater(hash);
    return trial;
  }

  /** The simplest failing execution that was tried and not taken from here before. */
  takeSmallestDetour(): FailingRun | undefined {
    return this.#detours.pop();
  }

  /** `run` is being gone down from: it is no detour any more. */
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
