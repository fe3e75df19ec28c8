/** A proposal as it is run, and what a pass learns of it. */
import type { DecisionSource } from '../../kernel/decisions.ts';
import { answersOf, hashAnswers } from '../keyed-log.ts';
import type { KnownTrial } from './shrink-memory.ts';
import type { Proposal, Trial } from './shrink-pass.ts';
import { answersOfSites, textOfSeries } from './site-answers.ts';

/** What a pass learns; it asks the trial for what was asked only if it is asked itself. */
export class ProposalOutcome implements Trial {
  readonly isAccepted: boolean;
  readonly #trial: KnownTrial;

  constructor(isAccepted: boolean, trial: KnownTrial) {
    this.isAccepted = isAccepted;
    this.#trial = trial;
  }

  get asked(): Trial['asked'] {
    return this.#trial.asked;
  }
}

/** The same for the same answers. */
export function hashOf(proposal: Proposal): string {
  return 'length' in proposal ? hashAnswers(proposal) : textOfSeries(proposal);
}

/** What answers as it proposes. */
export function sourceOf(proposal: Proposal): DecisionSource {
  return 'length' in proposal ? answersOf(proposal) : answersOfSites(proposal);
}
