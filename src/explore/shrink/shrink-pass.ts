/**
 * The contract between the shrinker and its passes: a pass proposes logs one after the other, and receives the result
 * of each. Invariant: a pass runs nothing and decides nothing; only the shrinker judges whether a proposal is better.
 */
import type { KeyedDecision } from '../keyed-log.ts';
import type { SiteSeries } from './site-answers.ts';

/** What to try: answers by key, or by site; all others are defaults. */
export type Proposal = readonly KeyedDecision[] | SiteSeries;

/** The best log so far; it changes while a pass runs. */
export interface ShrinkState {
  /** Every decision of its execution, in the order of asking. */
  readonly log: readonly KeyedDecision[];
  /** The non-default decisions. */
  readonly answers: readonly KeyedDecision[];
}

/** The result of a proposal. */
export interface Trial {
  /** True if it fails in the same way and is simpler; it is then the best log. */
  readonly isAccepted: boolean;
  /** The questions of its execution; undefined if it was tried long before and not run again. */
  readonly asked: readonly KeyedDecision[] | undefined;
}

/** Proposes non-default answers; all others are 0. */
export type ShrinkPass = (state: ShrinkState) => Generator<Proposal, void, Trial>;

/** A part of a pass; returns true if a proposal was accepted. */
export type ShrinkAttempt = Generator<Proposal, boolean, Trial>;
