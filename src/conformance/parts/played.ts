/**
 * Runs one scenario of a case and returns what happened. Invariant: events come in the plain order, and every question
 * that the case does not answer is answered 0, so that everything that happens is known.
 */
import type { DecisionSource } from '../../kernel/decisions.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { simulate } from '../../simulation/simulate.ts';
import type { SimulateOptions } from '../../simulation/simulate-options.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import type { Failure, Verdict } from '../../simulation/verdict.ts';
import { formatEvent } from '../../trace/event-text.ts';
import { simulationError } from '../conformance-case.ts';

/** Options of a simulation, and the signal of the case if there is one. */
export type SimulatedCase = Omit<SimulateOptions, 'signal'> & { readonly signal: AbortSignal | undefined };

/** Runs a simulation that must not fail; the error says by which `seed`, or in which way, it was decided. */
export async function simulateHolding(
  seed: string | number,
  { signal, ...options }: SimulatedCase,
): Promise<Verdict> {
  const verdict = await simulate({ ...options, ...(signal === undefined ? {} : { signal }) });
  if (verdict.failure !== undefined) throw simulationError(verdict.failure, seed);
  return verdict;
}

/** Answers by the texts of the questions, for the first time that each is asked; all others are answered 0. */
export type PlayAnswers = Readonly<Record<string, number | 'highest'>>;

/** The result of a scenario. */
export interface Played {
  readonly failure: Failure | undefined;
  readonly verdict: Verdict;
  readonly events: readonly TraceEvent[];
  /** The events as texts: `5 ms: a calls add(7) of counter`. */
  readonly lines: readonly string[];
  /**
   * The questions other than the order of events: `a to counter add fault = 15 of 16: the call add(7) from a to counter
   * is lost`.
   */
  readonly asked: readonly string[];
}

/** Runs one scenario in virtual time, in the plain order of events, with the faults given as answers. */
export async function play(
  scenario: (sim: Simulation) => Promise<void> | void,
  answers: PlayAnswers = {},
  options: { readonly signal?: AbortSignal | undefined; readonly capturePlaces?: boolean } = {},
): Promise<Played> {
  const asked: string[] = [];
  const source: DecisionSource = {
    decide(question, n, occurrence, describe) {
      const given = occurrence === 0 ? answers[question.text] : undefined;
      const answer = given === 'highest' ? n - 1 : (given ?? 0);
      asked.push(`${question.text} = ${answer} of ${n}: ${String(describe?.(answer, question))}`);
      return answer;
    },
    order: () => 0,
  };
  const { signal, capturePlaces = false } = options;
  const verdict = await simulate({
    ...{ scenario, source, keepTrace: true, capturePlaces },
    ...(signal === undefined ? {} : { signal }),
  });
  const events = verdict.trace();
  return { verdict, failure: verdict.failure, events, lines: events.map(formatEvent), asked };
}

/** Runs a scenario like {@link play}; it must not fail. */
export async function playHolding(
  scenario: (sim: Simulation) => Promise<void> | void,
  answers: PlayAnswers = {},
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Played> {
  const played = await play(scenario, answers, options);
  if (played.failure !== undefined) throw simulationError(played.failure, 'plain');
  return played;
}

/** The lines of the faults that struck. */
export const faultLines = ({ events, lines }: Played): string[] =>
  lines.filter((_, at) => events[at]?.type === 'fault');
