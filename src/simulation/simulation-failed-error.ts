/** A verdict that does not hold, for those who must throw: test frameworks and property-based tests. */
import { checkRecord } from '../kernel/argument-check.ts';
import type { Verdict } from './verdict.ts';

/** What failed, when, its details, and how to see it again. */
export function describeFailure(verdict: Verdict): string {
  checkRecord('verdict', 'the verdict of a simulation', verdict);
  const { failure, scenario, seed, virtualMs, traceHash } = verdict;
  if (failure === undefined) return `${scenario} held (seed ${seed})`;
  const { kind, rule, message, atMs, details } = failure;
  return [
    `${rule === undefined ? kind : `${kind} (${rule})`} at ${atMs} ms: ${message}`,
    ...details.map((detail) => `  ${detail}`),
    `scenario ${scenario}, seed ${JSON.stringify(seed)}, ${virtualMs} ms of virtual time, trace ${traceHash}`,
  ].join('\n');
}

/** Carries the verdict; the message says what failed, and which seed repeats it. */
export class SimulationFailedError extends Error {
  override readonly name = 'SimulationFailedError';
  readonly verdict: Verdict;

  constructor(verdict: Verdict, hint = '') {
    super(`${describeFailure(verdict)}${hint === '' ? '' : `\n${hint}`}`, { cause: verdict.failure?.cause });
    this.verdict = verdict;
  }
}
