/**
 * The certificate of an exhaustive search. Invariant: `complete` is true only if every schedule within the bounds was
 * run or is equivalent to one that was; every bound that left something out is named.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { counted, formatCount } from '../../model/plural.ts';

/** Bounds of a search; all unlimited by default. */
export interface SearchBounds {
  /** Maximum number of executions, including those abandoned as equivalent. */
  readonly maxExecutions?: number;
  /** Questions per schedule that are answered in every way; later ones get the default answer. */
  readonly maxDecisions?: number;
  /**
   * Events passed over, per schedule: answer k to a question about order passes over k events (after Emmi, Qadeer and
   * Rakamarić, POPL 2011).
   */
  readonly maxDelays?: number;
  /** Answers other than 0 to all other questions, per schedule. */
  readonly maxFaults?: number;
}

/** Argument shapes of the bounds. */
export const BOUND_FIELDS: is.ShapesOf<SearchBounds> = is.each(
  ['maxExecutions', 'maxDecisions', 'maxDelays', 'maxFaults'],
  is.satisfying(
    'an integer ≥ 0',
    (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 0),
  ),
);

/** A bound that leaves schedules out. */
export type LimitingBound = 'maxDecisions' | 'maxDelays' | 'maxFaults';

/** Why a search ended before it was complete. */
export type SearchStop =
  | 'maxExecutions'
  /** `onFailure` stopped it at a failure. */
  | 'failure'
  /** It was stopped from outside. */
  | 'interruption'
  /** The scenario behaved differently under the same answers. */
  | 'divergence'
  /** The state that the scenario declares does not determine what can follow. */
  | 'incompleteState'
  /**
   * It explored all states, but one of them recurs at one instant: schedules that go round for ever have no end, so none
   * was run that stands for them. If all schedules end, the declared state does not determine what can follow.
   */
  | 'recurringState';

/** Results of merging the states that a scenario declares. */
export interface StateReport {
  /** Distinct states between two events for which everything that can follow was seen. */
  readonly distinct: number;
  /** Executions that reached an explored state, or came back to one, and then continued in one way at most. */
  readonly merged: number;
  /** Executions that explored such a state again, to check that the same ends follow. */
  readonly checked: number;
  /** A state where other ends followed: the state, and the ends. */
  readonly gap?: string;
  /** A state that recurs at one instant, if any. */
  readonly recurring?: string;
}

/** The result of an exhaustive search. */
export interface Certificate {
  readonly scenario: string;
  /**
   * Distinct schedules that were run to their end: no two differ only in the order of independent events (Mazurkiewicz
   * traces, each with its values). If states are merged, no two schedules are the same, and the others lead into one of
   * them.
   */
  readonly schedules: number;
  /** Number of schedules that failed. */
  readonly failures: number;
  /** Number of all executions. */
  readonly executions: number;
  /** Executions equivalent to an earlier one; most were abandoned on the way. */
  readonly equivalent: number;
  /**
   * Present if the scenario declares its state: states were then merged, and the certificate is only as good as the
   * declaration.
   */
  readonly states?: StateReport;
  readonly bounds: SearchBounds;
  /** The bounds that left something out. */
  readonly limitedBy: readonly LimitingBound[];
  /** True if every schedule within the bounds was run, or is equivalent to one that was. */
  readonly complete: boolean;
  /** Why the search ended before it was complete; absent if it is. */
  readonly stoppedBy?: SearchStop;
}

const STOPS: Readonly<Record<SearchStop, string>> = {
  maxExecutions: 'the bound on executions stopped it',
  failure: 'it was stopped at a failure',
  interruption: 'it was asked to stop',
  divergence: 'the scenario did not do the same again with the same answers',
  incompleteState: 'the declared state is not complete',
  recurringState: 'a declared state recurs at one instant: it is not complete, or some schedules never end',
};

const NO_STOP = is.satisfying('nothing, as the search is complete', (value) => value === undefined);

/** The stops that mean a fault of the scenario itself, although nothing has failed. */
const FAULTS_OF_SCENARIO: readonly SearchStop[] = ['divergence', 'incompleteState', 'recurringState'];

/** The fault that the search found in the scenario itself; undefined if that is not why it ended. */
export function scenarioFault({ stoppedBy }: Pick<Certificate, 'stoppedBy'>): string | undefined {
  return stoppedBy !== undefined && FAULTS_OF_SCENARIO.includes(stoppedBy) ? STOPS[stoppedBy] : undefined;
}

