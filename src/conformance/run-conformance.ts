/** Runs cases for programs: one after another, a result each, nothing thrown for a case that fails. */
import { checkMethods, checkObject, checkOptions } from '../kernel/argument-check.ts';
import type { ConformanceCase, ProveOptions } from './conformance-case.ts';
import { conformanceCases } from './conformance-cases.ts';
import type { ConformanceSubject } from './subject.ts';

/** What became of a case. */
export interface CaseResult {
  readonly subject: string;
  readonly group: string;
  readonly title: string;
  readonly rules: readonly string[];
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped. */
  readonly reason?: string;
  /** What it failed with, a `ConformanceError` as a rule. */
  readonly error?: unknown;
}

/** What {@link runConformance} takes. */
export interface ConformanceOptions extends ProveOptions {
  /** Default: the whole suite. */
  readonly cases?: readonly ConformanceCase[];
  /** How many cases run at once on the machine's time; default 1. Simulations always run one after another. */
  readonly concurrency?: number;
}

/**
 * Holds a runner to the contract and gives each result as it comes, in the order of the cases.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner } from 'dryrunner';
 * import { conformanceCases, runConformance, simCommands, supportsAllBut } from 'dryrunner/conformance';
 * const subject = {
 *   name: 'mine',
 *   supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
 *   commands: simCommands,
 *   create: (world: Parameters<typeof createSimulatedRunner>[0], options: object) => ({
 *     service: createSimulatedRunner(world, options),
 *   }),
 * };
 * const cases = conformanceCases.filter(({ group }) => group === 'release');
 * for await (const { outcome, title } of runConformance(subject, { cases })) {
 *   if (outcome === 'failed') throw new Error(title);
 * }
 * ```
 */
export async function* runConformance(
  subject: ConformanceSubject,
  options: ConformanceOptions = {},
): AsyncGenerator<CaseResult, void, undefined> {
  checkObject('subject', 'a ConformanceSubject', subject);
  checkMethods('subject', subject, ['create']);
  checkObject('subject.supports', 'capabilities such as supportsAllBut({})', subject.supports);
  checkOptions(options);
  const { cases = conformanceCases, concurrency = 1 } = options;
  const width = subject.wallWorld === undefined ? 1 : concurrency;
  const begun: Promise<CaseResult>[] = [];
  for (const conformanceCase of cases) {
    begun.push(resultOf(conformanceCase, subject, options));
    if (begun.length >= width) yield await (begun.shift() as Promise<CaseResult>);
  }
  for (const result of begun) yield await result;
}

async function resultOf(
  conformanceCase: ConformanceCase,
  subject: ConformanceSubject,
  options: ProveOptions,
): Promise<CaseResult> {
  const { group, title, rules } = conformanceCase;
  const about = { subject: subject.name, group, title, rules };
  const reason = conformanceCase.skipReason(subject);
  if (reason !== undefined) return { ...about, outcome: 'skipped', reason };
  try {
    await conformanceCase.prove(subject, options);
    return { ...about, outcome: 'passed' };
  } catch (error) {
    return { ...about, outcome: 'failed', error };
  }
}
