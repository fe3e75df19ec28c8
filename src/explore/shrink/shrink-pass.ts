/**
 * The contract between the shrinker and its passes: a pass proposes logs, one after the other, and learns what came of each. Invariant:
 * a pass runs nothing and decides nothing; whether a proposal is better is the shrinker's judgement alone.
 */
import type { KeyedDecision } from '../keyed-log.ts';
import type { SiteSeries } from './site-answers.ts';

/** What is to be tried: answers by key, or by site; all others are plain. */
export type Proposal = readonly KeyedDecision[] | SiteSeries;

/** The best log so far; it changes while a pass runs. */
export interface ShrinkState {
  /** Every decision of its execution, in the order of asking. */
  readonly log: readonly KeyedDecision[];
  /** Those that are not the plain one. */
  readonly answers: readonly KeyedDecision[];
}

/** What came of a proposal. */
export interface Trial {
  /** It fails in the same way and is simpler: it is the best log now. */
  readonly isAccepted: boolean;
  /** What its execution asked; `undefined` if it had been tried long before and was not run again. */
  readonly asked: readonly KeyedDecision[] | undefined;
}

/** Proposes answers that are not plain, all others being 0. */
export type ShrinkPass = (state: ShrinkState) => Generator<Proposal, void, Trial>;

/** A part of a pass; true if something was accepted. */
export type ShrinkAttempt = Generator<Proposal, boolean, Trial>;
