/**
 * Passing executions beside a failing one: what happened in them, and what did not. Invariant: each is observed and
 * compared once, as long as it is kept.
 */
import type { Executor } from '../executor.ts';
import { hashAnswers, type KeyedDecision } from '../keyed-log.ts';
import { lackOf } from './hollow-pass.ts';
import { observe } from './observed-run.ts';
import { RunIndex } from './run-index.ts';

/** A passing execution beside a failing one. */
export interface ComparedPass {
  readonly index: RunIndex;
  /** What does not happen in it, as a sentence; undefined if it does what the failing one does. */
  readonly lack: string | undefined;
}

/**
 * Observes and compares passing executions. An execution may be large, so only those are kept of which one will be
 * shown: the last one, and the first in which less happens.
 */
export class ComparedPasses {
  readonly #executor: Executor;
  readonly #failing: RunIndex;
  readonly #kept: { hollow?: KeptPass; last?: KeptPass } = {};

  constructor(executor: Executor, failing: RunIndex) {
    this.#executor = executor;
    this.#failing = failing;
  }

  /** Runs the answers, unless the execution is kept. */
  async of(answers: readonly KeyedDecision[]): Promise<ComparedPass> {
    const hash = hashAnswers(answers);
    const { hollow, last } = this.#kept;
    for (const kept of [hollow, last]) if (kept?.hash === hash) return kept;
    const index = new RunIndex(await observe(this.#executor, answers, true));
    const pass = { hash, index, lack: lackOf(this.#failing, index) };
    this.#kept.last = pass;
    if (pass.lack !== undefined) this.#kept.hollow ??= pass;
    return pass;
  }
}

interface KeptPass extends ComparedPass {
  readonly hash: string;
}