/**
 * Formats the certificate as a few lines of text.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a certificate.
 * @example
 * ```ts
 * import { certify, formatCertificate } from 'dryrunner/explore';
 * import { defineScenario } from 'dryrunner';
 * const scenario = defineScenario({
 *   name: 'two-coins',
 *   description: 'two coins are tossed',
 *   run: (sim) => void (sim.choose('first', 2) + sim.choose('second', 2)),
 * });
 * const text = formatCertificate(await certify(scenario));
 * if (!text.startsWith('All 4 distinct schedules of two-coins were explored')) throw new Error(text);
 * ```
 */
export function formatCertificate(certificate: Certificate): string {
  check('certificate', certificate, is.readable('a certificate'));
  check('certificate.bounds', certificate.bounds, is.readable('the bounds of a search'));
  check(
    'certificate.limitedBy',
    certificate.limitedBy,
    is.listOf(is.ANY, 'the bounds that left something out'),
  );
  check('certificate.complete', certificate.complete, is.BOOLEAN);
  check(
    'certificate.stoppedBy',
    certificate.stoppedBy,
    certificate.complete ? NO_STOP : is.oneOf(...Object.keys(STOPS)),
  );
  const { states } = certificate;
  return [
    `${headline(certificate)}${verdict(certificate)}.`,
    states === undefined
      ? 'Each stands for all schedules that differ from it only in the order of events that cannot touch each other.'
      : (states.gap ??
        `${recurrence(states)}This trusts the scenario that what it declares as its state decides, with time and what is pending, all that can follow.`),
    `Bounds: ${bounds(certificate)}.`,
    spent(certificate),
  ].join('\n');
}

function spent({ executions, equivalent, states }: Certificate): string {
  const all = counted(executions, 'execution');
  if (states === undefined) {
    return `${all}, of which ${formatCount(equivalent)} turned out to be equivalent to another one.`;
  }
  const { merged, checked } = states;
  return `${all}, of which ${formatCount(merged)} came to a state that was explored before, and ${formatCount(checked)} explored such a state again, as a check.`;
}

function recurrence({ recurring }: StateReport): string {
  return recurring === undefined
    ? ''
    : `If the declaration is complete, a schedule can come back to this state at the same instant for ever: ${recurring}. `;
}

function headline({ stoppedBy, schedules, scenario, states, limitedBy }: Certificate): string {
  const within = limitedBy.length === 0 ? '' : ' within the bounds';
  if (stoppedBy === undefined && states !== undefined) {
    const { distinct } = states;
    return `All of ${scenario}${within} was explored: ${counted(distinct, 'state')}, ${counted(schedules, 'schedule')} that ran to the end`;
  }
  if (stoppedBy === undefined) {
    const all =
      schedules === 1 ? 'The only distinct schedule' : `All ${counted(schedules, 'distinct schedule')}`;
    return `${all} of ${scenario}${within} ${schedules === 1 ? 'was' : 'were'} explored`;
  }
  const reason = STOPS[stoppedBy];
  if (stoppedBy === 'recurringState' && states !== undefined) {
    return `No certificate: ${reason}. All else of ${scenario}${within} was explored: ${counted(states.distinct, 'state')}, ${counted(schedules, 'schedule')} that ran to the end`;
  }
  return `No certificate: ${reason} after ${counted(schedules, 'distinct schedule')} of ${scenario}`;
}

function verdict({ failures, schedules, stoppedBy }: Certificate): string {
  if (failures > 0) return `, ${formatCount(failures)} ${failures === 1 ? 'fails' : 'fail'}`;
  if (stoppedBy === undefined && schedules === 1) return ', and it holds';
  // A failure behind a state that was explored before is not one of the schedules.
  return stoppedBy === 'failure' ? '' : ', none fails';
}

function bounds({
  bounds: { maxExecutions, maxDecisions, maxDelays, maxFaults },
  limitedBy,
}: Certificate): string {
  const texts = [
    ...(maxExecutions === undefined ? [] : [`at most ${counted(maxExecutions, 'execution')}`]),
    ...(maxDecisions === undefined
      ? []
      : [withEffect('maxDecisions', counted(maxDecisions, 'open decision'))]),
    ...(maxDelays === undefined ? [] : [withEffect('maxDelays', counted(maxDelays, 'delay'))]),
    ...(maxFaults === undefined ? [] : [withEffect('maxFaults', counted(maxFaults, 'unusual answer'))]),
  ];
  return texts.length === 0 ? 'none' : texts.join('; ');

  function withEffect(bound: LimitingBound, text: string): string {
    const effect = limitedBy.includes(bound) ? 'which leaves schedules out' : 'which leaves nothing out';
    return `at most ${text} per schedule, ${effect}`;
  }
}
