/**
 * Executions of a test that held, to recognize a failure that no decision leads to: one whose decisions an earlier
 * execution took, and held.
 */
import type { Decision } from '../../kernel/decisions.ts';
import { canonicalQuestion } from '../../kernel/question.ts';
import type { Verdict } from '../../simulation/verdict.ts';

/** The first ones are kept, as far as they are short: comparing takes time, and memory. */
const KEPT_MAX = 256;
const DECISIONS_MAX = 1_000;

/** See the top of the file. */
export class HeldExecutions {
  readonly #kept: { readonly seed: string; readonly verdict: Verdict }[] = [];

  /** `seed` is that of `world.random`. */
  note(seed: string, verdict: Verdict): void {
    if (this.#kept.length >= KEPT_MAX || verdict.decisionCount > DECISIONS_MAX) return;
    this.#kept.push({ seed, verdict });
  }

  /** True if one of them, with that seed, took all these decisions, and went on. */
  haveTaken(seed: string, decisions: readonly Decision[]): boolean {
    return this.#kept.some((one) => {
      if (one.seed !== seed) return false;
      const before = one.verdict.decisions(decisions.length);
      return decisions.every((decision, index) => isSameDecision(decision, before[index]));
    });
  }
}

function isSameDecision({ question, n, answer }: Decision, other: Decision | undefined): boolean {
  if (n !== other?.n || answer !== other.answer) return false;
  return canonicalQuestion(question) === canonicalQuestion(other.question);
}
