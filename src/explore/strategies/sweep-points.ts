/** Where a sweep strikes and with what. Invariant: the answers of a point go from the highest down, and their number is bounded. */

import type { Question } from '../../kernel/question.ts';

/** One question that has an answer of its own in a plan. */
export interface ForcedAnswer {
  readonly question: Question;
  readonly occurrence: number;
  readonly answer: number;
}

/** A question for a fault, as it was asked. */
export interface FaultPoint {
  readonly question: Question;
  readonly occurrence: number;
  readonly n: number;
}

/** Up to here all answers are tried; beyond, those at distances 1, 2, 4 … from the highest, and 1. */
const ANSWERS_MAX = 128;

/** The answer of round `round`, from 0, at a point with `n` alternatives; undefined when all were tried. */
export function sweepAnswer(n: number, round: number): number | undefined {
  if (n <= ANSWERS_MAX) return round < n - 1 ? n - 1 - round : undefined;
  const distance = 2 ** round;
  if (distance < n - 1) return n - distance;
  return 2 ** (round - 1) < n - 1 ? 1 : undefined;
}

/** Every answer of every point singly: the highest of all points first, so that each point is struck early. */
export function singlePlans(points: readonly FaultPoint[]): ForcedAnswer[] {
  const plans: ForcedAnswer[] = [];
  let open = points;
  for (let round = 0; open.length > 0; round++) {
    open = open.filter(({ n }) => sweepAnswer(n, round) !== undefined);
    for (const { question, occurrence, n } of open) {
      plans.push({ question, occurrence, answer: sweepAnswer(n, round) as number });
    }
  }
  return plans;
}
